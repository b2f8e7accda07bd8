"""VisitLogger: each request is recorded once, whatever happens to it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

import pytest
import webtest.lint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from webtest import TestApp
from werkzeug.test import run_wsgi_app

from cactuprivacy import DeclarationError, JsonLinesSink, VisitLog, VisitLogger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cactuprivacy.visits import Visit

    Environ = Callable[..., dict[str, Any]]


class Kept:
    """A sink that keeps visits in memory."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []

    def write(self, batch: Sequence[Visit]) -> None:
        self.visits += batch

    def close(self) -> None:
        pass


def answer(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", "5")])
    return [b"Hello"]


def seen(app: Any, environ: dict[str, Any], **options: Any) -> Visit:
    """Serve one request, and return its one record."""
    sink = Kept()
    logger = VisitLogger(app, sinks=[sink], **options)
    try:
        body, _, _ = run_wsgi_app(logger, environ)
        for _ in body:
            pass
        close = getattr(body, "close", None)
        if close is not None:
            close()
    except ZeroDivisionError:
        pass
    finally:
        logger.pipeline.close()
    (visit,) = sink.visits
    return visit


def test_a_visit_is_recorded_with_address_and_referrer_cut(make_environ: Environ) -> None:
    visit = seen(answer, make_environ("/cacti?q=secret", HTTP_REFERER="https://blog.example/p?user=7"))

    assert (visit.method, visit.route, visit.status, visit.bytes, visit.kind) == (
        "GET",
        "/cacti",
        200,
        5,
        "page",
    )
    assert (visit.address, visit.referrer) == ("203.0.113.0", "https://blog.example/p")
    assert (visit.referrer_kind, visit.aborted, visit.objected) == ("external", False, False)


def test_level_counts_holds_nothing_of_the_visitor(make_environ: Environ) -> None:
    visit = seen(answer, make_environ(HTTP_REFERER="https://blog.example/"), log=VisitLog(level="counts"))

    assert (visit.address, visit.referrer, visit.referrer_kind) == (None, None, "none")


def test_level_full_holds_the_whole_address(make_environ: Environ) -> None:
    visit = seen(answer, make_environ(), log=VisitLog(level="full", reason="to find who attacks us"))

    assert visit.address == "203.0.113.77"


def test_who_objects_is_counted_without_address_and_referrer(make_environ: Environ) -> None:
    environ = make_environ(HTTP_REFERER="https://blog.example/")
    visit = seen(answer, environ, objects=lambda environ: True)

    assert (visit.objected, visit.address, visit.referrer) == (True, None, None)
    assert visit.route == "/cacti"


def test_an_objection_in_this_very_request_counts(make_environ: Environ) -> None:
    def choices(environ: Any, start_response: Any) -> list[bytes]:
        environ["said"] = "no"
        return answer(environ, start_response)

    assert seen(choices, make_environ(), objects=lambda environ: "said" in environ).objected


def test_W30_what_came_is_recorded_and_not_what_a_layer_made_of_it(make_environ: Environ) -> None:
    def shifts(environ: Any, start_response: Any) -> list[bytes]:
        environ.update(SCRIPT_NAME="/cacti", PATH_INFO="/", REMOTE_ADDR="127.0.0.1", REQUEST_METHOD="POST")
        return answer(environ, start_response)

    visit = seen(shifts, make_environ())

    assert (visit.method, visit.route, visit.address) == ("GET", "/cacti", "203.0.113.0")


def test_the_matched_route_is_recorded_and_not_the_path(make_environ: Environ) -> None:
    def routed(environ: Any, start_response: Any) -> list[bytes]:
        environ["cactuprivacy.route"] = "/reset/<token>"
        return answer(environ, start_response)

    assert seen(routed, make_environ("/reset/abc")).route == "/reset/<token>"


def test_a_path_without_a_route_is_redacted(make_environ: Environ) -> None:
    assert seen(answer, make_environ("/u/ada@example.org")).route == "/u/<email>"


def test_W36_an_app_that_raises_is_recorded_as_500(make_environ: Environ) -> None:
    def raises(environ: Any, start_response: Any) -> list[bytes]:
        raise ZeroDivisionError

    visit = seen(raises, make_environ())

    assert (visit.status, visit.aborted) == (500, True)


def test_W1_a_generator_app_is_recorded_with_its_status(make_environ: Environ) -> None:
    def late(environ: Any, start_response: Any) -> Any:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        yield b"No"

    assert seen(late, make_environ()).status == 404


def test_W3_a_start_that_the_server_refuses_changes_no_status(make_environ: Environ) -> None:
    def late(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        try:
            1 / 0  # noqa: B018  # raising is the point
        except ZeroDivisionError:
            start_response("503 Busy", [], sys.exc_info())
        return [b"x"]

    assert seen(late, make_environ()).status == 200


def test_W3_the_last_status_is_the_one(make_environ: Environ) -> None:
    def twice(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        try:
            1 / 0  # noqa: B018  # raising is the point
        except ZeroDivisionError:
            start_response("503 Busy", [], sys.exc_info())
        return [b"x"]

    sink = Kept()
    logger = VisitLogger(twice, sinks=[sink])
    body = logger(make_environ(), lambda *_: None)  # a server that has sent nothing takes the second start
    assert list(body) == [b"x"]
    body.close()  # type: ignore[attr-defined]  # a body that a layer closes has it
    logger.pipeline.close()

    assert [visit.status for visit in sink.visits] == [503]


def test_W49_two_in_a_stack_record_once(make_environ: Environ) -> None:
    sink = Kept()
    inner = VisitLogger(answer, sinks=[sink])
    seen(inner, make_environ())
    inner.pipeline.close()

    assert sink.visits == []


@pytest.mark.parametrize("environ", [{}, {"REMOTE_ADDR": None}, {"REMOTE_ADDR": "@", "PATH_INFO": ""}])
def test_W34_an_environ_that_lacks_things_is_recorded(environ: dict[str, Any]) -> None:
    sink = Kept()
    logger = VisitLogger(answer, sinks=[sink])
    body: Any = logger(environ, lambda *_: lambda _data: None)
    body.close()
    logger.pipeline.close()

    assert [visit.address for visit in sink.visits] == [None]


def test_behind_a_trusted_proxy_the_client_is_recorded(make_environ: Environ) -> None:
    environ = make_environ(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="6.6.6.6, 198.51.100.9")
    visit = seen(answer, environ, trusted_proxies=["127.0.0.1"])

    assert visit.address == "198.51.100.0"


def test_a_page_of_ours_is_told_by_the_site(make_environ: Environ) -> None:
    environ = make_environ(HTTP_REFERER="https://shop.example/a", HTTP_HOST="evil.example")

    assert seen(answer, environ, site="https://shop.example").referrer_kind == "internal"


def test_the_layer_keeps_the_protocol(tmp_path: Path) -> None:
    logger = VisitLogger(
        validator(webtest.lint.middleware(answer)), sinks=[JsonLinesSink(tmp_path / "v.jsonl")]
    )
    app = TestApp(validator(logger))

    assert app.get("/").text == "Hello"
    assert app.head("/").status_code == 200
    logger.pipeline.close()


def test_a_log_without_a_sink_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"sinks=\[JsonLinesSink"):
        VisitLogger(answer)


@pytest.mark.parametrize("sinks", [[object()], [JsonLinesSink], "visits.jsonl"])
def test_what_is_no_sink_is_refused(sinks: Any) -> None:
    with pytest.raises(DeclarationError, match="sink"):
        VisitLogger(answer, sinks=sinks)


latin = st.text(st.characters(max_codepoint=255), max_size=200)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(path=latin, referrer=latin, method=latin, address=latin, host=latin, length=latin)
def test_any_request_becomes_one_valid_line(
    tmp_path: Path, path: str, referrer: str, method: str, address: str, host: str, length: str
) -> None:
    def echoes(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", length), ("Content-Type", host)])
        return []

    file = tmp_path / "visits.jsonl"
    file.unlink(missing_ok=True)
    logger = VisitLogger(echoes, sinks=[JsonLinesSink(file)])
    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_REFERER": referrer, "REMOTE_ADDR": address,
        "HTTP_HOST": host,
    }  # fmt: skip
    body: Any = logger(environ, lambda *_: lambda _data: None)
    body.close()
    logger.pipeline.close()

    (line,) = file.read_bytes().splitlines()
    assert json.loads(line)["status"] == 200

"""The guard on the way of pages: which bodies it reads, in whichever way they leave, and what stays true of them."""

from __future__ import annotations

import gzip
import zlib
from wsgiref.validate import validator

import pytest
from flask import Flask, stream_with_context
from webtest import TestApp
from webtest.lint import middleware as lint
from werkzeug.test import create_environ, run_wsgi_app

from cactuprivacy import CookieGuard
from cactuprivacy.cookies import CookieRefusedError

SITE = "https://shop.example"
HINT = b'<p>Hello</p><link rel="preconnect" href="https://evil.example">'
INERT = HINT.replace(b"href", b"xref")


def answering(body=HINT, *headers, kind="text/html; charset=utf-8", status="200 OK"):
    def app(environ, start_response):
        given = [("Content-Type", kind)] if kind else []
        start_response(status, [*given, *headers])
        return body() if callable(body) else [body]

    return app


def ask(app, path="/", **options):
    """Return the body and the headers that leave, and the rules of the page that refused."""
    headers = options.pop("headers", None)
    guard = CookieGuard(app, SITE, **options)
    chunks, _, left = run_wsgi_app(guard, create_environ(path, SITE, headers=headers))
    return b"".join(chunks), left, [rule for rule, _ in guard.refused if rule[0] == "H"]


@pytest.mark.parametrize(
    "kind",
    [
        "text/html",
        "TEXT/HTML; charset=utf-8",
        "application/xhtml+xml",
        "image/svg+xml",
        "text/xml",
        "text/xsl",
        None,
        "*/*",
    ],
)
def test_what_browsers_show_as_a_page_is_read(kind):
    assert (INERT, ["H1"]) == ask(answering(kind=kind))[::2]


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "text/javascript", "image/png", "text/css"]
)
def test_what_is_no_page_passes_untouched(kind):
    assert (HINT, []) == ask(answering(kind=kind))[::2]


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "500 Oh", "302 Found", "206 Partial Content"])
def test_pages_of_every_status_are_read(status):
    assert INERT == ask(answering(status=status))[0]


def test_a_page_is_read_as_it_streams():
    def stream():
        for at in range(0, len(HINT), 5):
            yield HINT[at : at + 5]

    assert INERT == ask(answering(stream))[0]


def test_a_page_that_is_written_is_read():
    def app(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/html")])
        write(HINT[:30])
        write(HINT[30:])
        return []

    assert INERT == ask(app)[0]


def test_a_page_that_starts_late_is_read():
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        yield HINT

    assert INERT == ask(app)[0]


def test_the_length_and_the_etag_stay_true():
    length = ("Content-Length", str(len(HINT)))
    body, headers, _ = ask(answering(HINT, length, ("ETag", '"a"')))

    assert (str(len(body)), '"a"') == (headers["Content-Length"], headers["ETag"])


def test_a_packed_page_is_read_and_packed_again():
    packed = gzip.compress(HINT)
    app = answering(
        packed, ("Content-Encoding", "gzip"), ("Content-Length", str(len(packed))), ("ETag", '"a"')
    )
    body, headers, rules = ask(app)

    assert INERT == gzip.decompress(body)
    assert ["H1"] == rules
    assert ("gzip", None, 'W/"a"') == (
        headers["Content-Encoding"],
        headers.get("Content-Length"),
        headers["ETag"],
    )


def test_H9_a_page_in_another_coding_is_told_of(caplog):
    packed = zlib.compress(HINT)
    given = ("Content-Encoding", "deflate")

    assert ["H9"] == ask(answering(packed, given))[2]
    assert "H9: page 'deflate', out, refused" in caplog.text
    assert packed == ask(answering(packed, given), mode="report")[0]


@pytest.mark.parametrize("destination", [None, "image", "document", "iframe", "empty"])
def test_an_app_is_asked_for_a_page_that_can_be_read(destination):
    seen = []

    def app(environ, start_response):
        seen.append(environ["HTTP_ACCEPT_ENCODING"])
        start_response("204 No Content", [])
        return []

    headers = {"Accept-Encoding": "gzip, deflate, br, zstd"}
    if destination:
        headers["Sec-Fetch-Dest"] = destination
    ask(app, headers=headers)
    ask(app, headers=headers | {"Sec-Fetch-Dest": "script"})
    ask(app, headers=headers, mode="report")
    ask(app, "/free/x", headers=headers, exempt=["/free"])

    assert ["gzip", *["gzip, deflate, br, zstd"] * 3] == seen


def test_an_exempt_page_is_not_read():
    assert HINT == ask(answering(), "/free/x", exempt=["/free"])[0]


def test_report_reads_and_changes_nothing():
    packed = gzip.compress(HINT)
    app = answering(packed, ("Content-Encoding", "gzip"), ("Content-Length", str(len(packed))))

    assert (HINT, ["H1"]) == ask(answering(), mode="report")[::2]
    assert (packed, ["H1"]) == ask(app, mode="report")[::2]
    assert str(len(packed)) == ask(app, mode="report")[1]["Content-Length"]


@pytest.mark.parametrize("body", [HINT, lambda: iter([HINT])])
def test_strict_raises_where_the_page_is_read(body):
    with pytest.raises(CookieRefusedError, match="H1: page 'link href', out"):
        ask(answering(body), mode="strict")


def test_a_host_that_was_let_in_may_be_hinted_at():
    assert (HINT, []) == ask(answering(), allow_hosts={"font": ["evil.example"]})[::2]


def test_between_validators_a_page_is_read():
    length = ("Content-Length", str(len(HINT)))
    guard = validator(CookieGuard(validator(answering(HINT, length)), SITE))

    assert INERT == TestApp(lint(guard), lint=False).get("/").body


def test_flask_streams_through_the_guard():
    app = Flask(__name__)

    @app.get("/")
    def page():
        return app.response_class(
            stream_with_context(iter(["<p>1</p><li", 'nk rel="preconnect" href="//e', 'vil.example">']))
        )

    app.wsgi_app = CookieGuard(app.wsgi_app, SITE)

    assert '<p>1</p><link rel="preconnect" xref="//evil.example">' == app.test_client().get("/").text


def test_a_guard_in_a_guard_finds_nothing_left():
    outer = CookieGuard(CookieGuard(answering(), SITE), SITE)
    chunks, _, _ = run_wsgi_app(outer, create_environ("/", SITE))

    assert INERT == b"".join(chunks)
    assert not outer.refused


def test_the_log_tells_the_place_and_never_the_address(caplog):
    ask(answering())

    assert "H1: page 'link href', out, refused" in caplog.text
    assert "evil" not in caplog.text

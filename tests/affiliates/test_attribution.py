from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, create_environ

from cactuprivacy import AffiliateAttribution, AffiliateProgram, DeclarationError, Middleware, Site
from cactuprivacy.affiliates.attribution import code_in
from cactuprivacy.affiliates.claim import Claim, today
from cactuprivacy.consent import Consent
from cactuprivacy.consent.pages import ChoicesPage
from cactuprivacy.wsgi.pages import Pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    MakeProgram = Callable[..., AffiliateProgram]

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}
HEADERS = [
    ("Content-Type", "text/plain"),
    ("Cache-Control", "public, max-age=60, s-maxage=600"),
    ("Surrogate-Control", "max-age=600"),
]


def shop(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", list(HEADERS))
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else b"cactuses"]


def visit(program: AffiliateProgram, path: str = "/?af=alice", *, method: str = "GET", **headers: str) -> Any:
    """Return the response to one request, cookies and all as *headers* say."""
    app = TestApp(AffiliateAttribution(shop, program))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.request(path, method=method, headers=sent)


def claimed(program: AffiliateProgram, response: Any) -> Claim | None:
    """Return the claim that a response sets, after looking at how it sets it."""
    lines = response.headers.getall("Set-Cookie")
    if not lines:
        return None
    (line,) = lines
    value, *attributes = line.split("; ")
    assert attributes == ["Max-Age=2592000", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"]
    return program.held({"HTTP_COOKIE": value})


def cookie(program: AffiliateProgram, code: str, *, days_ago: int = 0) -> str:
    return f"{program.cookie.name}={program.signer.sign(Claim(code, today() - timedelta(days=days_ago)))}"


def test_a_persons_click_makes_a_claim(program: AffiliateProgram) -> None:
    assert Claim("alice", today()) == claimed(program, visit(program, **NAVIGATION))


def test_an_old_browser_that_says_nothing_of_its_fetch_makes_a_claim(program: AffiliateProgram) -> None:
    assert Claim("alice", today()) == claimed(program, visit(program))


def test_two_visitors_of_one_link_and_day_get_the_same_bytes(program: AffiliateProgram) -> None:
    lines = {
        visit(program, **NAVIGATION, User_Agent=agent, X_Forwarded_For=address).headers["Set-Cookie"]
        for agent, address in (("one", "192.0.2.1"), ("two", "198.51.100.7"))
    }

    assert len(lines) == 1


@pytest.mark.parametrize(
    "method, headers",
    [
        pytest.param("HEAD", {}, id="HEAD"),
        pytest.param("POST", NAVIGATION, id="POST"),
        pytest.param("GET", {**NAVIGATION, "Sec-Fetch-Dest": "iframe"}, id="iframe"),
        pytest.param("GET", {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, id="image"),
        pytest.param("GET", {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, id="fetch"),
        pytest.param("GET", {**NAVIGATION, "Sec-Purpose": "prefetch"}, id="prefetch"),
        pytest.param("GET", {**NAVIGATION, "Sec-Purpose": "prefetch;prerender"}, id="prerender"),
        pytest.param("GET", {**NAVIGATION, "Purpose": "prefetch"}, id="older prefetch"),
        pytest.param("GET", {**NAVIGATION, "X-Moz": "prefetch"}, id="Firefox's prefetch"),
        pytest.param("GET", {**NAVIGATION, "Sec-GPC": "1"}, id="Global Privacy Control"),
    ],
)
def test_what_is_no_persons_navigation_makes_no_claim(
    program: AffiliateProgram, method: str, headers: dict[str, str]
) -> None:
    response = visit(program, method=method, **headers)

    assert [(name, value) for name, value in response.headers.items() if name != "Content-Length"] == HEADERS


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/?af=nobody", id="unknown code"),
        pytest.param("/?af=carol", id="pending affiliate"),
        pytest.param("/?af=", id="empty"),
        pytest.param("/?af", id="no value"),
        pytest.param("/?af=alice%20", id="blank"),
        pytest.param("/?af=17abc", id="A4: no code begins with one"),
        pytest.param("/?af=%ff%fe", id="no text"),
        pytest.param("/?af=" + "a" * 65, id="too long"),
        pytest.param("/?AF=alice", id="another case"),
        pytest.param("/?xaf=alice", id="another parameter that ends so"),
        pytest.param("/?x=af=alice", id="inside another's value"),
        pytest.param("/?af=alice&af=bob", id="two answers"),
        pytest.param("/?x=%26af=alice", id="encoded separator"),
    ],
)
def test_A4_what_is_no_approved_affiliates_link_makes_no_claim(program: AffiliateProgram, path: str) -> None:
    assert claimed(program, visit(program, path, **NAVIGATION)) is None


@pytest.mark.parametrize(
    "path", ["/?af=ALICE", "/?af=%61lice", "/?x=1&af=alice&y", "/deep/link?af=alice", "/?af=17"]
)
def test_A1_any_page_can_be_linked_to(program: AffiliateProgram, path: str) -> None:
    assert Claim("alice", today()) == claimed(program, visit(program, path, **NAVIGATION))


def test_another_parameter_can_be_declared(program: AffiliateProgram, make_program: MakeProgram) -> None:
    other = make_program(parameter="partner")

    assert Claim("alice", today()) == claimed(other, visit(other, "/?partner=alice", **NAVIGATION))
    assert claimed(other, visit(other, "/?af=alice", **NAVIGATION)) is None


def test_A8_the_last_click_wins(program: AffiliateProgram) -> None:
    response = visit(program, "/?af=bob", **NAVIGATION, Cookie=cookie(program, "alice"))

    assert Claim("bob", today()) == claimed(program, response)


@pytest.mark.parametrize("path", ["/?af=alice", "/?af=17", "/"])
def test_the_same_click_on_the_same_day_changes_nothing(program: AffiliateProgram, path: str) -> None:
    response = visit(program, path, **NAVIGATION, Cookie=cookie(program, "alice"))

    assert [(name, value) for name, value in response.headers.items() if name != "Content-Length"] == HEADERS


def test_the_claim_does_not_slide(program: AffiliateProgram) -> None:
    assert (
        claimed(program, visit(program, "/", **NAVIGATION, Cookie=cookie(program, "alice", days_ago=3)))
        is None
    )


def test_a_new_click_on_another_day_is_a_new_claim(program: AffiliateProgram) -> None:
    response = visit(program, **NAVIGATION, Cookie=cookie(program, "alice", days_ago=3))

    assert Claim("alice", today()) == claimed(program, response)


def test_an_unknown_code_leaves_the_claim_that_is_there(program: AffiliateProgram) -> None:
    response = visit(program, "/?af=nobody", **NAVIGATION, Cookie=cookie(program, "alice"))

    assert "Set-Cookie" not in response.headers


def test_A9_while_undecided_nothing_is_set_and_the_link_stays(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    queries: list[str] = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        queries.append(environ["QUERY_STRING"])
        return shop(environ, start_response)

    response = TestApp(AffiliateAttribution(app, make_program(None))).get("/?af=alice&x=1")

    assert queries == ["af=alice&x=1"]
    assert [(name, value) for name, value in response.headers.items() if name != "Content-Length"] == HEADERS


@pytest.mark.parametrize("value", ["sound", "broken", ""])
def test_a_no_clears_the_claim_in_the_same_response(
    program: AffiliateProgram, make_program: MakeProgram, value: str
) -> None:
    refused = make_program(False)
    sent = cookie(program, "alice") if value == "sound" else f"{program.cookie.name}={value}"
    response = visit(refused, "/", Cookie=f"x=1; {sent}")

    assert [program.cookie.expiry_line(secure=True)] == response.headers.getall("Set-Cookie")
    assert response.headers["Cache-Control"] == "private, max-age=60"


def test_global_privacy_control_clears_the_claim(program: AffiliateProgram) -> None:
    response = visit(program, "/", Cookie=cookie(program, "alice"), Sec_GPC="1")

    assert "Max-Age=0" in response.headers["Set-Cookie"]


def test_a_no_without_a_claim_changes_nothing(program: AffiliateProgram, make_program: MakeProgram) -> None:
    response = visit(make_program(False), Cookie="not__Host-affiliate=1; x=__Host-affiliate")

    assert "Set-Cookie" not in response.headers


def test_a_response_that_sets_the_claim_is_kept_by_no_shared_cache(program: AffiliateProgram) -> None:
    response = visit(program, **NAVIGATION)

    assert response.headers["Cache-Control"] == "private, max-age=60"
    assert "Surrogate-Control" not in response.headers


def test_a_claim_is_never_put_on_a_304(program: AffiliateProgram) -> None:
    """A cache that revalidates would write it into what it stores for everybody (RFC 9111, 4.3.4)."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        fresh = "HTTP_IF_NONE_MATCH" in environ
        start_response(
            "304 Not Modified" if fresh else "200 OK", [("ETag", '"1"'), ("Content-Type", "text/plain")]
        )
        return [] if fresh else [b"cactuses"]

    client = Client(AffiliateAttribution(app, program), use_cookies=False)
    clicked = client.get("/?af=alice", headers={**NAVIGATION, "If-None-Match": '"1"'})
    refused = client.get(
        "/", headers={"If-None-Match": '"1"', "Cookie": cookie(program, "alice"), "Sec-GPC": "1"}
    )

    assert (clicked.status_code, "Set-Cookie" in clicked.headers) == (200, True)
    assert (refused.status_code, "Set-Cookie" in refused.headers) == (304, False)


def test_a_landing_page_that_redirects_makes_its_claim(program: AffiliateProgram) -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("302 Found", [("Location", "/home"), ("Content-Type", "text/plain")])
        return [b""]

    response = TestApp(AffiliateAttribution(app, program)).get("/?af=alice")

    assert Claim("alice", today()) == claimed(program, response)


def test_mounted_under_a_prefix_the_cookie_is_the_sites_all_the_same(program: AffiliateProgram) -> None:
    inner = DispatcherMiddleware(shop, {"/mounted": AffiliateAttribution(shop, program)})
    response = TestApp(inner).get("/mounted/page?af=alice")

    assert Claim("alice", today()) == claimed(program, response)


def test_a_database_that_fails_costs_the_claim_and_not_the_page(
    program: AffiliateProgram, caplog: pytest.LogCaptureFixture
) -> None:
    with program.store.write() as connection:
        connection.execute(text("ALTER TABLE affiliate_code RENAME TO gone"))
    with caplog.at_level(logging.DEBUG, "cactuprivacy"):
        response = visit(program, **NAVIGATION)

    assert (response.body, claimed(program, response)) == (b"cactuses", None)
    assert len(caplog.records) == 1
    assert "alice" not in caplog.text


def test_a_consent_that_cannot_be_asked_costs_the_claim_and_not_the_page(
    program: AffiliateProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(environ: object) -> bool:
        raise RuntimeError

    monkeypatch.setattr(program, "_consent", broken)
    response = visit(program, **NAVIGATION)

    assert (response.body, claimed(program, response)) == (b"cactuses", None)


def test_a_request_without_our_parameter_and_cookie_asks_nobody(
    program: AffiliateProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_consent", lambda environ: pytest.fail("asked"))
    monkeypatch.setattr(program, "_roster", None)
    response = visit(program, "/?x=1", Cookie="session=1")

    assert [(name, value) for name, value in response.headers.items() if name != "Content-Length"] == HEADERS


def test_two_of_the_layer_set_one_cookie(program: AffiliateProgram) -> None:
    app = AffiliateAttribution(AffiliateAttribution(shop, program), program)

    assert len(TestApp(app).get("/?af=alice").headers.getall("Set-Cookie")) == 1


def test_the_layer_tells_a_guard_around_it_of_its_cookie(program: AffiliateProgram) -> None:
    assert (program.cookie,) == AffiliateAttribution(shop, program).cookies


def test_the_layer_refuses_to_stand_outside_a_guard(program: AffiliateProgram) -> None:
    class Guard(Middleware):
        place = 20

    with pytest.raises(DeclarationError, match="Guard"):
        AffiliateAttribution(Guard(shop), program)


def test_an_error_page_still_carries_the_claim(program: AffiliateProgram) -> None:
    answers: list[list[tuple[str, str]]] = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        failure = (LookupError, LookupError(), None)
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")], failure)
        return [b"sorry"]

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        answers.append(headers)

    AffiliateAttribution(app, program)(create_environ("/?af=alice"), start_response)

    assert [[name for name, _ in headers].count("Set-Cookie") for headers in answers] == [1, 1]


@given(st.text())
def test_a_query_string_of_any_kind_is_no_error(query: str) -> None:
    code_in("af=" + query, "af")


@given(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_every_code_is_found_in_a_query(code: str) -> None:
    assert code.lower() == code_in(f"a=1&af={code}&b", "af")


def test_the_whole_way_from_the_link_to_the_credit(make_program: MakeProgram) -> None:
    """Landing undecided, saying yes on the page, buying ten days later, and withdrawing at the end."""
    site = Site("http://localhost")
    consent = Consent(site)
    program = make_program(site=site)
    program._consent = lambda environ: consent.answer(environ, "affiliates")
    program.add("alice")
    program.approve("alice")

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/buy":
            credit = program.credit_sale(environ, order=1, amount="20", currency="GBP")
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(credit.affiliate).encode()]
        return shop(environ, start_response)

    choices = ChoicesPage(consent, Pages("cactuprivacy.consent", site_name="Shop"))
    doors = DispatcherMiddleware(app, {"/privacy/choices": choices})
    browser = TestApp(AffiliateAttribution(doors, program))

    browser.get("/?af=alice")
    assert "affiliate" not in browser.cookies
    landed = browser.post("/privacy/choices", {"affiliates": "yes", "next": "/?af=alice"})
    assert "affiliate" not in browser.cookies
    landed.follow()
    assert "affiliate" in browser.cookies
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(days=10)):
        assert browser.get("/buy").text == "alice"
    withdrawn = browser.post("/privacy/choices", {"affiliates": "no"})
    assert any(line.startswith("affiliate=; Max-Age=0") for line in withdrawn.headers.getall("Set-Cookie"))
    assert "affiliate" not in browser.cookies

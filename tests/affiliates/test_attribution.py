from __future__ import annotations

import logging
from datetime import date, datetime, timedelta, timezone
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
from cactuprivacy.affiliates.claim import MAX_TOUCHES, Touch, today, with_touch
from cactuprivacy.affiliates.links import code_in
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
# What a shared cache may not keep, for the link is in its URL: it would answer others, whose clicks never come.
PRIVATE = [("Content-Type", "text/plain"), ("Cache-Control", "private, max-age=60")]


def shop(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", list(HEADERS))
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else b"cactuses"]


def visit(program: AffiliateProgram, path: str = "/?af=alice", *, method: str = "GET", **headers: str) -> Any:
    """Return the response to one request, cookies and all as *headers* say."""
    app = TestApp(AffiliateAttribution(shop, program))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.request(path, method=method, headers=sent)


def told(response: Any) -> list[tuple[str, str]]:
    """Return the headers of a response, without the length that servers add."""
    return [(name, value) for name, value in response.headers.items() if name != "Content-Length"]


def claimed(program: AffiliateProgram, response: Any) -> Touch | None:
    """Return the claim that a response sets, after looking at how it sets it."""
    lines = response.headers.getall("Set-Cookie")
    if not lines:
        return None
    (line,) = lines
    value, *attributes = line.split("; ")
    assert attributes == ["Max-Age=2592000", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"]
    (held,) = program.held({"HTTP_COOKIE": value})
    return held


def cookie(program: AffiliateProgram, code: str, *, days_ago: int = 0) -> str:
    return f"{program.cookie.name}={program.signer.sign(Touch(code, today() - timedelta(days=days_ago)))}"


def test_a_persons_click_makes_a_claim(program: AffiliateProgram) -> None:
    assert Touch("alice", today()) == claimed(program, visit(program, **NAVIGATION))


def test_an_old_browser_that_says_nothing_of_its_fetch_makes_a_claim(program: AffiliateProgram) -> None:
    assert Touch("alice", today()) == claimed(program, visit(program))


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
        pytest.param("GET", {**NAVIGATION, "Sec-GPC": "1"}, id="Global Privacy Control"),
    ],
)
def test_what_is_no_persons_navigation_makes_no_claim(
    program: AffiliateProgram, method: str, headers: dict[str, str]
) -> None:
    response = visit(program, method=method, **headers)

    assert told(response) == PRIVATE


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "name, value",
    [
        ("Sec-Purpose", "prefetch"),
        ("Sec-Purpose", "prefetch;prerender"),
        ("Sec-Purpose", "prefetch;anonymous-client-ip"),
        ("Purpose", "prefetch"),
        ("X-Moz", "prefetch"),
        ("X-Purpose", "preview"),
    ],
)
def test_a_link_that_is_fetched_ahead_is_answered_so_that_the_click_asks_again(
    program: AffiliateProgram, method: str, name: str, value: str
) -> None:
    app = TestApp(AffiliateAttribution(shop, program))
    response = app.request("/?af=alice", method=method, headers={**NAVIGATION, name: value}, status=503)

    assert {"Retry-After", "Set-Cookie"}.isdisjoint(response.headers)
    assert response.headers["Cache-Control"] == "private, no-store"


def test_a_page_without_a_link_may_be_fetched_ahead(program: AffiliateProgram) -> None:
    assert told(visit(program, "/?page=2", Sec_Purpose="prefetch")) == HEADERS


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
    assert Touch("alice", today()) == claimed(program, visit(program, path, **NAVIGATION))


def test_another_parameter_can_be_declared(program: AffiliateProgram, make_program: MakeProgram) -> None:
    other = make_program(parameter="partner")

    assert Touch("alice", today()) == claimed(other, visit(other, "/?partner=alice", **NAVIGATION))
    assert claimed(other, visit(other, "/?af=alice", **NAVIGATION)) is None


def test_A8_the_last_click_wins(program: AffiliateProgram) -> None:
    response = visit(program, "/?af=bob", **NAVIGATION, Cookie=cookie(program, "alice"))

    assert Touch("bob", today()) == claimed(program, response)


@pytest.mark.parametrize("path", ["/?af=alice", "/?af=17", "/"])
def test_the_same_click_on_the_same_day_changes_nothing(program: AffiliateProgram, path: str) -> None:
    response = visit(program, path, **NAVIGATION, Cookie=cookie(program, "alice"))

    assert told(response) == (PRIVATE if "af=" in path else HEADERS)


def test_the_claim_does_not_slide(program: AffiliateProgram) -> None:
    assert (
        claimed(program, visit(program, "/", **NAVIGATION, Cookie=cookie(program, "alice", days_ago=3)))
        is None
    )


def test_a_new_click_on_another_day_is_a_new_claim(program: AffiliateProgram) -> None:
    response = visit(program, **NAVIGATION, Cookie=cookie(program, "alice", days_ago=3))

    assert Touch("alice", today()) == claimed(program, response)


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
    assert told(response) == PRIVATE


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

    assert Touch("alice", today()) == claimed(program, response)


def test_mounted_under_a_prefix_the_cookie_is_the_sites_all_the_same(program: AffiliateProgram) -> None:
    inner = DispatcherMiddleware(shop, {"/mounted": AffiliateAttribution(shop, program)})
    response = TestApp(inner).get("/mounted/page?af=alice")

    assert Touch("alice", today()) == claimed(program, response)


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

    monkeypatch.setattr(program.visitors, "_consent", broken)
    response = visit(program, **NAVIGATION)

    assert (response.body, claimed(program, response)) == (b"cactuses", None)


def test_a_request_without_our_parameter_and_cookie_asks_nobody(
    program: AffiliateProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program.visitors, "_consent", lambda environ: pytest.fail("asked"))
    monkeypatch.setattr(program, "_roster", None)
    response = visit(program, "/?x=1", Cookie="session=1")

    assert told(response) == HEADERS


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
    code_in("af=" + query, ("af",))


@given(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_every_code_is_found_in_a_query(code: str) -> None:
    assert code.lower() == code_in(f"a=1&af={code}&b", ("af",))


def test_the_whole_way_from_the_link_to_the_credit(make_program: MakeProgram) -> None:
    """Landing undecided, saying yes on the page, buying ten days later, and withdrawing at the end."""
    site = Site("http://localhost")
    consent = Consent(site)
    program = make_program(site=site)
    program.visitors._consent = lambda environ: consent.answer(environ, "affiliates")
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


def test_a_shared_cache_keeps_no_page_that_a_link_asked_for_even_of_a_bot(program: AffiliateProgram) -> None:
    """Else a crawler's copy would answer the people who click, and none of them would be credited."""
    assert told(visit(program, User_Agent="Googlebot/2.1")) == PRIVATE


def test_a_304_is_left_alone(program: AffiliateProgram, make_program: MakeProgram) -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("304 Not Modified", [("Cache-Control", "public")])
        return []

    response = TestApp(AffiliateAttribution(app, make_program(None))).get("/?af=alice", status=304)

    assert response.headers["Cache-Control"] == "public"


def consenting(program: AffiliateProgram, answers: dict[str, bool]) -> Any:
    """An app that asks on its landing page, and is told the answer there in the very request."""
    program.visitors._consent = lambda environ: environ.get("test.answer")

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        environ["test.answer"] = answers.get(environ["HTTP_X_SAYS"])
        return shop(environ, start_response)

    return TestApp(AffiliateAttribution(app, program))


def test_a_yes_on_the_landing_page_sets_the_claim_in_that_response(program: AffiliateProgram) -> None:
    browser = consenting(program, {"yes": True})

    assert claimed(program, browser.get("/?af=alice", headers={"X-Says": "nothing"})) is None
    assert claimed(program, browser.get("/?af=alice", headers={"X-Says": "yes"})) == Touch("alice", today())


def test_a_no_in_the_very_request_clears_the_claim_in_its_response(program: AffiliateProgram) -> None:
    browser = consenting(program, {"no": False})
    headers = {"X-Says": "no", "Cookie": cookie(program, "alice")}

    assert [program.cookie.expiry_line(secure=True)] == browser.get("/", headers=headers).headers.getall(
        "Set-Cookie"
    )


@pytest.mark.parametrize("path", ["/checkout", "/checkout/", "/checkout/pay", "//checkout", "/basket"])
def test_no_link_counts_where_the_programme_stands_down(
    program: AffiliateProgram, make_program: MakeProgram, path: str
) -> None:
    """What a coupon extension does: it opens its own link when the customer is about to pay."""
    wary = make_program(stand_down=["/basket", "/checkout"], clean_url=True)
    response = visit(wary, f"http://localhost{path}?af=bob", Cookie=cookie(program, "alice"))

    assert (response.status_int, "Set-Cookie" in response.headers) == (200, False)


@pytest.mark.parametrize("path", ["/", "/checkouts", "/a/checkout"])
def test_elsewhere_links_count(program: AffiliateProgram, make_program: MakeProgram, path: str) -> None:
    wary = make_program(stand_down=["/checkout"])

    assert Touch("bob", today()) == claimed(wary, visit(wary, f"{path}?af=bob"))


@pytest.mark.parametrize(
    "link", ["/r/bob/checkout", "/r/bob//checkout", "/r/bob/%63heckout", "/aftrack.asp?ID=bob&Req=checkout"]
)
def test_no_link_leads_around_the_standing_down(
    program: AffiliateProgram, make_program: MakeProgram, link: str
) -> None:
    wary = make_program(stand_down=["/checkout"], path="/r", legacy_path="/aftrack.asp")
    response = visit(wary, link, Cookie=cookie(program, "alice"))

    assert response.status_int == 303
    if "checkout" in response.headers["Location"]:
        assert "Set-Cookie" not in response.headers


def test_the_first_click_stays_when_the_model_says_so(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    first = make_program(model="first")

    assert claimed(first, visit(first, "/?af=bob", Cookie=cookie(program, "alice"))) is None
    assert Touch("bob", today()) == claimed(
        first, visit(first, "/?af=bob", Cookie=cookie(program, "alice", days_ago=31))
    )


def test_several_touches_are_kept_for_the_models_that_share(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    shared = make_program(model="linear")
    earlier = cookie(program, "bob", days_ago=3)
    line = visit(shared, "/?af=17", Cookie=earlier).headers["Set-Cookie"]

    assert (Touch("bob", today() - timedelta(days=3)), Touch("alice", today())) == shared.held(
        {"HTTP_COOKIE": line.split(";")[0]}
    )
    assert "Max-Age=2592000" in line


def test_a_touch_added_later_does_not_prolong_the_older_ones(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    shared = make_program(model="linear")
    jar = visit(shared, "/?af=alice", Cookie=cookie(program, "bob", days_ago=20)).headers["Set-Cookie"]
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(days=11)):
        held = shared.held({"HTTP_COOKIE": jar.split(";")[0]})

    assert ["alice"] == [touch.code for touch in held]


@pytest.mark.parametrize(
    "query, campaign",
    [("campaign=summer", "summer"), ("campaign=SUMMER", "summer"), ("", ""), ("campaign=visitor-4711", "")],
)
def test_only_a_declared_campaign_counts_so_that_none_numbers_visitors(
    program: AffiliateProgram, make_program: MakeProgram, query: str, campaign: str
) -> None:
    campaigning = make_program(campaigns=["summer", "mail"])

    assert Touch("alice", today(), campaign) == claimed(
        campaigning, visit(campaigning, f"/?af=alice&{query}")
    )


def test_without_declared_campaigns_the_parameter_is_the_apps(program: AffiliateProgram) -> None:
    assert Touch("alice", today()) == claimed(program, visit(program, "/?af=alice&campaign=summer"))


@given(st.data())
def test_invariant_10_two_visitors_of_the_same_links_and_days_carry_the_same_bytes(
    data: st.DataObject,
) -> None:
    """Whatever else they send, and, where all share alike, in whichever order they came on one day."""
    codes = data.draw(st.lists(st.sampled_from("abcdefgh"), max_size=8))
    held: list[tuple[Touch, ...]] = [(), ()]
    for day in range(3):
        for visitor in range(2):
            for code in data.draw(st.permutations(codes)):
                touch = Touch(code, date(2026, 6, 1 + day))
                held[visitor] = with_touch(held[visitor], touch, "linear")

    assert held[0] == held[1]
    assert len(held[0]) <= MAX_TOUCHES

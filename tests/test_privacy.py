"""Privacy: the declaration, refused when wrong, and its composition around an app."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

import pytest
import webtest.lint
from testkeys import KEY
from webtest import TestApp

from cactuprivacy import (
    AffiliateAttribution,
    Affiliates,
    Cookie,
    CookieGuard,
    DeclarationError,
    JsonLinesSink,
    MailingList,
    Privacy,
    VisitLog,
    VisitLogger,
)
from cactuprivacy.cookies import CookieRefusedError
from cactuprivacy.wsgi import layers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Declare = Callable[..., Privacy]

THIRD_PARTY = "_ga=1; Domain=.ads.example; SameSite=None; Secure"
HTTPS = {"HTTP_HOST": "shop.example", "wsgi.url_scheme": "https"}


@pytest.fixture
def declare(tmp_path: Path) -> Iterator[Declare]:
    """Declare a site with everything, or with what a test wants different."""
    made: list[Privacy] = []

    def declare(**different: Any) -> Privacy:
        options: dict[str, Any] = {
            "operator": "Cactusoft Ltd",
            "contact": "privacy@shop.example",
            "secret_keys": [KEY],
            "database": f"sqlite:///{tmp_path}/privacy.db",
            "cookies": [Cookie("session", purpose="keeps your basket")],
            "affiliates": Affiliates(),
            "visits": VisitLog(sinks=[JsonLinesSink(tmp_path / "visits.jsonl")]),
            "mailing_lists": [MailingList("news", title="Cactus news", sender="news@shop.example")],
            "mail": "smtp://localhost:25",
            **different,
        }
        privacy = Privacy(options.pop("site", "https://shop.example"), **options)
        made.append(privacy)
        return privacy

    yield declare
    for privacy in made:
        privacy.close()


def greet(environ: Any, start_response: Any) -> list[bytes]:
    """Answer, set a declared and an undeclared cookie, and tell which cookies came in."""
    start_response(
        "200 OK",
        [
            ("Content-Type", "application/json"),
            ("Set-Cookie", "session=1; Path=/"),
            ("Set-Cookie", THIRD_PARTY),
        ],
    )
    return [json.dumps(environ.get("HTTP_COOKIE", "")).encode()]


def test_the_layers_stand_in_their_order(declare: Declare) -> None:
    wrapped = declare()(greet)

    assert [type(layer) for layer in layers(wrapped)] == [VisitLogger, CookieGuard, AffiliateAttribution]


def test_only_what_is_declared_is_built(declare: Declare) -> None:
    wrapped = declare(affiliates=None, visits=None, mailing_lists=(), mail=None)(greet)

    assert [type(layer) for layer in layers(wrapped)] == [CookieGuard]
    TestApp(wrapped, extra_environ=HTTPS).get("/list/news", status=200)  # the app's own, then


def test_an_undeclared_cookie_neither_leaves_nor_enters(declare: Declare) -> None:
    app = TestApp(declare(evict=True)(greet), extra_environ=HTTPS)
    response = app.get("/", headers={"Cookie": "_ga=2; session=1"})

    session, *others = response.headers.getall("Set-Cookie")

    assert session == "session=1; Path=/; Secure; HttpOnly; SameSite=Lax"
    assert others  # which forget the stray
    assert all(line.startswith("_ga=; Max-Age=0; ") for line in others)
    assert response.json == "session=1"


def test_the_policy_states_every_cookie_that_may_leave(declare: Declare) -> None:
    privacy = declare()
    app = TestApp(privacy(greet), extra_environ=HTTPS)
    stated = app.get("/privacy/policy.json").json

    assert [cookie["name"] for cookie in stated["cookies"]] == [
        "__Host-affiliate",
        "__Host-privacy-choices",
        "session",
    ]
    assert privacy.policy.hash in app.get("/privacy").text


def test_the_receipt_cites_the_policy_in_force(declare: Declare) -> None:
    privacy = declare()
    app = TestApp(privacy(greet), extra_environ=HTTPS)
    app.post("/privacy/choices", {"affiliates": "no"})

    assert app.cookies["__Host-privacy-choices"].endswith("." + privacy.policy.hash[:8])


def test_a_choice_is_asked_only_for_what_the_site_does(declare: Declare) -> None:
    app = TestApp(declare(affiliates=None)(greet), extra_environ=HTTPS)

    assert 'name="affiliates"' not in app.get("/privacy/choices").text
    assert 'name="statistics"' in app.get("/privacy/choices").text


def test_withdrawing_clears_the_claim_in_the_same_response(declare: Declare) -> None:
    privacy = declare()
    privacy.affiliates.add("blog")
    privacy.affiliates.approve("blog")
    app = TestApp(privacy(greet), extra_environ=HTTPS)
    app.post("/privacy/choices", {"affiliates": "yes"})
    app.get("/?af=blog")
    held = app.cookies["__Host-affiliate"]
    response = app.post("/privacy/choices", {"affiliates": "no"})

    assert held
    assert any(
        line.startswith("__Host-affiliate=; Max-Age=0") for line in response.headers.getall("Set-Cookie")
    )


def test_the_mailing_list_is_mounted_and_registered(declare: Declare) -> None:
    privacy = declare(list_path="/letters")
    app = TestApp(privacy(greet), extra_environ=HTTPS)

    assert "Cactus news" in app.get("/letters/news").text
    assert privacy.people.stores == ("mailing lists",)


def test_A14_the_affiliates_pages_are_mounted_and_registered_when_applications_are_taken(
    declare: Declare,
) -> None:
    taking = Affiliates(applications="affiliates@shop.example")
    privacy = declare(affiliates=taking, affiliates_path="/earn")
    app = TestApp(privacy(greet), extra_environ=HTTPS)

    assert 'href="/earn/apply"' in app.get("/earn").text
    assert ("mailing lists", "affiliates") == privacy.people.stores


def test_A14_a_programme_that_takes_no_applications_has_no_such_page(declare: Declare) -> None:
    privacy = declare()
    app = TestApp(privacy(greet), extra_environ=HTTPS)

    assert "application/json" == app.get("/affiliates/apply").content_type  # it is the app that answers
    with pytest.raises(DeclarationError, match="takes no applications"):
        privacy.affiliate_portal  # noqa: B018  # looking is the test


def test_the_stack_keeps_the_protocol_on_both_sides(declare: Declare) -> None:
    inner = validator(webtest.lint.middleware(greet))
    taking = Affiliates(applications="affiliates@shop.example")
    app = TestApp(validator(declare(affiliates=taking)(inner)), extra_environ=HTTPS, lint=True)

    for path in (
        "/",
        "/privacy",
        "/privacy/policy.json",
        "/privacy/choices",
        "/list/news",
        "/affiliates/apply",
    ):
        assert app.get(path).status_code == 200
    for path in ("/privacy", "/privacy/policy.json", "/list/news", "/affiliates/figures"):
        assert app.head(path).body == b""


def test_the_stack_works_below_a_prefix(declare: Declare) -> None:
    app = TestApp(declare()(greet), extra_environ={**HTTPS, "SCRIPT_NAME": "/shop"})

    assert 'action="/shop/privacy/choices"' in app.get("/privacy/choices").text
    assert "/shop/privacy/policy.json" in app.get("/privacy").text


@pytest.mark.parametrize(
    ("different", "sentence"),
    [
        (
            {"site": "http://shop.example"},
            "uses http, which cannot keep a cookie secret; use https://shop.example",
        ),
        ({"secret_keys": ["short"]}, "at least 32 are needed"),
        ({"database": "sqlite:////no/such/folder/p.db"}, "cannot be written; make its folder"),
        ({"database": "mysql://x"}, "sqlite|SQLite"),
        ({"mail": None}, "no mail server; give mail='smtp://localhost:25'"),
        (
            {"mail": None, "mailing_lists": (), "affiliates": Affiliates(applications="a@shop.example")},
            "no mail server to answer by; give mail='smtp://localhost:25'",
        ),
        ({"affiliates_path": "affiliates"}, "no path to mount at"),
        ({"mail": "carrier-pigeon://loft"}, "carrier-pigeon"),
        ({"operator": " "}, "operator= is empty"),
        ({"contact": ""}, "contact= is empty"),
        ({"policy_path": "privacy"}, "no path to mount at"),
        ({"list_path": "/"}, "no path to mount at"),
        ({"trusted_proxies": "10.0.0.0/8"}, r"write trusted_proxies=\['10.0.0.0/8'\]"),
        ({"trusted_proxies": ["10.0.0.0/99"]}, "no network of proxies"),
        ({"affilliates": Affiliates()}, "did you mean affiliates=?"),
        (
            {"mailing_lists": [MailingList("news", title="N", sender="news@elsewhere.example")]},
            "elsewhere.example",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_declaration_is_refused_in_one_sentence(
    declare: Declare, different: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(DeclarationError, match=sentence) as caught:
        declare(**different)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Cookie("__Host-basket", purpose="p", domain="shop.example"), "cannot have a Domain"),
        (lambda: Affiliates(window_days=0), "window"),
        (lambda: Affiliates(applications="affiliates"), "applications='affiliates' is no mail address"),
        (lambda: Affiliates(windows_days=30), "did you mean window_days=?"),
        (lambda: VisitLog(keep_days=0), "keep_days"),
        (lambda: VisitLog(level="everything"), "everything"),
        (lambda: VisitLog(level="full"), "reason="),
        (lambda: JsonLinesSink("/no/such/folder/visits.jsonl"), "folder"),
        (lambda: MailingList("news", title="News", sender="not an address"), "sender"),
        (lambda: MailingList("no slug!", title="News", sender="news@shop.example"), "slug"),
    ],
)
def test_a_wrong_part_is_refused_when_it_is_made(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(DeclarationError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("af=blog", True),
        ("page=2&af=blog", True),
        ("", False),
        ("page=2", False),
        ("af=", False),
        ("leaf=x", False),
    ],
)
def test_only_who_came_by_an_affiliates_link_is_asked(declare: Declare, query: str, asked: bool) -> None:
    banner = declare().banner({"QUERY_STRING": query, "PATH_INFO": "/", "SCRIPT_NAME": ""})

    assert bool(banner) is asked


def test_two_cookies_of_one_name_are_refused(declare: Declare) -> None:
    with pytest.raises(DeclarationError, match="declared twice"):
        declare(cookies=[Cookie("session", purpose="a"), Cookie("session", purpose="b")])


@pytest.mark.parametrize("part", ["affiliates", "visits", "mailing_lists"])
def test_a_part_that_was_not_declared_says_how_to_declare_it(declare: Declare, part: str) -> None:
    privacy = declare(affiliates=None, visits=None, mailing_lists=(), mail=None)

    with pytest.raises(DeclarationError, match="give Privacy"):
        getattr(privacy, part)


def test_declaring_opens_no_database_and_writes_no_file(declare: Declare, tmp_path: Path) -> None:
    declare()(greet)

    assert list(tmp_path.iterdir()) == []


def test_a_host_is_let_in_once_and_stands_in_the_policy_too(declare: Declare) -> None:
    privacy = declare(allow_hosts={"image": ["images.example"]}, exempt=["/map"])
    app = TestApp(privacy(greet), extra_environ=HTTPS)
    page = app.get("/privacy")
    policies = page.headers.getall("Content-Security-Policy")

    assert ["default-src 'none'", "default-src 'self'"] == [policy[:18] for policy in policies]
    assert "*.shop.example:* images.example" in policies[1]
    assert "load images from images.example" in page.text
    assert "at and below /map" in page.text


def test_a_site_on_trial_records_what_it_will_stop(declare: Declare) -> None:
    app = TestApp(declare(mode="report", visits=None)(greet), extra_environ=HTTPS)

    assert ["session=1; Path=/", THIRD_PARTY] == app.get("/").headers.getall("Set-Cookie")
    assert "recorded, but not yet stopped" in app.get("/privacy").text


def test_a_sites_tests_can_fail_on_what_is_refused(declare: Declare) -> None:
    app = TestApp(declare(mode="strict")(greet), extra_environ=HTTPS)

    with pytest.raises(CookieRefusedError, match="O18"):
        app.get("/")


def test_redirects_to_strangers_can_be_refused(declare: Declare) -> None:
    def send_away(environ: Any, start_response: Any) -> list[bytes]:
        start_response("302 Found", [("Content-Type", "text/html"), ("Location", "https://evil.example/")])
        return [b"gone"]

    app = TestApp(declare(redirects="refuse")(send_away), extra_environ=HTTPS)

    assert "Location" not in app.get("/").headers


def test_a_mode_that_is_none_is_refused_when_declared(declare: Declare) -> None:
    with pytest.raises(DeclarationError, match="use 'enforce', 'report' or 'strict'"):
        declare(mode="enforced")
    with pytest.raises(DeclarationError, match="use 'report' or 'refuse'"):
        declare(redirects="stop")


@pytest.mark.parametrize(
    "paths",
    [
        {"list_path": "/privacy"},
        {"list_path": "/same", "affiliates_path": "/same"},
        {"affiliates_path": "/privacy/choices"},
    ],
)
def test_two_mounts_at_one_path_are_refused_when_declared(declare: Declare, paths: dict[str, str]) -> None:
    with pytest.raises(DeclarationError, match="give each its own"):
        declare(**paths)


def test_a_wrong_host_or_path_is_refused_when_declared(declare: Declare) -> None:
    with pytest.raises(DeclarationError, match="no host alone"):
        declare(allow_hosts={"image": ["https://images.example"]})
    with pytest.raises(DeclarationError, match="no path below the root"):
        declare(exempt=["map"])

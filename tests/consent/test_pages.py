"""The page of choices and the banner."""

from __future__ import annotations

from typing import Any

import pytest
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from cactuprivacy import Consent
from cactuprivacy.consent.pages import ChoicesPage
from cactuprivacy.wsgi.pages import Pages

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def page() -> ChoicesPage:
    pages = Pages("cactuprivacy.consent", site_name="Cactus & Co", policy="/privacy")
    return ChoicesPage(Consent("https://shop.example"), pages)


@pytest.fixture
def app(page: ChoicesPage) -> TestApp:
    def not_found(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b""]

    mounted = DispatcherMiddleware(not_found, {"/privacy/choices": page})
    return TestApp(mounted, extra_environ={"HTTP_HOST": "shop.example", "wsgi.url_scheme": "https"})


def test_the_page_asks_with_equal_buttons_and_no_tick(app: TestApp) -> None:
    response = app.get("/privacy/choices")

    assert response.text.count('class="equal" name="affiliates"') == 2
    assert "checked" not in response.text
    assert "<script" not in response.text


def test_looking_sets_nothing(app: TestApp) -> None:
    assert "Set-Cookie" not in app.get("/privacy/choices").headers


def test_an_answer_is_remembered_and_shown(app: TestApp) -> None:
    answered = app.post("/privacy/choices", {"affiliates": "yes"}, headers=OURS)

    assert answered.status_code == 303
    assert answered.headers["Location"] == "/privacy/choices?saved"
    assert "yes, remember it</strong>" in answered.follow().text


def test_withdrawing_takes_as_many_clicks_as_agreeing(app: TestApp) -> None:
    app.post("/privacy/choices", {"affiliates": "yes"}, headers=OURS)
    app.post("/privacy/choices", {"affiliates": "no"}, headers=OURS)

    assert "no, do not</strong>" in app.get("/privacy/choices").text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://shop.example"}, 303),
        ({}, 303),
    ],
    ids=["another site", "a sibling host", "another origin", "an opaque origin", "our origin", "no browser"],
)
def test_nobody_else_chooses_for_the_visitor(app: TestApp, headers: dict[str, str], status: int) -> None:
    response = app.post("/privacy/choices", {"affiliates": "yes"}, headers=headers, expect_errors=True)

    assert response.status_code == status
    assert ("Set-Cookie" in response.headers) is (status == 303)


def test_a_choice_that_is_neither_yes_nor_no_changes_nothing(app: TestApp) -> None:
    response = app.post("/privacy/choices", {"affiliates": "maybe"}, headers=OURS, status=422)

    assert "Set-Cookie" not in response.headers


def test_the_way_back_stays_on_this_site(app: TestApp) -> None:
    there = app.post("/privacy/choices", {"affiliates": "no", "next": "/p/1?af=blog"}, headers=OURS)
    away = app.post("/privacy/choices", {"affiliates": "no", "next": "//evil.example"}, headers=OURS)

    assert there.headers["Location"] == "/p/1?af=blog"
    assert away.headers["Location"] == "/privacy/choices?saved"


def test_a_huge_form_is_refused(app: TestApp) -> None:
    app.post("/privacy/choices", {"affiliates": "y" * 10_000}, headers=OURS, status=413)


def test_other_methods_and_paths_are_answered_plainly(app: TestApp) -> None:
    assert app.put("/privacy/choices", status=405).headers["Allow"] == "GET, HEAD, POST"
    app.get("/privacy/choices/more", status=404)


def test_the_page_keeps_strict_headers(app: TestApp) -> None:
    headers = app.get("/privacy/choices").headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert headers["X-Content-Type-Options"] == "nosniff"


def environ(query: str = "", cookie: str = "", **more: str) -> dict[str, Any]:
    return {"PATH_INFO": "/p/1", "SCRIPT_NAME": "/shop", "QUERY_STRING": query, "HTTP_COOKIE": cookie, **more}


def test_the_banner_asks_and_leads_back_to_where_one_was(page: ChoicesPage) -> None:
    banner = page.banner(environ("af=blog&x=%3Cb%3E"))

    assert 'value="/shop/p/1?af=blog&amp;x=%3Cb%3E"' in banner
    assert banner.index('value="no"') < banner.index('value="yes"')


def test_a_hostile_query_does_not_break_out_of_the_banner(page: ChoicesPage) -> None:
    assert "<script" not in page.banner(environ('"><script>alert(1)</script>'))


def test_who_sends_gpc_is_not_asked(page: ChoicesPage) -> None:
    assert page.banner(environ(HTTP_SEC_GPC="1")) == ""


def test_who_has_answered_is_not_asked_again(page: ChoicesPage, app: TestApp) -> None:
    app.post("/privacy/choices", {"affiliates": "no"}, headers=OURS)
    receipt = app.cookies["__Host-privacy-choices"]

    assert page.banner(environ(cookie=f"__Host-privacy-choices={receipt}")) == ""

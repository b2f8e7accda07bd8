"""The pages: what they answer, what they change, and what they give away."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from werkzeug import Response
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from cactuprivacy import KeyRing, OptIn, Store
from tests.optin.conftest import KEY, NEWS, ORIGIN, OWN, Shop

if TYPE_CHECKING:
    from typing import Any

    from mail_catcher import MailCatcher

TOKEN = "A" * 43


def stamp_in(page: str) -> str:
    found = re.search(r'name="stamp" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_M1_the_form_is_labelled_and_nothing_is_ticked(small_shop: Shop) -> None:
    page = small_shop.client.get("/list/news")

    assert 200 == page.status_code
    assert '<label for="email">' in page.text
    assert NEWS.consent in page.text
    assert "checked" not in page.text


def test_signing_up_leads_to_a_page_without_the_address(small_shop: Shop) -> None:
    answer = small_shop.sign_up()

    assert (303, "/list/news/sent") == (answer.status_code, answer.location)
    assert "Look into your inbox" in small_shop.client.get(answer.location).text


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/list/nothing", 404),
        ("POST", "/list/nothing", 404),
        ("GET", "/list/nothing/sent", 404),
        ("GET", "/list/", 404),
        ("GET", f"/list/c/{TOKEN}", 404),
        ("HEAD", f"/list/c/{TOKEN}", 404),
        ("POST", f"/list/c/{TOKEN}", 404),
        ("GET", "/list/c/short", 404),
        ("POST", "/list/c/short", 404),
        ("GET", f"/list/u/1.{TOKEN}", 404),
        ("POST", f"/list/u/1.{TOKEN}", 404),
        ("POST", "/list/u/jo@example.org", 404),
        ("GET", "/list/u/?email=jo@example.org&jo=1", 404),
        ("PUT", "/list/news", 405),
        ("DELETE", "/list/news", 405),
        ("OPTIONS", "/list/news", 405),
        ("POST", "/list/confirmed", 405),
        ("GET", "/list/confirmed", 200),
        ("GET", "/list/left", 200),
    ],
)
def test_every_path_and_method_has_its_status(small_shop: Shop, method: str, path: str, status: int) -> None:
    data = {"email": "jo@example.org"} if method == "POST" else None

    assert status == small_shop.client.open(path, method=method, data=data).status_code


def test_405_names_the_methods(small_shop: Shop) -> None:
    allowed = small_shop.client.put("/list/news").headers["Allow"]

    assert {"GET", "HEAD", "POST"} == set(allowed.split(", "))


def test_a_body_that_is_no_form_is_415(small_shop: Shop) -> None:
    assert 415 == small_shop.client.post("/list/news", json={"email": "jo@example.org"}).status_code


def test_a_large_body_is_413(small_shop: Shop) -> None:
    assert 413 == small_shop.client.post("/list/news", data={"email": "a" * 100_000}).status_code


def test_many_fields_are_413(small_shop: Shop) -> None:
    fields = {f"f{number}": (None, "x") for number in range(100)}

    answer = small_shop.client.post("/list/news", data=fields, content_type="multipart/form-data")
    assert 413 == answer.status_code


@pytest.mark.parametrize("address", ["", "jo", "=?utf-8?q?jo=40evil.example=2c?=@example.org", "jo@@x"])
def test_a_wrong_address_is_422_and_changes_nothing(small_shop: Shop, address: str) -> None:
    before = small_shop.dump()
    answer = small_shop.sign_up(address)

    assert 422 == answer.status_code
    assert 'role="alert"' in answer.text
    assert before == small_shop.dump()


def test_what_was_typed_is_shown_again_escaped(small_shop: Shop) -> None:
    answer = small_shop.sign_up('"><script>alert(1)</script>')

    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_token_pages_leak_nothing(small_shop: Shop) -> None:
    page = small_shop.client.get(small_shop.ask())

    assert {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow, noarchive",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
    }.items() <= dict(page.headers).items()
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in page.headers
    assert [] == re.findall(r"""(?:src|href|action)=["'](?:https?:)?//""", page.text)


def test_M6_the_page_of_the_link_has_one_button(small_shop: Shop) -> None:
    page = small_shop.client.get(small_shop.ask())

    assert "<title>One click left" in page.text
    assert 1 == page.text.count("<button autofocus>")
    assert "j***@e…" in page.text
    assert "jo@example.org" not in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("query", ["", "?confirm=true", "?jo=1&email=jo@example.org", "?action=unsubscribe"])
def test_I6_reading_changes_nothing(small_shop: Shop, method: str, query: str) -> None:
    way_in, stamp = small_shop.ask(), "?stamp="
    small_shop.subscribe("mo@example.org")
    way_out = small_shop.leave_link()
    stamp += stamp_in(small_shop.client.get(way_in).text)
    before = small_shop.dump()
    for path in ("/list/news", "/list/news/sent", way_in, way_out, "/list/confirmed", "/list/left"):
        small_shop.client.open(path + query, method=method)
        small_shop.client.open(path + stamp, method=method)

    assert before == small_shop.dump()


def test_M6_a_link_scanner_confirms_nobody(small_shop: Shop) -> None:
    link = small_shop.ask()
    for method in ("HEAD", "GET", "GET"):
        small_shop.client.open(link, method=method)
    blind = small_shop.client.post(link, data={"confirm": "true"})

    assert 403 == blind.status_code
    assert [] == small_shop.rows("subscription")


def test_the_button_of_one_page_confirms_no_other_link(small_shop: Shop) -> None:
    mine, other = small_shop.ask("jo@example.org"), small_shop.ask("mo@example.org")
    stamp = stamp_in(small_shop.client.get(mine).text)

    assert 403 == small_shop.client.post(other, data={"stamp": stamp}).status_code


def test_pressing_the_button_confirms(small_shop: Shop) -> None:
    answer = small_shop.confirm(small_shop.ask())

    assert (303, "/list/confirmed") == (answer.status_code, answer.location)
    assert ["active"] == [row.state for row in small_shop.rows("subscription")]


def test_I7_the_answer_is_the_same_for_every_address(small_shop: Shop) -> None:
    shop = small_shop
    shop.sign_up("pending@example.org")
    shop.deliver()
    shop.subscribe("left@example.org")
    shop.client.post(shop.leave_link(), data={"List-Unsubscribe": "One-Click"})
    shop.subscribe("active@example.org")
    shop.subscribe("erased@example.org")
    shop.lists.erase("erased@example.org")
    stamp = stamp_in(shop.client.get("/list/news").text)

    answers = set()
    for who in ("new", "pending", "active", "left", "erased", "pending", "pending", "pending"):
        answer = shop.sign_up(f"{who}@example.org", stamp=stamp)
        answers.add((answer.status, tuple(answer.headers), answer.data))
    trapped = shop.sign_up("bot@example.org", website="https://spam.example")
    answers.add((trapped.status, tuple(trapped.headers), trapped.data))
    assert 1 == len(answers)


def test_the_trap_keeps_nothing(small_shop: Shop) -> None:
    before = small_shop.dump()
    small_shop.sign_up(website="https://spam.example")

    assert before == small_shop.dump()


@pytest.mark.parametrize(
    "headers, stamped, status",
    [
        pytest.param({}, True, 303, id="our form, a browser that says nothing"),
        pytest.param({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, True, 303, id="our form"),
        pytest.param({"Origin": "null"}, True, 303, id="our form, no-referrer makes its origin null"),
        pytest.param({"Origin": ORIGIN}, False, 303, id="the host's box"),
        pytest.param({"Sec-Fetch-Site": "same-origin"}, False, 303, id="the host's box, as browsers say it"),
        pytest.param({"Origin": "https://evil.example"}, False, 403, id="a stranger's box"),
        pytest.param({"Origin": "null"}, False, 403, id="a box in a sandbox"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, False, 403, id="a stranger's box, as browsers say it"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, True, 403, id="a stranger's box with our stamp"),
    ],
)
def test_whose_form_it_was(small_shop: Shop, headers: dict[str, str], stamped: bool, status: int) -> None:
    form = {"email": "jo@example.org"}
    if stamped:
        form["stamp"] = stamp_in(small_shop.client.get("/list/news").text)

    assert status == small_shop.client.post("/list/news", data=form, headers=headers).status_code


@pytest.mark.parametrize("stamp", ["", "forged", "WyJuZXdzIl0.x.y"])
def test_a_broken_stamp_is_403_with_a_fresh_form(small_shop: Shop, stamp: str) -> None:
    answer = small_shop.sign_up(stamp=stamp)

    assert 403 == answer.status_code
    assert 303 == small_shop.sign_up(stamp=stamp_in(answer.text)).status_code


def test_the_stamp_of_another_list_is_403(small_shop: Shop) -> None:
    stamp = stamp_in(small_shop.client.get("/list/offers").text)

    assert 403 == small_shop.sign_up(stamp=stamp).status_code


def test_other_words_than_todays_are_asked_again(sqlite_store: Store, catcher: MailCatcher) -> None:
    import dataclasses

    stamp = stamp_in(Shop(sqlite_store, catcher).client.get("/list/news").text)
    reworded = OptIn(
        [dataclasses.replace(NEWS, consent="Yes, send me everything.")],
        site=ORIGIN,
        keys=KeyRing([KEY]),
        store=sqlite_store,
        mail=catcher.url,
        background=False,
    )
    client = Client(DispatcherMiddleware(Response("the shop"), {"/list": reworded}))

    assert 422 == client.post("/list/news", data={"email": "jo@example.org", "stamp": stamp}).status_code


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_M12_one_click_leaves_without_cookie_login_or_redirect(small_shop: Shop, content_type: str) -> None:
    small_shop.subscribe()
    link = small_shop.leave_link()
    for _ in range(2):
        answer = small_shop.client.post(
            link, data={"List-Unsubscribe": "One-Click"}, content_type=content_type
        )

        assert 200 == answer.status_code
        assert "Set-Cookie" not in answer.headers
    assert ["unsubscribed"] == [row.state for row in small_shop.rows("subscription")]


def test_M12_the_page_of_the_leave_link_leaves_by_its_button(small_shop: Shop) -> None:
    small_shop.subscribe()
    link = small_shop.leave_link()
    page = small_shop.client.get(link)

    assert (200, 1) == (page.status_code, page.text.count("<button autofocus>"))
    answer = small_shop.client.post(link, data={"action": "unsubscribe"})
    assert (303, "/list/left") == (answer.status_code, answer.location)
    assert [] == small_shop.announce()


def test_a_leave_post_that_says_nothing_leaves_nothing(small_shop: Shop) -> None:
    small_shop.subscribe()

    assert 422 == small_shop.client.post(small_shop.leave_link(), data={"x": "y"}).status_code
    assert [] != small_shop.announce()


def test_no_link_opens_what_another_does(small_shop: Shop) -> None:
    shop = small_shop
    way_in = shop.subscribe()
    way_out = shop.leave_link()
    swapped = (way_in.replace("/c/", "/u/"), way_in.replace("/c/", "/u/1."), way_out.replace("/u/", "/c/"))
    before = shop.dump()
    for path in swapped:
        assert 404 == shop.client.get(path).status_code
        assert 404 == shop.client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code
    assert before == shop.dump()


@pytest.mark.parametrize(
    "path, route",
    [
        (f"/list/c/{TOKEN}", "/list/c/<token>"),
        (f"/list/u/{TOKEN}", "/list/u/<token>"),
        (f"/list/c/{TOKEN}/more", "/list/<unknown>"),
        (f"/list/{TOKEN}", "/list/<unknown>"),
        ("/list/news", "/list/news"),
        ("/list/news/sent", "/list/news/sent"),
    ],
)
def test_I12_the_route_for_the_log_holds_no_token(small_shop: Shop, path: str, route: str) -> None:
    seen: dict[str, Any] = {}
    inner = DispatcherMiddleware(Response("the shop"), {"/list": small_shop.lists})

    def outer(environ: Any, start_response: Any) -> Any:
        seen["environ"] = environ
        return inner(environ, start_response)

    Client(outer).get(path)
    assert route == seen["environ"]["cactuprivacy.route"]


def test_mounted_elsewhere_or_at_the_root_it_finds_its_way(small_shop: Shop) -> None:
    elsewhere = Client(DispatcherMiddleware(Response("the shop"), {"/shop/mail": small_shop.lists}))

    assert "/shop/mail/news/sent" == elsewhere.post("/shop/mail/news", data={"email": "a@b.org"}).location
    assert "/list/news/sent" == Client(small_shop.lists).post("/news", data={"email": "a@b.org"}).location


def test_a_database_that_fails_is_a_plain_503(
    postgres_server: str, catcher: MailCatcher, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop(Store(postgres_server.replace("/postgres?", "/nowhere?")), catcher)

    answer = shop.sign_up()
    assert (503, "60") == (answer.status_code, answer.headers["Retry-After"])
    assert "come back in a minute" in answer.text
    assert 1 == len(caplog.records)
    assert "jo@example.org" not in caplog.text
    shop.store.dispose()


def test_I12_no_address_and_no_token_is_logged(
    small_shop: Shop, catcher: MailCatcher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    link = small_shop.ask()
    small_shop.confirm(link)
    catcher.refuse("RCPT", "550 no jo@example.org here")
    small_shop.announce()
    with small_shop.store.write() as connection:
        connection.exec_driver_sql("UPDATE address SET sealed = x'00'")
    small_shop.announce()
    small_shop.client.get(link)

    assert "jo@example.org" not in caplog.text
    assert link.rpartition("/")[2] not in caplog.text


def test_a_folder_of_templates_wins(sqlite_store: Store, catcher: MailCatcher, tmp_path: Path) -> None:
    (tmp_path / "optin").mkdir()
    (tmp_path / "optin" / "left.html").write_text("Farewell")
    shop = Shop(sqlite_store, catcher, templates=str(tmp_path))

    assert "Farewell" == shop.client.get("/list/left").text


def test_pages_are_valid_wsgi(small_shop: Shop) -> None:
    from webtest import TestApp

    app = TestApp(DispatcherMiddleware(Response("the shop"), {"/list": small_shop.lists}))

    form = app.get("/list/news").form
    form["email"] = "jo@example.org"
    assert "inbox" in form.submit().follow().text
    app.head("/list/news")
    app.head(f"/list/c/{TOKEN}", status=404)


def test_evidence_names_page_source_and_words(small_shop: Shop) -> None:
    client = small_shop.client
    client.post(
        "/list/news", data={"email": "jo@example.org"}, headers={**OWN, "Referer": ORIGIN + "/home?q=1"}
    )
    (request,), (words,) = small_shop.rows("optin_request"), small_shop.rows("consent_text")

    assert ("signup_box", "/home") == (request.source, request.page)
    assert (words.digest, NEWS.consent) == (request.consent_digest, words.text)

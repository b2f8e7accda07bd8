"""The policy page and its JSON."""

from __future__ import annotations

import pytest
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from cactuprivacy import Cookie, Site, VisitLog
from cactuprivacy.policy import state
from cactuprivacy.policy.page import PolicyPage
from cactuprivacy.wsgi.pages import Pages

POLICY = state(
    site=Site("https://shop.example"),
    operator="Cactus & <Co>",
    contact="privacy@shop.example",
    cookies=[Cookie("session", purpose="keeps your <basket>", max_age=86400)],
    visits=VisitLog(keep_days=90),
)


@pytest.fixture
def app() -> TestApp:
    pages = Pages("cactuprivacy.policy", site_name="Cactus & <Co>", policy="/privacy")
    page = PolicyPage(lambda: POLICY, pages)
    return TestApp(DispatcherMiddleware(page, {"/privacy": page}))


def test_the_page_states_what_is_declared(app: TestApp) -> None:
    text = app.get("/privacy").text

    assert "keeps your &lt;basket&gt;" in text
    assert "1 day" in text
    assert "deleted after 90 days" in text
    assert POLICY.hash in text


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ({}, "Our pages load nothing from anybody else."),
        (
            {"allow_hosts": {"frame": ("a.example", "b.example")}},
            "show pages in a frame from a.example, b.example",
        ),
        (
            {"allow_hosts": {"/map": {"image": ["tiles.example"]}}},
            "load images from tiles.example, on the pages at and below /map only",
        ),
        ({"exempt": ("/map",)}, "the pages at and below /map"),
        ({"exempt": lambda environ: False}, "Some pages are exempt"),
        ({}, "This site sets no cookie at all."),
        ({"enforced": False}, "is recorded, but not yet stopped"),
    ],
)
def test_the_page_states_who_was_let_in(declared: dict[str, object], sentence: str) -> None:
    policy = state(site=Site("https://shop.example"), operator="C", contact="c", **declared)  # type: ignore[arg-type]
    pages = Pages("cactuprivacy.policy", site_name="C", policy="/privacy")

    assert sentence in TestApp(PolicyPage(lambda: policy, pages)).get("/").text


def test_the_page_promises_nothing_that_is_only_recorded() -> None:
    policy = state(site=Site("https://shop.example"), operator="C", contact="c", enforced=False)
    text = (
        TestApp(PolicyPage(lambda: policy, Pages("cactuprivacy.policy", site_name="C", policy="/privacy")))
        .get("/")
        .text
    )

    assert "sets no cookie at all" not in text
    assert "load nothing from anybody else" not in text


def test_the_json_is_canonical_and_its_etag_is_its_hash(app: TestApp) -> None:
    response = app.get("/privacy/policy.json")

    assert response.body == POLICY.json()
    assert response.headers["ETag"] == f'"{POLICY.hash}"'


@pytest.mark.parametrize("path", ["/privacy", "/privacy/policy.json"])
def test_who_knows_the_hash_gets_304(app: TestApp, path: str) -> None:
    response = app.get(path, headers={"If-None-Match": f'"{POLICY.hash}"'})

    assert response.status_code == 304
    assert response.body == b""


def test_the_page_can_only_be_read(app: TestApp) -> None:
    assert app.post("/privacy", status=405).headers["Allow"] == "GET, HEAD"
    app.get("/privacy/nothing", status=404)
    assert app.head("/privacy").body == b""

"""An affiliate's link in a real browser: followed, fetched ahead, stuffed, agreed to, withdrawn, and bought by.

Two sites: the shop, with all of Privacy around a small Flask app, and the affiliate's blog on another.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from flask import Flask, request

from cactuprivacy import Affiliates, Privacy
from cactuprivacy.affiliates.claim import today

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

KEY = "k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"
SPECULATING = """<script type="speculationrules">
{{"{kind}": [{{"source": "list", "urls": ["{url}"], "eagerness": "immediate"}}]}}</script>"""


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        pass


class Server(ThreadingMixIn, WSGIServer):
    """Serves each connection by itself: browsers open some, and say nothing over them."""

    daemon_threads = True
    block_on_close = False


class Asked(NamedTuple):
    """A request that reached the shop, and what it was answered."""

    url: str
    purpose: str
    status: str


class Shop(NamedTuple):
    privacy: Privacy
    origin: str
    asked: list[Asked]

    def clicks(self) -> dict[str, int]:
        """Return today's clicks of alice, by verdict."""
        assert self.privacy.affiliates.flush(20)
        found = self.privacy.affiliates.clicks("alice", exact=True)
        return {each.verdict: each.n for each in found if each.period == today().isoformat()}


@contextmanager
def served(app: Any, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve a WSGI app, or a callable that makes one of its origin, and yield the origin."""
    server = make_server("127.0.0.1", 0, app, Server, Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def flask_app() -> Flask:
    app = Flask(__name__)

    @app.get("/")
    @app.get("/page")
    def page() -> str:
        privacy: Privacy = app.extensions["privacy"]
        field = privacy.affiliates.form_field(request.environ)
        return f"""<!doctype html><title>Shop</title><h1>Cacti</h1>{privacy.banner(request.environ)}
            <form action="/buy" method="post">{field}<button>Buy</button></form>"""

    @app.get("/ahead/<kind>")
    def ahead(kind: str) -> str:
        link = "/page?" + request.args["to"]
        head = (
            f'<link rel="prefetch" href="{link}">'
            if kind == "link"
            else SPECULATING.format(kind=kind, url=link)
        )
        return f'<!doctype html><title>Ahead</title>{head}<a href="{link}">To the page</a>'

    @app.post("/buy")
    def buy() -> str:
        program = app.extensions["privacy"].affiliates
        claim = program.claim(request.environ, handed=request.form.get("affiliate"))
        sold = program.credit_sale(
            order=request.form.get("order", "1"), amount="20", currency="GBP", claim=claim
        )
        return f"<!doctype html><title>Thanks</title><h1>Thanks</h1><p>{sold.affiliate}</p>"

    return app


@pytest.fixture
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shop]:
    options = getattr(request, "param", {})
    app = flask_app()
    asked: list[Asked] = []

    def watched(environ: Any, start_response: Any) -> Any:
        url = environ["PATH_INFO"] + "?" + environ["QUERY_STRING"]
        purpose = environ.get("HTTP_SEC_PURPOSE", "")

        def starting(status: str, *rest: Any) -> Any:
            asked.append(Asked(url, purpose, status[:3]))
            return start_response(status, *rest)

        return app(environ, starting)

    with served(watched) as origin:
        privacy = Privacy(
            origin,
            operator="Cactus & Co",
            contact="privacy@cactus.example",
            secret_keys=[KEY],
            database=f"sqlite:///{tmp_path}/privacy.db",
            affiliates=Affiliates(path="/r", **options),
        )
        app.extensions["privacy"] = privacy
        privacy.init_app(app)
        privacy.affiliates.add("alice")
        privacy.affiliates.approve("alice")
        yield Shop(privacy, origin, asked)
    privacy.close()


@pytest.fixture
def blog(shop: Shop) -> Iterator[Callable[[str], str]]:
    """Serve whatever page on the affiliate's own site, and return its URL."""
    pages: list[str] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        return [pages[-1].encode() if environ["PATH_INFO"] == "/" else b""]

    with served(app, "localhost") as origin:

        def publish(body: str) -> str:
            pages.append(f"<!doctype html><title>Blog</title>{body.replace('SHOP', shop.origin)}")
            return origin + "/"

        yield publish


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def claim(page: Page) -> str | None:
    """Return the claim in the browser's jar."""
    return next((cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "affiliate"), None)


def agree(page: Page, shop: Shop, answer: str = "yes") -> None:
    """Answer on the page of choices."""
    page.goto(f"{shop.origin}/privacy/choices")
    page.locator(f'button[name="affiliates"][value="{answer}"]').click()
    page.wait_for_load_state()


def test_a_link_is_followed_agreed_to_bought_by_and_withdrawn(
    page: Page, shop: Shop, blog: Callable[[str], str]
) -> None:
    page.goto(blog('<a href="SHOP/page?af=alice">To the shop</a>'))
    page.get_by_role("link", name="To the shop").click()
    page.get_by_role("heading", name="Cacti").wait_for()
    assert claim(page) is None

    page.locator('button[name="affiliates"][value="yes"]').click()
    page.wait_for_url("**/page?af=alice")
    held = claim(page)
    assert held is not None
    assert held.split(".")[:-1] == ["1", "alice", f"{today():%Y%m%d}", ""]

    page.get_by_role("button", name="Buy").click()
    page.get_by_text("alice").wait_for()
    agree(page, shop, "no")
    assert claim(page) is None
    assert {"human": 1} == shop.clicks()


@pytest.mark.parametrize("shop", [{"clean_url": True}], indirect=True)
def test_the_url_is_cleaned_once_the_visitor_has_decided_and_not_before(
    page: Page, shop: Shop, blog: Callable[[str], str]
) -> None:
    page.goto(blog('<a href="SHOP/page?x=%20%2f&af=alice&x=#top">To the shop</a>'))
    page.get_by_role("link", name="To the shop").click()
    page.get_by_role("heading", name="Cacti").wait_for()
    assert page.url.endswith("/page?x=%20%2f&af=alice&x=#top")

    page.locator('button[name="affiliates"][value="yes"]').click()
    page.wait_for_url(lambda url: "af=" not in url)
    assert page.url.partition("#")[0].endswith("/page?x=%20%2f&x=")
    assert claim(page) is not None


def test_without_an_answer_the_form_carries_the_claim_and_the_jar_stays_empty(
    page: Page, shop: Shop, blog: Callable[[str], str]
) -> None:
    page.goto(blog('<a href="SHOP/r/alice/page">To the shop</a>'))
    page.get_by_role("link", name="To the shop").click()
    page.get_by_role("button", name="Buy").click()
    page.get_by_text("alice").wait_for()

    assert page.context.cookies() == []
    assert {"human": 1} == shop.clicks()


@pytest.mark.parametrize(
    "stuffed",
    [
        '<iframe src="SHOP/page?af=alice" onload="done()"></iframe>',
        '<iframe src="SHOP/r/alice/page" onload="done()"></iframe>',
        '<img src="SHOP/page?af=alice" onerror="done()">',
        '<script>fetch("SHOP/page?af=alice", {mode: "no-cors", credentials: "include"}).then(() => done())</script>',
        '<object data="SHOP/page?af=alice" type="text/html" onload="done()" onerror="done()"></object>',
    ],
    ids=["frame", "frame by path", "image", "fetch", "object"],
)
def test_no_page_can_stuff_a_claim_into_its_readers_browsers(
    page: Page, shop: Shop, blog: Callable[[str], str], stuffed: str
) -> None:
    agree(page, shop)
    page.goto(blog(f"<script>done = () => {{ document.title = 'Done' }}</script>{stuffed}"))
    page.wait_for_function("document.title == 'Done'")

    assert claim(page) is None
    assert "human" not in shop.clicks()
    assert 1 <= shop.clicks()["stuffing"]


@pytest.mark.parametrize("kind", ["link", "prefetch", "prerender"])
def test_a_page_that_was_fetched_ahead_makes_its_claim_when_it_is_clicked(
    page: Page, shop: Shop, kind: str
) -> None:
    """Answered 200, the fetched page would be shown on the click, and nobody would ever ask for the claim."""
    agree(page, shop)
    page.goto(f"{shop.origin}/ahead/{kind}?to=af=alice")
    wait_until(page, lambda: any(asked.purpose and "page" in asked.url for asked in shop.asked))
    assert claim(page) is None

    page.get_by_role("link", name="To the page").click()
    page.get_by_role("heading", name="Cacti").wait_for()
    ours = [(bool(asked.purpose), asked.status) for asked in shop.asked if asked.url == "/page?af=alice"]
    assert ours[0] == (True, "503")
    assert ours[-1] == (False, "200")
    assert claim(page) is not None


@pytest.mark.parametrize("kind", ["prefetch", "prerender"])
def test_a_page_without_a_link_that_was_fetched_ahead_is_not_asked_for_again(
    page: Page, shop: Shop, kind: str
) -> None:
    """Without this the test above could not fail."""
    page.goto(f"{shop.origin}/ahead/{kind}?to=x=1")
    wait_until(page, lambda: any(asked.purpose and "page" in asked.url for asked in shop.asked))
    page.get_by_role("link", name="To the page").click()
    page.get_by_role("heading", name="Cacti").wait_for()

    assert [True] == [bool(asked.purpose) for asked in shop.asked if asked.url == "/page?x=1"]


def wait_until(page: Page, true: Callable[[], bool]) -> None:
    """Let the browser work until something has happened at the shop."""
    for _ in range(1000):
        if true():
            return
        page.evaluate("new Promise(done => requestAnimationFrame(() => done()))")
    pytest.fail("It did not happen.")

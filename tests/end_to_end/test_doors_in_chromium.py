"""A hostile app behind the guard, in a real browser: strangers' hosts are servers of ours, which nobody asks."""

from __future__ import annotations

import shutil
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from cactuprivacy import CookieGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PAGE = b"""<!doctype html><html lang="en"><title>Page</title>
<link rel="stylesheet" href="http://style.example/a.css">
<style>@font-face { font-family: f; src: url(http://font.example/f) } p { font-family: f;
background: url(http://background.example/b) } @import "http://import.example/i";</style>
<script src="http://script.example/a.js"></script>
<img src="http://image.example/a.png" alt=""><video src="http://video.example/v"></video>
<object data="http://object.example/"></object>
<svg><image href="http://svg.example/a"/></svg><p>Text</p>
<script>
window.ran = true
new Worker("/worker.js")
navigator.sendBeacon("http://beacon.example/", "x")
fetch("http://fetch.example/", {mode: "no-cors"}).catch(() => {}).then(() => fetch("/done"))
</script></html>"""
# Chromium opens a connection for a navigation before it asks the policy, and then sends nothing over it.
NAVIGATING = b"""<iframe title="f" src="http://frame.example/"></iframe><iframe title="s" name="sent"></iframe>
<form action="http://form.example/" method="post" target="sent"></form>
<script>document.forms[0].submit()</script>"""
WORKER = (
    b"""fetch("http://worker.example/", {mode: "no-cors"}).catch(() => {}).then(() => fetch("/worked"))"""
)
HEADERS = [
    (
        "Link",
        "<http://preload.example/a.js>; rel=preload; as=script, <http://preconnect.example>; rel=preconnect",
    ),
    ("Link", "<http:\\\\prefetch.example/>; rel=prefetch"),
    ("Set-Cookie", "_ga=1"),
    ("Refresh", "0; url=/\\refresh.example"),
]


def hostile(environ: Any, start_response: Any) -> list[bytes]:
    if environ["PATH_INFO"] == "/worker.js":
        start_response("200 OK", [("Content-Type", "text/javascript")])
        return [WORKER]
    pages = {"/": PAGE, "/navigating": NAVIGATING + PAGE, "/mild": PAGE}
    headers = [] if environ["PATH_INFO"] == "/mild" else HEADERS
    start_response("200 OK", [("Content-Type", "text/html"), *headers])
    return [pages.get(environ["PATH_INFO"], b"<!doctype html>")]


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        pass


@contextmanager
def site(*, guarded: bool) -> Iterator[str]:
    """Serve the hostile app, with or without the guard, and yield its origin."""
    server = make_server("127.0.0.1", 0, hostile, handler_class=Quiet)
    origin = f"http://127.0.0.1:{server.server_port}"
    if guarded:
        server.set_app(CookieGuard(hostile, origin))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield origin
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Strangers:
    """Every other host of the world: a socket that notes who connects, and which host is asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection = self._socket.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            for line in connection.recv(8192).decode("latin-1").splitlines():
                if line.lower().startswith("host: "):
                    self.asked.add(line[6:])
            connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def strangers() -> Iterator[Strangers]:
    world = Strangers()
    yield world
    world.close()


@pytest.fixture
def browser(strangers: Strangers) -> Iterator[Browser]:
    """A Chromium for which all names but the site's lead to the strangers' socket."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("No Chromium is here. Install the package chromium for this.")
    from playwright.sync_api import sync_playwright

    rules = (
        f"--host-resolver-rules=MAP *.example 127.0.0.1:{strangers.port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    )
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", rules]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=arguments)
        yield chromium
        chromium.close()


def look(browser: Browser, url: str) -> tuple[list[str], Page]:
    """Open a page until its script and its worker have tried everything. Returns what the console said."""
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    with page.expect_request("**/done"), page.expect_request("**/worked"):
        page.goto(url)
    return said, page


def test_a_guarded_page_connects_to_no_stranger_and_keeps_its_own_script(
    browser: Browser, strangers: Strangers
) -> None:
    with site(guarded=True) as origin:
        said, page = look(browser, origin)
        ran, cookies, stayed = page.evaluate("window.ran"), page.context.cookies(), page.url
        page.close()

    assert (True, [], f"{origin}/") == (ran, cookies, stayed)
    assert (set(), 0) == (strangers.asked, strangers.connections)
    assert [] == [text for text in said if "Unrecognized feature" in text]
    assert 10 < len([text for text in said if "Content Security Policy" in text])


def test_a_guarded_frame_or_form_asks_no_stranger(browser: Browser, strangers: Strangers) -> None:
    with site(guarded=True) as origin:
        said, page = look(browser, f"{origin}/navigating")
        page.close()

    assert set() == strangers.asked
    assert {True} == {any(name in text for text in said) for name in ("frame-src", "form-action")}


def test_without_the_guard_the_same_page_asks_them(browser: Browser, strangers: Strangers) -> None:
    with site(guarded=False) as origin:
        look(browser, f"{origin}/mild")[1].close()

    assert {"style.example", "script.example", "image.example", "worker.example"} <= strangers.asked

"""The claim behind a real shared cache: nginx keeps whatever it may, and two strangers come through it."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from cactuprivacy import AffiliateAttribution, AffiliateProgram, Affiliates, KeyRing, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    Shop = Callable[..., "Cached"]

# It keeps what the shop calls public, for whoever asks for the same URL, with the cookie that stands in it.
CONFIG = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache keys_zone=pages:1m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{shop};
            proxy_set_header Host $http_host;
            proxy_cache pages;
            proxy_cache_key $request_method$request_uri;
            proxy_cache_methods GET HEAD;
            proxy_cache_valid 200 302 303 503 10m;
            proxy_ignore_headers Set-Cookie Vary;
            add_header X-Cache $upstream_cache_status always;
        }}
    }}
}}
"""
CLICK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}
YES = {"X-Says": "yes"}
NO = {"X-Says": "no"}


def nginx() -> str:
    found = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or shutil.which("nginx")
    if found is None:
        pytest.skip(
            "THE TEST BEHIND A SHARED CACHE IS LEFT OUT: no nginx is here. Install nginx-light for it."
        )
    return found


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        pass


class Answer(NamedTuple):
    status: int
    cache: str
    cookie: str | None
    location: str | None


class Cached:
    """The shop as strangers reach it: through the cache."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, *headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        merged = {name: value for part in headers for name, value in part.items()}
        connection.request("GET", path, headers=merged)
        response = connection.getresponse()
        response.read()
        answer = Answer(
            response.status,
            response.headers["X-Cache"],
            response.headers["Set-Cookie"],
            response.headers["Location"],
        )
        connection.close()
        return answer


def pages(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Answer as a shop that is proud of its caching."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Cache-Control", "public, s-maxage=600")])
    return [b"cactuses"]


def naive(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Answer as what this package replaces: a cookie beside whatever the page says of caching."""
    start_response("200 OK", [("Cache-Control", "public, max-age=600"), ("Set-Cookie", "affiliate=alice")])
    return [b"cactuses"]


def said(environ: Any) -> bool | None:
    """Return what the visitor says about consent."""
    return {"yes": True, "no": False}.get(environ.get("HTTP_X_SAYS", ""))


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., AffiliateProgram]]:
    store = Store(f"sqlite:///{tmp_path}/privacy.db")
    made: list[AffiliateProgram] = []

    def make(**options: Any) -> AffiliateProgram:
        keys = KeyRing(["k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"])
        program = AffiliateProgram(
            Affiliates(**options), site="https://shop.example", keys=keys, store=store, consent=said
        )
        program.add("alice")
        program.approve("alice")
        made.append(program)
        return program

    yield make
    for each in made:
        each.close()
    store.dispose()


@pytest.fixture
def cached(tmp_path: Path, program: Callable[..., AffiliateProgram]) -> Iterator[Shop]:
    """Serve the shop of a programme with these options behind nginx; ``app=`` serves another in its place."""
    ends: list[Callable[[], object]] = []

    def serve(app: Any = None, **options: Any) -> Cached:
        server = make_server(
            "127.0.0.1", 0, app or AffiliateAttribution(pages, program(**options)), handler_class=Quiet
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        ends.extend([server.server_close, thread.join, server.shutdown])
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        config = tmp_path / "nginx.conf"
        config.write_text(CONFIG.format(folder=tmp_path, port=port, shop=server.server_port))
        process = subprocess.Popen([nginx(), "-p", str(tmp_path), "-c", str(config)], stderr=subprocess.PIPE)
        ends.extend([lambda: process.communicate(timeout=20), process.terminate])
        wait_for(port, process)
        return Cached(port)

    yield serve
    for end in reversed(ends):
        end()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Try to connect until nginx listens, or has given up."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=20).close()
        except ConnectionRefusedError:
            continue
        return
    pytest.fail(f"nginx did not start: {process.communicate()[1].decode()}")


def test_the_cache_gives_one_visitors_cookie_to_the_next_where_nobody_prevents_it(cached: Shop) -> None:
    """Without this the other tests could not fail."""
    shop = cached(naive)

    assert shop.get("/?af=alice").cache == "MISS"
    assert shop.get("/?af=alice") == Answer(200, "HIT", "affiliate=alice", None)


def test_a_page_without_a_link_is_kept_for_everybody(cached: Shop) -> None:
    shop = cached()

    assert shop.get("/", CLICK, YES).cache == "MISS"
    assert shop.get("/", CLICK).cache == "HIT"


def test_the_second_visitor_never_gets_the_first_ones_claim(cached: Shop) -> None:
    shop = cached()
    first = shop.get("/?af=alice", CLICK, YES)
    second = shop.get("/?af=alice", CLICK, NO)

    assert first.cookie is not None
    assert second == Answer(200, "MISS", None, None)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(CLICK, id="somebody undecided"),
        pytest.param({**CLICK, **NO}, id="somebody who said no"),
        pytest.param({"User-Agent": "Googlebot"}, id="a crawler"),
        pytest.param({**CLICK, "Sec-Fetch-Dest": "iframe"}, id="a page that stuffs"),
        pytest.param({**CLICK, "Sec-Purpose": "prefetch"}, id="a prefetch"),
        pytest.param({**CLICK, "Sec-GPC": "1"}, id="Global Privacy Control"),
    ],
)
def test_whoever_came_before_a_later_visitors_claim_is_not_lost(cached: Shop, before: dict[str, str]) -> None:
    shop = cached()
    shop.get("/?af=alice", before)
    later = shop.get("/?af=alice", CLICK, YES)

    assert (later.status, later.cache) == (200, "MISS")
    assert later.cookie is not None


@pytest.mark.parametrize("path, target", [("/page?af=alice&x=1", "/page?x=1"), ("/r/alice/page", "/page")])
def test_a_redirect_is_kept_for_nobody(cached: Shop, path: str, target: str) -> None:
    shop = cached(clean_url=True, path="/r")
    first, second, third = (shop.get(path, CLICK, answer) for answer in (YES, NO, {}))

    assert (first.status, first.location, second.location) == (303, target, target)
    assert first.cookie is not None
    assert (None, None, "MISS", "MISS") == (second.cookie, third.cookie, second.cache, third.cache)


def test_a_response_that_clears_a_claim_is_kept_for_nobody(cached: Shop) -> None:
    shop = cached()
    held = (shop.get("/?af=alice", CLICK, YES).cookie or "").partition(";")[0]
    withdrawn = shop.get("/page", CLICK, NO, {"Cookie": held})
    other = shop.get("/page", CLICK)

    assert "Max-Age=0" in (withdrawn.cookie or "")
    assert other == Answer(200, "MISS", None, None)

"""Eviction: what makes a browser forget the undeclared cookies that it brings, in every scope they can be in.

Room: cookies. Pure but for the exchange it is given; when to evict is the guard's to say. A request shows a
cookie's name, but neither its domain nor its path nor its partition, and a browser forgets only what is named
by all of them (RFC 6265bis, 5.7, step 23; CHIPS), so each possible scope is expired, a few a response.
"""

from __future__ import annotations

import time
from itertools import chain, islice
from typing import TYPE_CHECKING
from urllib.parse import quote

from cactuprivacy.cookie import Cookie, is_cookie_path, is_token, prefix_of
from cactuprivacy.cookies.rules import MAX_SET_BYTES, MAX_SET_COOKIES, scopes
from cactuprivacy.site import registrable_domain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from _typeshed.wsgi import WSGIEnvironment

    from cactuprivacy.cookies.verdict import Verdict
    from cactuprivacy.site import Site
    from cactuprivacy.wsgi import Exchange

MAX_LINES = 12  # a response
MAX_NAMES = 24  # a request; the rest comes again, when these are gone
MAX_NAME = 63  # characters; a verdict shows no more than 64, so that a longer name is not known whole
MAX_PATH = 512  # octets of the longest path that is expired
MAX_PATHS = 16


class Eviction:
    """Expires stray cookies of one site.

    Parameters:
        site: Who we are: the scopes are its host, and each domain above it up to the registrable one.
    """

    def __init__(self, site: Site) -> None:
        self._secure = site.secure
        # Outermost after host-only: that is where tags put theirs. Localhost and addresses have no domains.
        domains = scopes(site) if registrable_domain(site.host) else []
        self._domains: list[str | None] = [None, *reversed(domains)]

    def strays(self, refused: Sequence[Verdict]) -> tuple[str, ...]:
        """Return the names to forget: those refused as undeclared (I9), as far as they are whole."""
        names = dict.fromkeys(
            verdict.name
            for verdict in refused
            if verdict.rule == "I9" and len(verdict.name) <= MAX_NAME and is_token(verdict.name)
        )
        return tuple(name for name in islice(names, MAX_NAMES) if self._spelled(name))

    def _spelled(self, name: str) -> bool:
        # No browser here can hold another, for it would have refused the cookie (5.7).
        prefix = prefix_of(name)
        return prefix is None or (self._secure and name.startswith(prefix))

    def expire(self, exchange: Exchange, names: Sequence[str]) -> None:
        """Add to the response some of the lines that forget *names*.

        As many as browsers and servers surely take beside the app's own cookies. A 304 gets none: caches would
        store them with the response that they keep for everybody (RFC 9111, 4.3.4).
        """
        if exchange.status_code == 304:
            return
        sent = [value for name, value in exchange.headers if name.lower() == "set-cookie"]
        count, size = len(sent), sum(map(len, sent))
        for line in self.lines(names, path_of(exchange.environ), turn=int(time.time())):
            count, size = count + 1, size + len(line)
            if count > MAX_SET_COOKIES or size > MAX_SET_BYTES:
                break
            exchange.add_header("Set-Cookie", line)
        exchange.forbid_shared_caching()

    def lines(self, names: Sequence[str], path: str, *, turn: int) -> list[str]:
        """Return the ``Set-Cookie`` lines for one response, at most twelve.

        Half of them always expire the likeliest scopes; the rest take turns, as nothing is remembered of what
        was sent before.

        Parameters:
            names: What to forget.
            path: The request's, percent-encoded.
            turn: A number that differs from one response to the next: the clock's seconds.
        """
        every = list(self._every(names, path))
        if len(every) <= MAX_LINES:
            return every
        half = MAX_LINES // 2
        first, rest = every[:half], every[half:]
        turns = -(-len(rest) // half)
        start = turn % turns * half
        return first + rest[start : start + half]

    def _every(self, names: Sequence[str], path: str) -> Iterator[str]:
        """Yield a line for each scope of each name, the likeliest scopes first."""
        partitions = (False, True) if self._secure else (False,)
        for place in paths(path):
            for partitioned in partitions:
                for domain in self._domains:
                    for name in names:
                        bound = (prefix_of(name) or "").startswith("__Host-")
                        if bound and (domain or place != "/"):
                            continue  # no such cookie can be
                        yield self._line(name, domain, place, partitioned)

    def _line(self, name: str, domain: str | None, path: str, partitioned: bool) -> str:
        cookie = Cookie(name, purpose="to be forgotten", domain=domain, path=path)
        return cookie.expiry_line(secure=self._secure) + ("; Partitioned" if partitioned else "")


def paths(path: str) -> list[str]:
    """Return the cookie paths that match a request's *path* (5.1.4): the site's, the page's folder's, the rest."""
    if len(path) > MAX_PATH:
        path = "/"
    ends = [index for index, character in enumerate(path) if character == "/" and index]
    folders = [path[:end] for end in reversed(ends)]  # the first is the default path of what the page sets
    found = dict.fromkeys(chain(["/"], folders, [path], (folder + "/" for folder in folders)))
    return [place for place in islice(found, MAX_PATHS) if is_cookie_path(place)]


def path_of(environ: WSGIEnvironment) -> str:
    """Return a request's path as browsers write it, as far as WSGI still tells."""
    path = str(environ.get("SCRIPT_NAME", "")) + str(environ.get("PATH_INFO", ""))
    encoded = quote(path.encode("latin-1", "replace")[: MAX_PATH + 1], safe="/:@!$&'()*+=~|[]")
    return encoded if encoded.startswith("/") else "/"

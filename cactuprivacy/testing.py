"""Testing: what a site's own tests ask, so that no third party gets onto a page unnoticed.

Room: beside the policy, above the clauses. Works on what WebTest's, werkzeug's, Flask's and Django's clients
return, by its shape alone, and imports none of them. The pytest plugin asks the same of every response.
"""

from __future__ import annotations

import re
import zlib
from http.cookies import BaseCookie
from typing import TYPE_CHECKING

from cactuprivacy.cookies.markup import refresh_target, targets
from cactuprivacy.cookies.rules import Rules
from cactuprivacy.cookies.syntax import parse_set_cookie
from cactuprivacy.cookies.targets import UNREADABLE, header_text, host_of, members, parse_link
from cactuprivacy.cookies.verdict import REASONS, shown
from cactuprivacy.declaration import DeclarationError
from cactuprivacy.site import Site, domain_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:\-]+)", re.IGNORECASE)
_ZIPPED = {"gzip": 31, "x-gzip": 31, "deflate": 47}


def assert_no_third_party(
    response: Any, site: Site | str | None = None, *, allow_hosts: Iterable[str] = ()
) -> None:
    """Fail when a response brings in a third party.

    That is a cookie with a foreign or too wide ``Domain``, ``SameSite=None`` or ``Partitioned``; a ``Link`` or
    ``Refresh`` header to somebody else; and in HTML whatever a browser loads, posts to or pings elsewhere.
    What scripts do when they run is not seen, nor a streamed body.

    Parameters:
        response: What WebTest's, werkzeug's, Flask's or Django's test client returned.
        site: Who we are: a :class:`~cactuprivacy.Site` or its origin. Without it, the origin that was asked.
        allow_hosts: Other hosts that pages may turn to, each exactly as it is; never for cookies.

    Raises:
        AssertionError: with a line for each finding; never with a cookie's value.
        DeclarationError: when no site is given, and the origin that was asked is none of a site.
        TypeError: when *response* has not the shape of a response.
    """
    origin = _asked(response)
    ours = _ours(site, origin)
    asked = host_of(origin or "")
    hosts = [allow_hosts] if isinstance(allow_hosts, str) else allow_hosts
    allowed = {domain_name(host) for host in hosts}

    def foreign(address: str) -> bool:
        host = host_of(address, ours.scheme)
        if host is None:
            return False
        return host == UNREADABLE or not (host == asked or ours.owns(host) or host in allowed)

    found = list(_findings(response, ours, foreign))
    if found:
        raise AssertionError("\n".join([f"{len(found)} third-party findings on {ours.origin}:", *found]))


def _findings(response: Any, site: Site, foreign: Callable[[str], bool]) -> Iterator[str]:
    rules = Rules(site, (), undeclared="allow")
    headers = [(name, header_text(value)) for name, value in _headers(response)]
    for name, value in headers:
        if name == "set-cookie":
            rule = rules.foreign(value)
            if rule is not None:
                yield f"Set-Cookie {shown(parse_set_cookie(value).name)!r}: {rule}: {REASONS[rule]}"
        elif name == "link":
            for member in members(value):
                link = parse_link(member)
                if link is None:
                    yield f"Link: {_told(member)}"
                elif not link.inert and foreign(link.target):
                    yield f"Link: {_told(link.target)}"
        elif name == "refresh" and foreign(refresh_target(value)):
            yield f"Refresh: {_told(refresh_target(value))}"
    for where, address in targets(_page(response, dict(headers))):
        if foreign(address):
            yield f"{where}: {_told(address)}"


def _headers(response: Any) -> Iterator[tuple[str, str]]:
    headers = getattr(response, "headers", None)
    if headers is None or not hasattr(headers, "items"):
        raise TypeError(
            f"{type(response).__name__} has no headers; give what a test client of WebTest, werkzeug, Flask or "
            "Django returned."
        )
    for name, value in headers.items():
        yield str(name).lower(), str(value)
    cookies = getattr(response, "cookies", None)
    if isinstance(cookies, BaseCookie):  # Django keeps them apart
        for morsel in cookies.values():
            yield "set-cookie", morsel.OutputString()


def _page(response: Any, headers: dict[str, str]) -> str:
    """Return the response's HTML; empty when it is none, or is streamed by Django."""
    kind = headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() not in ("text/html", "application/xhtml+xml"):
        return ""
    if hasattr(response, "get_data"):  # werkzeug
        body = response.get_data()
    elif getattr(response, "streaming", False):  # Django: to look at it would be to use it up
        return ""
    else:
        body = getattr(response, "body", None)  # WebTest
        body = response.content if body is None else body
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if not body:
        return ""
    if encoding in _ZIPPED:
        body = zlib.decompress(body, _ZIPPED[encoding])
    elif encoding not in ("", "identity"):
        raise AssertionError(
            f"The page is encoded as {encoding!r} and cannot be searched; ask for it without Accept-Encoding."
        )
    charset = _CHARSET.search(kind)
    try:
        return str(body.decode(charset[1] if charset else "utf-8", "replace"))
    except LookupError:
        return str(body.decode("latin-1"))


def _asked(response: Any) -> str | None:
    """Return the origin that the client asked, as far as the response still knows its request."""
    request = getattr(response, "wsgi_request", None) or getattr(response, "request", None)
    environ = getattr(request, "environ", None)
    if not isinstance(environ, dict):
        return None
    host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME")
    return f"{environ.get('wsgi.url_scheme', 'http')}://{host}" if host else None


def _ours(site: Site | str | None, origin: str | None) -> Site:
    if site is not None:
        return Site.of(site)
    try:
        return Site(origin or "")
    except DeclarationError as error:
        raise DeclarationError(
            f"The client asked {origin!r}, which does not tell whose site it is; "
            "say so: assert_no_third_party(response, 'https://shop.example')."
        ) from error


def _told(address: str) -> str:
    """Return *address* without its query, which may hold anything, and short enough for a line."""
    return shown(re.split(r"[?#]", address.strip(), maxsplit=1)[0])

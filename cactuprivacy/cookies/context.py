"""Context: whether a request happens inside somebody else's page, where our own cookie is a third party's.

Room: cookies. Reads the environ only, by way of :mod:`cactuprivacy.wsgi.fetch`, and compares with the
configured site alone. Sources: W3C Fetch Metadata; RFC 6265bis, 5.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cactuprivacy.site import registrable_domain, within
from cactuprivacy.wsgi.fetch import fetch_context

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from cactuprivacy.site import Site

_FIRST_PARTY = frozenset({"same-origin", "same-site", "none"})


class CookieContext:
    """Tells a request's context from its Fetch Metadata, and from ``Origin`` where there is none.

    Parameters:
        site: Who we are. A site, as browsers mean it, is a scheme and a registrable domain.
    """

    def __init__(self, site: Site) -> None:
        self._origin = site.origin
        self._scheme = site.scheme
        self._home = registrable_domain(site.host) or site.host

    def sets_as_third_party(self, environ: WSGIEnvironment) -> bool:
        """Tell whether a cookie set in answer would be a third party's (O19)."""
        return not plainly_ours(environ) and self._in_strange_page(environ)

    def reads_as_third_party(self, environ: WSGIEnvironment) -> bool:
        """Tell whether the request's cookies would be read as a third party (I8).

        That is wherever one would be set so, and on a navigation from elsewhere that changes something.
        """
        if plainly_ours(environ):
            return False
        context = fetch_context(environ)
        return self._in_strange_page(environ) or (context.site == "cross-site" and not context.safe)

    def _in_strange_page(self, environ: WSGIEnvironment) -> bool:
        context = fetch_context(environ)
        if context.third_party:
            return True
        # Browsers without Fetch Metadata name a stranger at least in Origin (as Go's CrossOriginProtection).
        origin = environ.get("HTTP_ORIGIN") if context.site is None else None
        if origin is None or origin == self._origin:
            return False
        scheme, _, authority = origin.partition("://")
        host, _, port = authority.rpartition(":")
        host = host if port.isdigit() else authority
        return scheme != self._scheme or not within(host.strip("[]"), self._home)


def plainly_ours(environ: WSGIEnvironment) -> bool:
    """Tell whether a request surely is from no strange page: from our own, or of who follows a link to them.

    That is nearly every request, and the rest of the fetch context need not be computed for it.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE")
    return (
        site in _FIRST_PARTY
        or (site is None and "HTTP_ORIGIN" not in environ)
        or (
            site == "cross-site"
            and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
            and environ.get("HTTP_SEC_FETCH_DEST") == "document"
            and environ.get("REQUEST_METHOD") == "GET"
        )
    ) and "HTTP_SEC_FETCH_STORAGE_ACCESS" not in environ

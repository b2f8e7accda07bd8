"""Fetch context: what kind of fetch a request is, as the browser itself tells it.

Room: wsgi. Reads the environ only. Computed when first asked for, once a request, and kept in the environ
under ``cactuprivacy.fetch``. Sources: W3C Fetch Metadata, Global Privacy Control, RFC 6265bis 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_KEY = "cactuprivacy.fetch"
_SITES = ("same-origin", "same-site", "cross-site", "none")
# Today's (nav-speculation), older Chromium's, older Safari's, older Firefox's.
_PURPOSES = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1


@dataclass(frozen=True, slots=True)
class FetchContext:
    """What kind of fetch a request is.

    Attributes:
        site: Where it comes from: ``same-origin``, ``same-site``, ``cross-site``, ``none`` (typed, bookmark),
            or ``None`` when the client does not say (http, old browsers, programs).
        navigation: Whether a person goes to a page: a top-level document, as far as the client says.
        third_party: Whether it happens inside somebody else's page, where even our own cookie is a
            third party's: a cross-site frame, image, script or fetch.
        safe: Whether the method promises to change nothing (RFC 9110, 9.2.1).
        prefetch: Whether the browser fetches ahead and nobody may ever look.
        gpc: Whether ``Sec-GPC`` says, in at least one header, exactly ``1``.
    """

    site: str | None
    navigation: bool
    third_party: bool
    safe: bool
    prefetch: bool
    gpc: bool


def fetch_context(environ: WSGIEnvironment) -> FetchContext:
    """Return the fetch context of a request, computed once."""
    context = environ.get(_KEY)
    if not isinstance(context, FetchContext):
        context = environ[_KEY] = _compute(environ)
    return context


def _compute(environ: WSGIEnvironment) -> FetchContext:
    said = environ.get("HTTP_SEC_FETCH_SITE")
    # One that came twice, or is no value of the specification, is somebody's doing: the strictest holds.
    site = said if said is None or said in _SITES else "cross-site"
    mode, dest = environ.get("HTTP_SEC_FETCH_MODE"), environ.get("HTTP_SEC_FETCH_DEST")
    document = mode in (None, "navigate") and dest in (None, "document")
    told = mode is not None and dest is not None
    method = environ.get("REQUEST_METHOD", "GET")
    return FetchContext(
        site=site,
        navigation=document and method == "GET",
        # Mode and Dest are judged before Site: mail links and home screens are cross-site navigations.
        third_party="HTTP_SEC_FETCH_STORAGE_ACCESS" in environ
        or (site == "cross-site" and not (document and told)),
        safe=method in SAFE_METHODS,
        prefetch=_prefetch(environ),
        gpc="1" in [part.strip() for part in environ.get("HTTP_SEC_GPC", "").split(",")],
    )


def _prefetch(environ: WSGIEnvironment) -> bool:
    for key in _PURPOSES:
        if key in environ:
            purpose = str(environ[key]).lower()
            if "prefetch" in purpose or "prerender" in purpose or "preview" in purpose:
                return True
    return False


def is_our_own_form(environ: WSGIEnvironment, origin: str) -> bool:
    """Tell whether a POST comes from a page of *origin*, and not from one that a stranger wrote.

    ``Sec-Fetch-Site`` decides where it is sent; else ``Origin``, which every browser sends with a POST.
    A client that sends neither is no browser, so no visitor is being led.
    """
    site: str | None = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return site == "same-origin"
    said: str | None = environ.get("HTTP_ORIGIN")
    return said is None or said == origin

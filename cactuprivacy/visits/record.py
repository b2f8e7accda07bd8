"""Visit: the record of one request, cut to what its level allows before anything else sees it.

Room: visits. No query, no cookie, no user agent and no token has a field here. The fields are versioned by
``v``; a sink and a table follow them, never the other way round.
"""

from __future__ import annotations

import os
import socket
from typing import Literal

import msgspec

from cactuprivacy.visits.redaction import MAX_PATH, redact_path

VERSION = 1

Kind = Literal["page", "other"]
ReferrerKind = Literal["none", "internal", "external"]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PAGE_TYPES = ("text/html", "application/xhtml+xml", "application/rss+xml", "application/atom+xml")
_REFERRER_SCHEMES = frozenset({"http", "https", "android-app"})
_MAX_HOST = 253


class Visit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The record of one request.

    Attributes:
        v: Version of the record.
        id: 32 hex digits, sortable by time; one visit has one id, wherever and however often it is written.
        at: When the request came, in milliseconds since 1970, UTC.
        method: One of the common methods, or ``OTHER``.
        route: The matched route where it is known, else the path with what looks personal taken out.
        kind: ``page`` for HTML and feeds, else ``other``.
        status: The status code; ``None`` when the app never started an answer.
        bytes: The answer's length where it said one.
        duration_us: Until the answer was delivered, in microseconds.
        referrer_kind: ``none``, ``internal`` or ``external``.
        referrer: An external referring page: scheme, host and path.
        address: The client's address, cut by the level.
        level: The level under which the record was made.
        objected: Whether the visitor objected to statistics, so that nothing of theirs is here.
        prefetch: Whether a browser fetched ahead.
        aborted: Whether the app raised, or the client went away.
    """

    v: int = VERSION
    id: str
    at: int
    method: str
    route: str
    kind: Kind
    status: int | None
    bytes: int | None
    duration_us: int
    referrer_kind: ReferrerKind
    referrer: str | None
    address: str | None
    level: str
    objected: bool
    prefetch: bool
    aborted: bool


def new_id(at: int) -> str:
    """Return an id for a visit at *at* (milliseconds): 48 bits of time, 80 random ones."""
    return f"{at:012x}{os.urandom(10).hex()}"


def cut_address(address: str | None) -> str | None:
    """Return *address* cut to /24 (IPv4) or /48 (IPv6), or ``None`` when it is none."""
    if not address:
        return None
    try:
        if ":" in address:
            return socket.inet_ntop(
                socket.AF_INET6, socket.inet_pton(socket.AF_INET6, address)[:6] + bytes(10)
            )
        return socket.inet_ntop(socket.AF_INET, socket.inet_pton(socket.AF_INET, address)[:3] + b"\0")
    except (OSError, UnicodeEncodeError):
        return None


def native(text: str) -> str:
    """Return a native string of the environ as the text that it stands for (PEP 3333: latin-1 in str)."""
    try:
        return text.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:  # not from a server that keeps PEP 3333
        return text.encode("utf-8", "replace").decode("utf-8")


def clean_path(path: str) -> str:
    """Return the path of a request as it may be recorded."""
    return redact_path(native(path[: 4 * MAX_PATH]) or "/")


def cut_referrer(header: str | None, own_host: str) -> tuple[ReferrerKind, str | None]:
    """Return what kind of referrer *header* is, and the referring page if it is external.

    Query, fragment, user and port go. Of a page of our own nothing is kept but that it is ours.
    """
    if not header:
        return "none", None
    scheme, separator, rest = native(header[: 4 * MAX_PATH]).partition("://")
    for end in "?#":
        rest = rest.partition(end)[0]
    authority, _, path = rest.partition("/")
    host = authority.rpartition("@")[2].lower()
    host = host if host.startswith("[") else host.partition(":")[0]
    if host and host == own_host:
        return "internal", None
    if not separator or scheme.lower() not in _REFERRER_SCHEMES or not _is_host(host):
        return "external", None
    return "external", f"{scheme.lower()}://{host}{redact_path('/' + path)}"


def _is_host(host: str) -> bool:
    return 0 < len(host) <= _MAX_HOST and all(c.isalnum() or c in "-._[]:" for c in host)


def kind_of(content_type: str | None, status: int | None, *, navigation: bool) -> Kind:
    """Return whether an answer is a page. One of 304 has no type, so the browser's word for it counts."""
    if content_type is None:
        return "page" if status == 304 and navigation else "other"
    return "page" if content_type.lower().startswith(_PAGE_TYPES) else "other"

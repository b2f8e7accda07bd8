"""Exchange: one request and its response, as one layer sees them; it lives as long as the request.

Room: wsgi, the only one that knows PEP 3333's corners. Touch it when a *layer* needs to know or do more;
what is particular to one clause belongs in that clause's middleware.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from cactuprivacy.cookie import Cookie
    from cactuprivacy.wsgi.body import BodyFilter

Headers = list[tuple[str, str]]

# RFC 9110, 5.6.2: token
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# PEP 3333: no control character in a header's value, HTAB neither; and what is no latin-1 cannot be sent
_UNSAFE = re.compile(r"[^\x20-\x7e\x80-\xff]")
# RFC 9111, 5.2: directives part at commas, but for those inside a quoted string (to the end, if left open)
_DIRECTIVE = re.compile(r'(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|[^",])+')

# What shared caches obey besides Cache-Control, each with a precedence of its own over it (RFC 9213).
_SURROGATES = ("surrogate-control", "cdn-cache-control", "edge-control", "x-accel-expires")


class RefusalError(Exception):
    """What a layer raises on purpose from ``start``, ``hint`` or a filter, for the app's own tests to fail on.

    Any other error of a hook is logged, and the page is served. This one goes on to whoever called: out of
    ``start_response``, of ``wsgi.early_hints``, or of the body, and no such response, hint or chunk is sent.
    A layer whose errors mean this derives them from here; nothing that a visitor can bring about may raise it.
    """


class Exchange:
    """One request and its response, as one layer sees them.

    Attributes:
        environ: The request, the very dict that the server made; empty once the exchange is over.
        status: The status line, ``None`` until the app (or its error page) has started a response.
        headers: The response's headers, a list of this layer's own; edit it in ``start``.
        error: The class of what ended it early: what the app raised, or what the server met while it sent
            (the client has gone). ``None`` when the response was delivered.
        filter: What the body's bytes go through, if ``start`` has set anything; see :attr:`Middleware.filters`.
        note: Whatever the layer wants to remember from one hook to the next.
    """

    __slots__ = ("environ", "error", "filter", "headers", "note", "status")

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self.status: str | None = None
        self.headers: Headers = []
        self.error: type[BaseException] | None = None
        self.filter: BodyFilter | None = None
        self.note: object = None

    def begin(self, status: str, headers: Headers) -> None:
        """Take up the app's response, in place of one that it began before: the base itself calls this."""
        self.status, self.headers, self.filter = status, list(headers), None

    @property
    def status_code(self) -> int | None:
        """The status as a number, ``None`` where there is none or it is none."""
        return _code(self.status or "")

    def header(self, name: str) -> str | None:
        """Return the first response header called *name* (in any case), or ``None``."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), None)

    def add_header(self, name: str, value: str) -> None:
        """Add a response header.

        Raises:
            ValueError: when *name* is no token, or *value* could break out of its line (RFC 9110, 5.5).
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no header name (RFC 9110, 5.6.2); use letters, digits and -.")
        if _UNSAFE.search(value):
            raise ValueError(
                f"The value for header {name} holds a control or non-latin-1 character; encode it."
            )
        self.headers.append((name, value))

    def set_cookie(self, cookie: Cookie, value: str | None, *, secure: bool) -> None:
        """Set *cookie* to *value*, or make browsers forget it when *value* is ``None``.

        The response also becomes private, so that no shared cache replays one visitor's cookie to others. A
        304 sets none: caches copy its headers into the response that they already keep for everybody
        (RFC 9111, 4.3.4), so the cookie waits for the visitor's next page.
        """
        if self.status_code == 304:
            return
        line = cookie.expiry_line(secure=secure) if value is None else cookie.line(value, secure=secure)
        self.add_header("Set-Cookie", line)
        self.forbid_shared_caching()

    def forbid_shared_caching(self) -> None:
        """Make the response one that only the visitor's own browser may keep (RFC 9111, 5.2.2.7).

        What the app said is made stricter, never weaker: ``public`` and ``s-maxage`` go, ``no-store`` stays.
        ``Vary: Cookie`` alone would not do: a cache would give the answer, and one visitor's
        ``Set-Cookie`` in it, to everybody who sends no cookie. A 304 stays as it is, for it would rewrite the
        headers of the response that is already stored (RFC 9111, 4.3.4).
        """
        if self.status_code == 304:
            return
        directives = []
        kept: Headers = []
        for name, value in self.headers:
            lower = name.lower()
            if lower == "cache-control":
                directives += [part.strip() for part in _DIRECTIVE.findall(value)]
            elif not lower.endswith(_SURROGATES):
                kept.append((name, value))
        stricter = [
            part
            for part in directives
            if part and part.lower().partition("=")[0].rstrip() not in ("public", "s-maxage", "private")
        ]
        self.headers[:] = [*kept, ("Cache-Control", ", ".join(["private", *stricter]))]


@lru_cache(maxsize=256)  # an app's status lines are few, and every layer asks
def _code(status: str) -> int | None:
    code = status.partition(" ")[0]
    return int(code) if len(code) == 3 and code.isascii() and code.isdigit() else None

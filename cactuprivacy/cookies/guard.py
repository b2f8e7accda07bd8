"""CookieGuard: the middleware that keeps the wrapped app's cookies first-party, declared and hardened.

Room: cookies. Wires :mod:`~cactuprivacy.cookies.rules` to requests and responses; it decides nothing itself.

Outgoing, every ``Set-Cookie`` of every status, error page and early hint is judged alone. What can be made
first-party is hardened (``Secure``, ``HttpOnly``, ``SameSite``, ``Path``, no ``Domain``, a life no longer
than declared); what cannot is taken out. Incoming, ``HTTP_COOKIE`` is written anew with declared cookies
only, so that the app, with whatever parser, reads nothing else. Trusted is what the site declares and the
browser's Fetch Metadata; never the request's ``Host``. The headers by which a third party gets in otherwise
are :mod:`~cactuprivacy.cookies.doors`' affair; what no header keeps from a page, is that of
:mod:`~cactuprivacy.cookies.page`. Each refusal is recorded (``refusals``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, get_args

from cactuprivacy.cookie import Cookie, is_token
from cactuprivacy.cookies.context import CookieContext, plainly_ours
from cactuprivacy.cookies.doors import Doors, House, Page
from cactuprivacy.cookies.eviction import Eviction
from cactuprivacy.cookies.hosts import AllowHosts, Exempt, LetIn, declared_hosts
from cactuprivacy.cookies.page import PageFilter
from cactuprivacy.cookies.refusals import CookieRefusedError, Refusals
from cactuprivacy.cookies.rules import Rules, Undeclared
from cactuprivacy.cookies.verdict import Verdict, shown
from cactuprivacy.declaration import DeclarationError, explains_options, one_of
from cactuprivacy.site import Site
from cactuprivacy.wsgi import BodyFilter, Exchange, Headers, Middleware, fetch_context, layers
from cactuprivacy.wsgi.body import Watched
from cactuprivacy.wsgi.coding import Gunzipped, coding_of, forget_length, only_gzip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

Mode = Literal["enforce", "report", "strict"]
Redirects = Literal["report", "refuse"]

_LINE_BREAK = re.compile(r"[\r\n]")
# RFC 2965's second cookie header, and what browsers have ever sent for advertising (I11).
_SIGNALS = frozenset(
    {
        "HTTP_COOKIE2",
        "HTTP_SEC_BROWSING_TOPICS",
        "HTTP_SEC_AD_AUCTION_FETCH",
        "HTTP_ATTRIBUTION_REPORTING_ELIGIBLE",
        "HTTP_ATTRIBUTION_REPORTING_SUPPORT",
        "HTTP_ATTRIBUTION_REPORTING_INFO",
        "HTTP_ATTRIBUTION_REPORTING_REGISTER_SOURCE",
        "HTTP_ATTRIBUTION_REPORTING_REGISTER_TRIGGER",
    }
)

# What a browser may show the answer as (Fetch, 2.2.5), if only later, as a prefetched page ("empty"); ``None`` where
# it does not say.
_SHOWN = frozenset(
    {None, "document", "iframe", "frame", "fencedframe", "embed", "object", "empty", "image", "xslt"}
)

# An interim answer, as browsers read one; after it they take the body for the final answer's head (RFC 9110, 15.2).
_FINAL = ("2", "3", "4", "5")
_INTERIM = re.compile(r"[ \t]*0*1(?!01\b)[0-9]{2}(?![0-9])")


class _Asked(NamedTuple):
    """What a request is, told before the app can change its environ; ``None`` stands for the usual one."""

    third_party: bool
    doors: Doors | None
    strays: tuple[str, ...] = ()


class CookieGuard(Middleware):
    """Lets no third-party cookie be placed or read, whatever the app does.

    Parameters:
        app: The WSGI application to guard.
        site: Who we are: a :class:`~cactuprivacy.site.Site`, or its origin.
        cookies: The cookies that the app sets. Those of our own layers inside *app* are known already.
        undeclared: ``"strip"`` takes out what is not declared. ``"allow"``, for a beginning, lets it pass as
            far as it is first-party, hardened, for at most 400 days.
        allow_hosts: The other hosts that pages may deal with, by purpose: ``{"image": ["images.example"]}``.
            The purposes are ``script``, ``style``, ``image``, ``font``, ``media``, ``frame``, ``connect``,
            ``form``, ``navigate`` (redirects), ``report`` and ``embedder`` (who may frame our pages). A path in
            place of a purpose lets in more at and below it: ``{"/map": {"image": ["tiles.example"]}}``.
        redirects: ``"report"`` lets a redirect to a host that was not let in pass, and logs it.
            ``"refuse"`` takes its ``Location`` out, so that the visitor is shown the redirect's own page.
        exempt: Paths on and below which, or a function of the environ for whose ``True``, other hosts are not
            kept out. Cookies are judged there as everywhere.
        mode: ``"report"`` gives the same verdicts, logs and counts them, and changes nothing. ``"strict"``,
            for tests, raises a :class:`CookieRefusedError` where the app sends what is refused.
        evict: Whether a visitor's browser is made to forget the undeclared cookies that it brings, on its
            next page; only with ``undeclared="strip"``, and never in mode ``"report"``. Not where other
            programs set cookies of their own on the same host, or on a domain above it.

    Attributes:
        cookies: Every declared cookie, the layers' own too.
        allow_hosts: Who was let in by purpose, ``everywhere``, and ``below`` some paths.
        refused: How often each rule has refused, by ``(rule, direction)``, in this process.

    Raises:
        CookieRefusedError: into the app, in mode ``"strict"``.
        DeclarationError: for a cookie that the site cannot carry, for two declarations of one name, and for
            what is no host or path.
    """

    place: ClassVar[int] = 20
    filters: ClassVar[bool] = True

    @explains_options
    def __init__(
        self,
        app: WSGIApplication,
        site: Site | str,
        *,
        cookies: Sequence[Cookie] = (),
        undeclared: Undeclared = "strip",
        allow_hosts: AllowHosts | LetIn | None = None,
        redirects: Redirects = "report",
        exempt: Exempt = (),
        mode: Mode = "enforce",
        evict: bool = False,
    ) -> None:
        super().__init__(app)
        one_of("undeclared", undeclared, get_args(Undeclared))
        one_of("mode", mode, get_args(Mode))
        one_of("redirects", redirects, get_args(Redirects))
        self.site = Site.of(site)
        self.cookies = _declared(app, cookies)
        for cookie in self.cookies:
            cookie.check(self.site)
        self._context = CookieContext(self.site)
        self._rules = Rules(self.site, self.cookies, undeclared=undeclared)
        self.allow_hosts = declared_hosts(allow_hosts or {})
        self._house = House(
            self.site, self.allow_hosts, refuse_redirects=redirects == "refuse", exempt=exempt
        )
        self._uniform = self._house.uniform
        self._usual = _Asked(third_party=False, doors=self._house.doors)
        self._enforces = mode != "report"
        self._strict = mode == "strict"
        self._refusals = Refusals(self, enforced=self._enforces)
        self.refused = self._refusals.counts
        self._evicts = evict and undeclared == "strip" and self._enforces
        self._eviction = Eviction(self.site)

    def open(self, exchange: Exchange) -> None:
        """Leave the app the declared first-party cookies, and nothing that serves advertising (I1 to I11)."""
        environ = exchange.environ
        ours = plainly_ours(environ)
        if not ours or not self._uniform:
            exchange.note = _Asked(self._context.sets_as_third_party(environ), self._house.doors_at(environ))
        if "HTTP_ACCEPT_ENCODING" in environ and environ.get("HTTP_SEC_FETCH_DEST") in _SHOWN:
            self._ask_for_gzip(exchange)
        if not environ.keys().isdisjoint(_SIGNALS):
            self._drop_signals(environ)
        header = environ.get("HTTP_COOKIE")
        if header is None:
            return
        left, refused = self._rules.incoming(
            header, third_party=not ours and self._context.reads_as_third_party(environ)
        )
        if refused:
            self._record(refused)
            asked = self._asked(exchange)
            if self._evicts and not asked.third_party and fetch_context(environ).navigation:
                # a page of ours that somebody goes to, not one within another
                exchange.note = asked._replace(strays=self._eviction.strays(refused))
        if self._enforces and left != header:
            if left is None:
                del environ["HTTP_COOKIE"]
            else:
                environ["HTTP_COOKIE"] = left

    def start(self, exchange: Exchange) -> None:
        """Send only the cookies that the rules let leave (O1 to O22), and keep shared caches from them (O20).

        Then shut the other doors (D1 to D11), read the page (H1 to H10), and make the browser forget strays.
        """
        note = exchange.note
        asked = note if isinstance(note, _Asked) else self._usual
        doors = asked.doors
        status = exchange.status or ""
        if status[:1] not in _FINAL and _INTERIM.match(status):
            status = self._end(exchange)
        passing = self._house.doors.quick(status, exchange.headers)
        if passing is None:
            self._judge(exchange, asked)
            page, coding = doors and doors.page(exchange.headers), coding_of(exchange)
        else:
            page, coding = passing.page, ""
            if passing.shown and doors and self._enforces:
                exchange.headers += doors.added
        if doors and page:
            exchange.filter = self._reader(exchange, doors, page, coding)
        if asked.strays:
            self._eviction.expire(exchange, asked.strays)

    def _asked(self, exchange: Exchange) -> _Asked:
        return exchange.note if isinstance(exchange.note, _Asked) else self._usual

    def _end(self, exchange: Exchange) -> str:
        """Make of an interim answer, which no app can end with, one after which nothing begins."""
        self._record([Verdict("out", shown(exchange.status or ""), "O1")])
        if self._enforces:
            exchange.status = "500 Internal Server Error"
        return exchange.status or ""

    def _judge(self, exchange: Exchange, asked: _Asked) -> None:
        exchange.headers = [(_plain(name), _plain(value)) for name, value in exchange.headers]
        status = exchange.status or ""
        text = "".join(chain((status,), *exchange.headers))
        if "set-cookie" in text.lower() or "\n" in text or "\r" in text:
            headers, leaves = self._sift(exchange.headers, third_party=asked.third_party)
            if self._enforces:
                exchange.status, exchange.headers = _first_line(status), headers
                if leaves:
                    exchange.forbid_shared_caching()
        exchange.headers = self._shut(exchange.headers, asked.doors, exchange.status_code or 200)

    def _reader(self, exchange: Exchange, doors: Doors, page: Page, coding: str) -> BodyFilter | None:
        """Return what reads *page*, in the coding in which the app sends it."""
        reader: BodyFilter = PageFilter(doors.strange, self._record, kind=page)
        if coding in ("gzip", "x-gzip"):
            reader = Gunzipped(reader)
            if self._enforces:
                forget_length(exchange)
        elif coding:  # which nobody has asked for, and of which browsers may know nothing either
            self._record([Verdict("out", shown(coding), "H9")])
            if self._enforces:
                exchange.headers = [
                    header for header in exchange.headers if header[0].lower() != "content-encoding"
                ]
        return reader if self._enforces else Watched(reader)

    def hint(self, exchange: Exchange, headers: Headers) -> Headers:
        """Judge the cookies of early hints, which leave past ``start_response`` (O1)."""
        asked = self._asked(exchange)
        sifted, _ = self._sift(headers, third_party=asked.third_party)
        return self._shut(sifted if self._enforces else headers, asked.doors)

    def failed(self, exchange: Exchange, hook: str) -> None:
        """Fail closed: when a hook broke, no cookie enters or leaves unjudged."""
        if not self._enforces:
            return
        if hook == "open":
            exchange.environ.pop("HTTP_COOKIE", None)
            exchange.environ.pop("HTTP_COOKIE2", None)
        elif hook == "start":
            exchange.status = _first_line(str(exchange.status))
            plain = [header for header in exchange.headers if [*map(type, header)] == [str, str]]
            exchange.headers = self._house.doors.bar(
                [header for header in plain if "set-cookie" not in str(header).lower()]
            )
        elif hook == "filter":
            exchange.filter = _Nothing()

    def _ask_for_gzip(self, exchange: Exchange) -> None:
        environ = exchange.environ
        if self._enforces and self._asked(exchange).doors:
            # of all that browsers take, the one coding in which a page can be read
            environ["HTTP_ACCEPT_ENCODING"] = only_gzip(environ["HTTP_ACCEPT_ENCODING"])

    def _shut(self, headers: Headers, doors: Doors | None, status: int | None = None) -> Headers:
        if doors is None:
            return headers
        sent, refused = doors.shut(headers, status)
        if refused:
            self._record(refused)
        return sent if self._enforces else headers

    def _sift(self, headers: Headers, *, third_party: bool) -> tuple[Headers, bool]:
        """Return the headers to send, and whether a cookie is among them."""
        verdicts: list[Verdict] = []
        sifted: list[tuple[str, str] | None] = []
        lines: list[str] = []
        for name, value in headers:
            folded = name.strip().lower()
            if folded == "set-cookie":
                lines.append(value)
                sifted.append(None)
            elif "set-cookie" in folded and (folded == "set-cookie2" or not is_token(name)):
                verdicts.append(Verdict("out", shown(name), "O1"))
            elif _LINE_BREAK.search(name) or name.startswith((" ", "\t")):
                # On the wire it would begin a header of its own, or go on with the one before.
                verdicts.append(Verdict("out", shown(name), "O1"))
            elif _LINE_BREAK.search(value):
                verdicts.append(Verdict("out", shown(name), "O3"))
                sifted.append((name, _first_line(value)))
            else:
                sifted.append((name, value))
        judged = self._rules.outgoing(lines, third_party=third_party)
        verdicts += [verdict for verdict in judged if verdict.rule is not None]
        if verdicts:
            self._record(verdicts)
        following = iter(judged)
        sent: Headers = []
        leaves = False
        for header in sifted:
            if header is not None:
                sent.append(header)
            elif (line := next(following).line) is not None:
                sent.append(("Set-Cookie", line))
                leaves = True
        return sent, leaves

    def _drop_signals(self, environ: WSGIEnvironment) -> None:
        found = sorted(_SIGNALS.intersection(environ))
        self._record([Verdict("in", key, "I9" if key == "HTTP_COOKIE2" else "I11") for key in found])
        if self._enforces:
            for key in found:
                del environ[key]

    def _record(self, verdicts: Sequence[Verdict]) -> None:
        self._refusals.record(verdicts)
        if self._strict:
            # what enters is not the app's doing
            ours = [verdict for verdict in verdicts if verdict.direction == "out" and not verdict.passes]
            if ours:
                raise CookieRefusedError(*ours)


def _declared(app: WSGIApplication, cookies: Sequence[Cookie]) -> tuple[Cookie, ...]:
    """Return the declared cookies and those of the layers inside *app*, each name once."""
    if isinstance(cookies, Cookie):
        raise DeclarationError(f"cookies= is one cookie; write cookies=[Cookie({cookies.name!r}, …)].")
    if not isinstance(cookies, Iterable):
        raise DeclarationError(f"cookies={cookies!r} is no list; write cookies=[Cookie(name, purpose=…)].")
    declared: dict[str, Cookie] = {}
    for cookie in cookies:
        if not isinstance(cookie, Cookie):
            raise DeclarationError(f"cookies= holds {cookie!r}; write Cookie(name, purpose=…) instead.")
        if cookie.name in declared:
            raise DeclarationError(f"Cookie {cookie.name!r} is declared twice; keep one of the two.")
        declared[cookie.name] = cookie
    for layer in layers(app):
        for cookie in layer.cookies:  # the same declaration, by way of two layers, is one
            if declared.setdefault(cookie.name, cookie) != cookie:
                raise DeclarationError(
                    f"Cookie {cookie.name!r} is declared twice, once by {type(layer).__name__}; "
                    "drop the other, or rename it."
                )
    return tuple(declared.values())


def _first_line(text: str) -> str:
    return _LINE_BREAK.split(text, maxsplit=1)[0]


def _plain(text: object) -> str:
    """Return a header's name or value as exactly the text that any server sends for it."""
    if type(text) is str:
        return text
    if isinstance(text, bytes):  # which some servers take
        return bytes.decode(text, "latin-1")
    if isinstance(text, str):  # of a kind that may say something else to each who asks
        return "".join(str.__iter__(text))
    raise TypeError("A header's name and value are strings (PEP 3333).")


class _Nothing:
    """A body filter that lets nothing through: what is left of a page that could not be read."""

    def feed(self, chunk: bytes) -> bytes:
        return b""

    def end(self) -> bytes:
        return b""

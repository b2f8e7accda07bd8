"""Doors: the headers besides ``Set-Cookie`` by which a third party gets a foot into our pages (D1 to D11).

Room: cookies. Pure: takes headers, returns those to send and the verdicts; :mod:`~cactuprivacy.cookies.guard`
wires it to responses. Of what the app sends, only what leads to a stranger is taken out, and in doubt it
does. To what browsers treat as documents a Content-Security-Policy of our own is *added*: several policies
intersect (CSP 3, 8.1), so the app's own, its nonces and its strictness stay as they are. Inline scripts are
the app's own affair; whom its pages talk to is ours.
"""

from __future__ import annotations

import json
import logging
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from cactuprivacy.cookie import is_token
from cactuprivacy.cookies.content_policy import PERMISSIONS, content_policy
from cactuprivacy.cookies.hosts import Exempt, Hosts, LetIn, declared_exempt
from cactuprivacy.cookies.targets import header_text, host_of, members, parse_link
from cactuprivacy.cookies.verdict import Verdict, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from _typeshed.wsgi import WSGIEnvironment

    from cactuprivacy.site import Site
    from cactuprivacy.wsgi import Headers


logger = logging.getLogger("cactuprivacy.cookies")

_MAX_JSON = 8192  # characters; what is longer no server sends

# Opt-ins to what browsers offer, or offered, to advertising networks; of use to nobody else (D8).
_SIGNALS = frozenset(
    {
        "p3p",
        "origin-trial",
        "observe-browsing-topics",
        "set-login",
        "activate-storage-access",
        "shared-storage-write",
    }
)
_SIGNAL_FAMILIES = ("attribution-reporting-", "ad-auction-")

_REFERRER = ("Referrer-Policy", "strict-origin-when-cross-origin")
_LOOSE = frozenset({"unsafe-url", "no-referrer-when-downgrade"})
_REFERRER_POLICIES = _LOOSE | {
    "no-referrer",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
}

# What browsers show as a document (XML may hold XHTML, and what has no type is looked at), and scripts: a
# worker's policy is that of its own response (CSP 3, 4.2).
_DOCUMENT = re.compile(
    r"html\b|xml\b|text/xsl|(?:java|ecma|live|j)script|unknown|multipart/(?:x-mixed-replace|mixed|byteranges)|\*/|\A[^/]*\Z"
)

# HTML, 7.4.6 "shared declarative refresh steps"
_REFRESH = re.compile(r"\s*[0-9.]*[\s;,]*(?:url\s*=\s*)?(?:([\"'])(.*)|(.*))", re.IGNORECASE | re.DOTALL)

_QUOTED = r'"((?:[^"\\]|\\.)*)"[ \t]*(?:;.*)?'
_ENDPOINT = re.compile(rf"[a-z*][a-z0-9_\-.*]*={_QUOTED}")  # RFC 9651, 3.2
_RULES = re.compile(_QUOTED)
_ALTERNATIVE = re.compile(rf'[^\s=;,"]+={_QUOTED}')  # RFC 7838, 3


# Answers whose body browsers show to nobody. Those of a redirect they do show: of each but five, and where its
# Location leads nowhere.
_BODILESS = frozenset({"101", "204", "304"})

Page = Literal["html", "xml", "parts"]


class Passing(NamedTuple):
    """What browsers do with a response: whether it has a policy of its own, and as what page it is read."""

    shown: bool
    page: Page | None


_NOT_SHOWN, _SCRIPT = Passing(False, None), Passing(True, None)
_SHOWN, _XML, _PARTS = Passing(True, "html"), Passing(True, "xml"), Passing(True, "parts")


class Doors:
    """Shuts a response's doors to strangers.

    Parameters:
        site: Who we are.
        allowed: Who was let in, by purpose.
        refuse_redirects: Whether an undeclared foreign ``Location`` is taken out, so that the visitor sees the
            redirect's own page; else it passes, and is told of.
    """

    def __init__(
        self,
        site: Site,
        allowed: Mapping[str, tuple[str, ...]],
        *,
        refuse_redirects: bool = False,
    ) -> None:
        self.strange = Hosts(site, allowed).strange
        self._refuse_redirects = refuse_redirects
        self._policy = ("Content-Security-Policy", content_policy(site, allowed))
        self.added = [self._policy, PERMISSIONS, _REFERRER]
        self._judges: dict[str, tuple[str, Callable[[str], str | None]]] = {
            "link": ("D2", self._link),
            "refresh": ("D3", self._refresh),
            "report-to": ("D4", self._report_to),
            "reporting-endpoints": ("D4", self._list(_ENDPOINT, "report")),
            "content-security-policy": ("D4", self._report_uri),
            "content-security-policy-report-only": ("D4", self._report_uri),
            "sourcemap": ("D5", self._load),
            "x-sourcemap": ("D5", self._load),
            "speculation-rules": ("D6", self._list(_RULES, "load")),
            "alt-svc": ("D7", self._list(_ALTERNATIVE, "connect", before="//")),
            "location": ("D9", self._location),
        }

    def quick(self, status: str, headers: Headers) -> Passing | None:
        """Tell what there is to do about headers in which nothing can have to be refused, cookies neither.

        That is nearly every response, in one pass. ``None`` when there is something to judge.
        """
        if not status.isprintable():  # after a line break in it a header would begin
            return None
        types = None
        for header in headers:
            name, value = header
            if type(header) is not tuple or type(name) is not str or type(value) is not str:
                return None
            if "\n" in value or "\r" in value:
                return None
            kind = _kind(name)
            if kind is not None:
                if kind != "content-type" or types is not None:
                    return None
                types = value
        if status[:4].rstrip(" ") in _BODILESS:
            return _NOT_SHOWN
        return _SHOWN if types is None else _passing(types)

    def shut(self, headers: Headers, status: int | None = None) -> tuple[Headers, list[Verdict]]:
        """Return the headers to send instead of *headers*, and what was refused among them.

        Parameters:
            headers: A response's headers, or early hints.
            status: The response's status; ``None`` for early hints, to which nothing is added.
        """
        kinds = [_kind(name) for name, _ in headers]
        verdicts: list[Verdict] = []
        sent = headers if _PASSIVE.issuperset(kinds) else self._judged(headers, kinds, verdicts)
        if status is None or str(status) in _BODILESS:
            return sent, verdicts
        types = [headers[at][1] for at, kind in enumerate(kinds) if kind == "content-type"]
        if types and not any(map(_is_document, types)):
            return sent, verdicts
        return [*sent, *self._added(sent, kinds, verdicts)], verdicts

    def page(self, headers: Headers) -> Page | None:
        """Tell what kind of page browsers would show a response of these *headers* as; ``None`` for no page."""
        kinds = {_passing(value).page for name, value in headers if _kind(name) == "content-type"} or {"html"}
        return next((kind for kind in ("html", "xml", "parts") if kind in kinds), None)

    def bar(self, headers: Headers) -> Headers:
        """Return *headers* without all that could be a door, unjudged."""
        return [
            (name, value)
            for name, value in headers
            if _kind(name)
            in (None, "cookie", "content-encoding", "content-type", "referrer-policy", "location")
        ] + self.added

    def _judged(self, headers: Headers, kinds: list[str | None], verdicts: list[Verdict]) -> Headers:
        sent: Headers = []
        reports = credentials = False
        for header, kind in zip(headers, kinds, strict=True):
            name, value = header
            if kind is None:
                sent.append(header)
            elif kind in self._judges:
                rule, judge = self._judges[kind]
                left = judge(value)
                if left != value:
                    passes = kind == "location" and not self._refuse_redirects
                    verdicts.append(Verdict("out", shown(name), rule, passes=passes))
                    left = value if passes else left
                if left is not None:
                    sent.append(header if left == value else (name, left))
                    reports |= kind == "report-to"
            elif kind == "hidden":
                verdicts.append(Verdict("out", shown(name), "D1"))
            elif kind == "signal":
                verdicts.append(Verdict("out", shown(name), "D8"))
            else:
                credentials |= kind == "access-control-allow-credentials"
                sent.append(header)
        if credentials and any(
            kind == "access-control-allow-origin" and value.strip() != "*" and self._reads(value)
            for (_, value), kind in zip(headers, kinds, strict=True)
        ):
            sent = self._without(sent, "access-control-allow-credentials", "D10", verdicts)
        if not reports and "nel" in kinds:  # it would report to whom an earlier Report-To named
            sent = self._without(sent, "nel", "D4", verdicts)
        return sent

    def _without(self, headers: Headers, kind: str, rule: str, verdicts: list[Verdict]) -> Headers:
        verdicts += [Verdict("out", shown(name), rule) for name, _ in headers if _kind(name) == kind]
        return [header for header in headers if _kind(header[0]) != kind]

    def _added(self, sent: Headers, kinds: list[str | None], verdicts: list[Verdict]) -> Headers:
        if self._policy in sent and PERMISSIONS in sent:
            return []  # by a guard inside of this one
        added = [self._policy, PERMISSIONS]
        if "referrer-policy" in kinds:
            found = _referrer_policy([value for name, value in sent if _kind(name) == "referrer-policy"])
            if found in _LOOSE:
                verdicts.append(Verdict("out", "Referrer-Policy", "D11"))
            elif found:
                return added
        return [*added, _REFERRER]  # the last policy that a browser knows is the one that counts

    def _strange(self, url: str, purpose: str) -> bool:
        return self.strange(header_text(url), purpose)

    def _link(self, value: str) -> str | None:
        return _kept(value, self._strange_link)

    def _strange_link(self, member: str) -> bool:
        link = parse_link(member)
        if link is None:
            return True
        if link.inert:
            return False
        return self._strange(link.target, "load") or any(
            self._strange(candidate.strip(","), "load")
            for name, sources in link.parameters
            if name.startswith("imagesrcset")
            for candidate in sources.split()
        )

    def _list(
        self, member: re.Pattern[str], purpose: str, *, before: str = ""
    ) -> Callable[[str], str | None]:
        def strange(text: str) -> bool:
            if text == "clear":
                return False
            found = member.fullmatch(text)
            if found is None:
                return True
            target = re.sub(r"\\(.)", r"\1", found[1])
            # a port alone is our own host's (RFC 7838, 3)
            return self._strange(target if target.startswith(":") else before + target, purpose)

        return lambda value: _kept(value, strange)

    def _refresh(self, value: str) -> str | None:
        found = _REFRESH.match(value)
        if found is None:
            return None
        quote, quoted, bare = found.groups()
        url = quoted.partition(quote)[0] if quote else bare
        return None if self._strange(url, "navigate") else value

    def _report_to(self, value: str) -> str | None:
        if len(value) > _MAX_JSON:
            return None
        try:
            groups = json.loads(f"[{value}]")
            urls = [endpoint["url"] for group in groups for endpoint in group.get("endpoints", ())]
            strange = any(self._strange(url, "report") for url in urls)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return None if strange else value

    def _report_uri(self, value: str) -> str | None:
        if "report-uri" not in value.lower():
            return value
        parts = re.split("([;,])", value)
        for index in range(0, len(parts), 2):
            name, *urls = parts[index].split() or [""]
            if name.lower() == "report-uri":
                ours = [url for url in urls if not self._strange(url, "report")]
                if len(ours) < len(urls):
                    parts[index] = " ".join([" report-uri", *ours]) if ours else ""
        return "".join(parts)

    def _load(self, value: str) -> str | None:
        return None if self._strange(value, "load") else value

    def _location(self, value: str) -> str | None:
        return None if self._strange(value, "navigate") else value

    def _reads(self, origin: str) -> bool:
        # "null" is what every sandboxed frame calls itself.
        return host_of(origin) is None or self._strange(origin, "embedder")


class House:
    """The doors of a site's pages: some paths let in more hosts than others, and some stand open.

    Parameters:
        site: Who we are.
        let_in: Who was let in, and where.
        refuse_redirects: As :class:`Doors` has it.
        exempt: Paths below which, or a function of the environ by which, the doors stay open.
    """

    def __init__(self, site: Site, let_in: LetIn, *, refuse_redirects: bool, exempt: Exempt) -> None:
        self.doors = Doors(site, let_in.everywhere, refuse_redirects=refuse_redirects)
        self._exempt = declared_exempt(exempt)
        self._below = {
            path: Doors(site, let_in.at(path), refuse_redirects=refuse_redirects)
            for path in sorted(let_in.below, key=len, reverse=True)  # of two, the nearer path decides
        }

    @property
    def uniform(self) -> bool:
        """Whether the doors are the same on every page."""
        return not self._exempt and not self._below

    def doors_at(self, environ: WSGIEnvironment) -> Doors | None:
        """Return the doors of the page that is asked for; ``None`` where they stay open."""
        if self.uniform:
            return self.doors
        if self._is_exempt(environ):
            return None
        return next((doors for path, doors in self._below.items() if _is_below(environ, path)), self.doors)

    def _is_exempt(self, environ: WSGIEnvironment) -> bool:
        if not callable(self._exempt):
            return any(_is_below(environ, path) for path in self._exempt)
        try:
            return self._exempt(environ) is True
        except Exception as error:
            logger.error("exempt= raised %s; nothing is exempt for it.", type(error).__name__)  # noqa: TRY400  # the error's own text may hold an address
            return False


def _is_below(environ: WSGIEnvironment, path: str) -> bool:
    asked: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    # no browser sends a path with dot segments; whoever takes them out finds another page there
    return asked == path or (asked.startswith(path + "/") and "/../" not in asked + "/")


@lru_cache(maxsize=512)  # an app's header names are few
def _kind(name: str) -> str | None:
    """Return what kind of door a header of this *name* is, ``"cookie"``, or ``None``."""
    if not is_token(name):
        return "hidden"
    folded = name.lower()
    if "set-cookie" in folded:
        return "cookie"
    if folded in _SIGNALS or folded.startswith(_SIGNAL_FAMILIES):
        return "signal"
    return folded if folded in _WATCHED else None


_NAMES = (
    "link refresh report-to reporting-endpoints nel content-security-policy "
    "content-security-policy-report-only sourcemap x-sourcemap speculation-rules alt-svc location "
    "access-control-allow-credentials access-control-allow-origin referrer-policy content-type content-encoding"
)
_WATCHED = frozenset(_NAMES.split())

# Of these alone nothing has to be taken out.
_PASSIVE = frozenset(
    {None, "cookie", "content-encoding", "content-type", "referrer-policy", "access-control-allow-origin"}
)


@lru_cache(maxsize=256)
def _passing(content_type: str) -> Passing:
    if not _is_document(content_type):
        return _NOT_SHOWN
    folded = content_type.lower()
    if "script" in folded:
        return _SCRIPT
    if "multipart/" in folded and "html" not in folded:
        return _PARTS
    return _XML if ("xml" in folded or "xsl" in folded) and "html" not in folded else _SHOWN


@lru_cache(maxsize=256)
def _is_document(content_type: str) -> bool:
    return _DOCUMENT.search(content_type.lower()) is not None


def _kept(value: str, strange: Callable[[str], bool]) -> str | None:
    """Return *value*, a list header, without its strange members; ``None`` when none is left."""
    found = list(members(value))
    kept = [member for member in found if not strange(member)]
    if len(kept) == len(found):
        return value
    return ", ".join(kept) or None


def _referrer_policy(values: Sequence[str]) -> str | None:
    # Referrer Policy, 8.1: the last that is known
    for token in reversed(",".join(values).lower().split(",")):
        if token.strip() in _REFERRER_POLICIES:
            return token.strip()
    return None

"""Attempts: what the shop tries on its bad day, and what requests bring it, each with the rule that it breaks.

Room: example shop. Plain data. ``hostile`` plays the shop's part in it, the tour the browser's part; a new
attempt is one more record here, and nothing else. The rules' own sentences are the guard's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Literal

Lines = tuple[tuple[str, str], ...]

#: How the app's headers leave: as the app is called, when its body is read, after an error has thrown away the
#: first ones (PEP 3333), or ahead of the response (RFC 8297).
Exit = Literal["at once", "late", "after an error", "early hints"]


@dataclass(frozen=True)
class Attempt:
    """Something that the policy forbids, and is tried.

    Attributes:
        rule: The rule by which the guard refuses it.
        tried: What it is, in words.
        answers: The headers with which the app answers.
        asks: The headers that the request brings.
        page: HTML that the app puts into its page.
        left: What may be left of it, on the wire or before the app's eyes, line by line.
        status: The status with which the app answers.
        exit: By which way the headers leave.
    """

    rule: str
    tried: str
    answers: Lines = ()
    asks: Lines = ()
    page: str = ""
    left: tuple[str, ...] = ()
    status: str = "200 OK"
    exit: Exit = "at once"

    @property
    def lines(self) -> list[str]:
        """What is tried, as it would stand on the wire."""
        return [f"{name}: {value}" for name, value in self.answers or self.asks] + self.page.splitlines()


def _sets(*cookies: str) -> Lines:
    return tuple(("Set-Cookie", cookie) for cookie in cookies)


def _sends(name: str, value: str) -> Lines:
    return ((name, value),)


def _brings(*cookies: str) -> Lines:
    return tuple(("Cookie", cookie) for cookie in cookies)


#: A request from inside a page of somebody else's: a frame in it, and a picture in it.
_FRAME = (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe"))
_PICTURE = (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image"))

# Declared are "session" (the shop's own), "affiliate" and "privacy-choices"; every other name is not.
_COOKIES_THAT_LEAVE = (
    Attempt("O1", "the second cookie header, of 2000", _sends("Set-Cookie2", "id=1; Version=1")),
    Attempt("O1", "a cookie hidden in a header’s name", _sends("Set-Cookie: _ga=1; X", "1")),
    Attempt("O1", "a line break in a header’s name", _sends("X-Note\r\nSet-Cookie", "_ga=1")),
    Attempt(
        "O3", "a line break in a value", _sends("X-Note", "hi\r\nSet-Cookie: _ga=1"), left=("X-Note: hi",)
    ),
    Attempt("O3", "a control character in a cookie", _sets("session=a\x01b")),
    Attempt("O4", "a cookie without a name", _sets("=session=stolen")),
    Attempt("O5", "a cookie that some parsers cut in two", _sets('session="a; _ga=1"')),
    Attempt("O5", "two cookies in one line, by a proxy (O22)", _sets("session=x, _ga=1")),
    Attempt("O6", "a cookie of five thousand letters", _sets(f"session={'x' * 5000}")),
    Attempt("O7", "a second Path, for who reads only one", _sets("session=x; Path=/; Path=/basket")),
    Attempt(
        "O8",
        "one cookie twice: only the last leaves",
        _sets("session=first", "session=last"),
        left=("Set-Cookie: session=last; Path=/; HttpOnly; SameSite=Lax",),
    ),
    Attempt("O9", "a cookie for an advertiser’s domain", _sets("session=x; Domain=.ads.example")),
    Attempt("O9", "a cookie for everybody under co.uk", _sets("session=x; Domain=co.uk")),
    Attempt("O9", "a cookie for all that our address ends in", _sets("session=x; Domain=0.0.1")),
    Attempt("O13", "SameSite=None, by which ads are paid", _sets("session=x; Secure; SameSite=None")),
    Attempt("O13", "the same in other letters", _sets("session=x; secure; samesite= NONE ")),
    Attempt("O14", "a Partitioned cookie, made for embeds", _sets("session=x; Secure; Partitioned")),
    Attempt("O15", "a __Host- cookie with a Domain", _sets("__Host-id=7; Secure; Domain=co.uk")),
    Attempt("O15", "a __Secure- cookie on plain http", _sets("__Secure-id=7; Secure")),
    Attempt("O15", "a prefix, spelled as some let it pass", _sets("__hOsT-id=7; Secure")),
    Attempt("O16", "a date that nobody can read", _sets("session=x; Expires=never, I hope")),
    Attempt("O18", "an undeclared cookie, for two years", _sets("_ga=GA1.1.4.5; Max-Age=63072000")),
    Attempt("O18", "a declared name in other letters", _sets("SESSION=x")),
    Attempt("O18", "one on a page that is not there", _sets("_ga=1"), status="404 Not Found"),
    Attempt("O18", "one in a redirect", _sets("_gcl_au=1"), status="303 See Other"),
    Attempt("O18", "one sent late, as the page is read", _sets("_fbp=1"), exit="late"),
    Attempt("O18", "one on the page after an error", _sets("_ga=1"), exit="after an error"),
    Attempt("O18", "one in early hints, before any answer", _sets("_ga=1"), exit="early hints"),
    Attempt("O19", "our own cookie, inside a stranger’s frame", _sets("session=x"), _FRAME),
    Attempt("O19", "our own cookie, by a picture elsewhere", _sets("session=x"), _PICTURE),
    Attempt("O21", "to forget a cookie, but with a value", _sets("_ga=GA1.1.4.5; Max-Age=0")),
)

_ADS = "https://ads.example"

_HEADERS_THAT_LEAVE = (
    Attempt("D1", "a header hidden in the name of another", _sends("Link: <https://ads.example>; x", "1")),
    Attempt(
        "D2", "to load an advertiser’s script ahead", _sends("Link", f"<{_ADS}/a.js>; rel=preload; as=script")
    ),
    Attempt("D2", "to connect to an advertiser ahead", _sends("Link", f"<{_ADS}>; rel=preconnect")),
    Attempt(
        "D2",
        "the same, spelled as only browsers read it",
        _sends("Link", "<https:\\\\ads.example>; rel=preconnect"),
    ),
    Attempt(
        "D2",
        "the same in early hints",
        _sends("Link", f"<{_ADS}/a.js>; rel=preload; as=script"),
        exit="early hints",
    ),
    Attempt("D3", "to send the visitor on", _sends("Refresh", f"3; url={_ADS}/")),
    Attempt(
        "D4",
        "to have each visit’s errors reported",
        (
            ("Report-To", '{"max_age":86400,"endpoints":[{"url":"https://ads.example/r"}]}'),
            ("NEL", '{"report_to":"default","max_age":86400}'),
        ),
    ),
    Attempt("D4", "the same in today’s header", _sends("Reporting-Endpoints", f'default="{_ADS}/r"')),
    Attempt(
        "D4",
        "to have what a policy stops reported",
        _sends("Content-Security-Policy", f"img-src 'self'; report-uri {_ADS}/csp"),
        left=("Content-Security-Policy: img-src 'self';",),
    ),
    Attempt("D5", "a script’s source map elsewhere", _sends("SourceMap", f"{_ADS}/a.map")),
    Attempt("D6", "rules for what to load before a click", _sends("Speculation-Rules", f'"{_ADS}/rules"')),
    Attempt(
        "D7", "to move the whole connection elsewhere", _sends("Alt-Svc", 'h2="ads.example:443"; ma=86400')
    ),
    Attempt("D8", "to promise old browsers that all is well", _sends("P3P", 'CP="NOI DSP COR"')),
    Attempt("D8", "to try out an advertising feature", _sends("Origin-Trial", "AtX5Yc2lnbmVk")),
    Attempt(
        "D8",
        "to register that an ad was seen",
        _sends("Attribution-Reporting-Register-Source", '{"destination":"https://ads.example"}'),
    ),
    Attempt("D8", "to add the visit to one’s topics", _sends("Observe-Browsing-Topics", "?1")),
    Attempt("D8", "to tell the browser who is logged in", _sends("Set-Login", "logged-in")),
    Attempt(
        "D9",
        "a redirect by a tracker: it is told of",
        _sends("Location", f"{_ADS}/to?visitor=7"),
        left=(f"Location: {_ADS}/to?visitor=7",),
        status="302 Found",
    ),
    Attempt(
        "D10",
        "to let an advertiser read our pages",
        (("Access-Control-Allow-Origin", _ADS), ("Access-Control-Allow-Credentials", "true")),
        left=(f"Access-Control-Allow-Origin: {_ADS}",),
    ),
    Attempt("D11", "to tell strangers where one was, exactly", _sends("Referrer-Policy", "unsafe-url")),
)


def _page(rule: str, tried: str, html: str, word: str, instead: str, by: Exit = "at once") -> Attempt:
    """Return an attempt that a page makes; the guard takes nothing out of it, but writes *instead* for *word*."""
    return Attempt(rule, tried, page=html, left=(html.replace(word, instead),), exit=by)


_PAGES_THAT_LEAVE = (
    _page("H1", "a hint to connect ahead", f'<link rel=preconnect href="{_ADS}">', "href", "xref"),
    _page("H1", "a hint to look its name up ahead", f'<link rel=dns-prefetch href="{_ADS}">', "href", "xref"),
    _page("H2", "a page that sends one on", f'<meta http-equiv=refresh content="0; {_ADS}">', "cont", "xont"),
    _page(
        "H3",
        "rules on what to load ahead",
        f'<script type=speculationrules>{{"prefetch": [{{"urls": ["{_ADS}"]}}]}}</script>',
        "spec",
        "xpec",
    ),
    _page("H4", "a link that reports each click", f'<a href="/" ping="{_ADS}">Home</a>', "ping", "xing"),
    _page("H5", "an advertiser’s frame", f'<iframe src="{_ADS}/banner"></iframe>', "src", "xrc"),
    _page(
        "H5", "such a frame, in a page in the page", f"<iframe srcdoc='<iframe src={_ADS}>'>", "src", "xrc"
    ),
    _page("H6", "a form that goes to an advertiser", f'<form action="{_ADS}"></form>', "https", ".ttps"),
    _page("H7", "a script that opens a window", f'<script>open("{_ADS}")</script>', "https", ".ttps"),
    _page(
        "H8",
        "a feature’s trial, within the page",
        "<meta http-equiv=origin-trial content=AtX5>",
        "con",
        "xon",
    ),
    _page(
        "H9", "a tag hidden by an escape sequence", f'<li\x1b(Bnk rel=preconnect href="{_ADS}">', "\x1b", " "
    ),
    _page(
        "H10",
        "a tag too long to be looked at",
        f'<link x="{"x" * 80_000}" rel=preconnect href="{_ADS}">',
        "<link",
        "<xink",
        "late",
    ),
)

_WHAT_ENTERS = (
    Attempt("I1", "a comma in a cookie", asks=_brings("session=mine,yours")),
    Attempt(
        "I1",
        "a second line, joined to the first",
        asks=_brings("session=mine", "__Host-session=evil"),
        left=("Cookie: session=mine",),
    ),
    Attempt(
        "I2",
        "a blank that only some frameworks trim",
        asks=_brings("session=mine; \xa0session=evil"),
        left=("Cookie: session=mine",),
    ),
    Attempt(
        "I3",
        "a declared name, shouted",
        asks=_brings("session=mine; SESSION=evil"),
        left=("Cookie: session=mine",),
    ),
    Attempt("I3", "a prefix, shouted", asks=_brings("__HOST-session=evil")),
    Attempt("I4", "quotes that each parser reads its own way", asks=_brings('session=mi"ne"')),
    Attempt("I5", "a cookie that has no name", asks=_brings("=session=evil")),
    Attempt(
        "I5",
        "an attribute of the cookies of 2000",
        asks=_brings("$Version=1; session=mine"),
        left=("Cookie: session=mine",),
    ),
    Attempt("I6", "one name twice, to see which one wins", asks=_brings("session=mine; session=evil")),
    Attempt("I8", "our own cookies, from a stranger’s frame", asks=(*_brings("session=mine"), *_FRAME)),
    Attempt("I8", "our own cookies, by a picture elsewhere", asks=(*_brings("session=mine"), *_PICTURE)),
    Attempt(
        "I9",
        "what a stranger’s script has set",
        asks=_brings("_ga=GA1.1.9.8; session=mine; _fbp=fb.1.2.3"),
        left=("Cookie: session=mine",),
    ),
    Attempt("I9", "the second cookie header comes", asks=_sends("Cookie2", "$Version=1")),
    Attempt(
        "I10",
        "more cookies than any browser sends",
        asks=_brings(f"session=mine; x={'x' * 20_000}"),
        left=("Cookie: session=mine",),
    ),
    Attempt(
        "I11",
        "what the browser thinks that one likes",
        asks=_sends("Sec-Browsing-Topics", "(1 2);v=chrome.1"),
    ),
    Attempt(
        "I11",
        "that an advertisement was seen before",
        asks=_sends("Attribution-Reporting-Eligible", "event-source"),
    ),
)

#: By who tries it and how; in each, in the order of the rules.
GROUPS = {
    "Cookies that the app sets": _COOKIES_THAT_LEAVE,
    "Headers by which the app lets strangers in": _HEADERS_THAT_LEAVE,
    "Pages by which the app lets strangers in": _PAGES_THAT_LEAVE,
    "What a request brings before the app": _WHAT_ENTERS,
}
ATTEMPTS = tuple(chain.from_iterable(GROUPS.values()))

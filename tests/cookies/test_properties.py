"""Any header at all: nothing raises, nothing undeclared passes, and every reader reads the same."""

from __future__ import annotations

import warnings
from http.cookies import SimpleCookie

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from webob.cookies import RequestCookies
from werkzeug.http import parse_cookie

from cactuprivacy import Cookie, Site
from cactuprivacy.cookies.rules import Rules
from cactuprivacy.cookies.verdict import REASONS

NAMES = ("session", "basket", "__Host-sid")
COOKIES = [
    Cookie("session", purpose="p"),
    Cookie("basket", purpose="p", max_age=3600, domain="shop.example", http_only=False),
    Cookie("__Host-sid", purpose="p", same_site="Strict"),
]
STRICT = Rules(Site("https://www.shop.example"), COOKIES)
LENIENT = Rules(Site("https://www.shop.example"), COOKIES, undeclared="allow")
NOW = 1_900_000_000

anything = st.text(st.characters(max_codepoint=255), max_size=60)
names = st.sampled_from(
    [*NAMES, "Session", "__HOST-sid", "_ga", "$Path", "", "a b", "\xa0session", "\x0bsession"]
)
fragments = st.sampled_from(
    [
        "=",
        ";",
        "; ",
        ",",
        ", ",
        '"',
        " ",
        "\t",
        "\\",
        "[",
        "]",
        "x",
        "1",
        "_ga=1",
        "session=1",
        "\x00",
        "\r\n",
        "\xe4",
    ]
)
noise = st.lists(fragments | names | anything, max_size=12).map("".join)
cookie_headers = st.lists(st.tuples(names, noise).map("=".join) | noise, max_size=8).map("; ".join) | noise
attributes = st.sampled_from(
    [
        *(
            "Secure",
            "HttpOnly",
            "Partitioned",
            "Path=/",
            "Path=/a",
            "Path=a",
            "Path",
            "Domain=",
            "Domain=.shop.example",
        ),
        *("Domain=www.shop.example", "Domain=ads.example", "Domain=example", "SameSite=None", "samesite=lax"),
        *("SameSite=Strict", "Max-Age=0", "Max-Age=60", "Max-Age=99999999999", "Max-Age=x", "Priority=High"),
        *("Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Expires=Fri, 17 May 2030 17:46:40 GMT", "Expires=x"),
    ]
)
set_cookies = (
    st.tuples(names, noise | st.text("abc123", max_size=9), st.lists(attributes | noise, max_size=6)).map(
        lambda parts: "; ".join([f"{parts[0]}={parts[1]}", *parts[2]])
    )
    | noise
)


def browser(line, host="www.shop.example"):
    """Read a Set-Cookie line as the draft says, character by character and apart from our parser (5.6, 5.7).

    Returns name, value and what the browser would store of it; ``None`` where it would ignore the line.
    """
    if any((ord(c) < 32 and c != "\t") or ord(c) == 127 for c in line):
        return None
    pair, _, rest = line.partition(";")
    if "=" in pair:
        name, value = pair[: pair.index("=")], pair[pair.index("=") + 1 :]
    else:
        name, value = "", pair
    name, value = name.strip(" \t"), value.strip(" \t")
    if len(name + value) > 4096 or not name + value:
        return None
    stored = {
        "domain": host,
        "host_only": True,
        "path": None,
        "secure": False,
        "http_only": False,
        "same_site": "",
    }
    stored |= {"max_age": None, "partitioned": False}
    for part in rest.split(";"):
        key, _, said = part.partition("=")
        key, said = key.strip(" \t").lower(), said.strip(" \t")
        if len(said) > 1024:
            continue
        if key == "domain":
            said = said[1:].lower() if said.startswith(".") else said.lower()
            stored |= {"domain": said or host, "host_only": not said}
        elif key == "path":
            stored["path"] = said if said.startswith("/") else None
        elif key == "samesite":
            stored["same_site"] = said.lower()
        elif key == "max-age" and said.lstrip("-").isdecimal() and said.isascii():
            stored["max_age"] = int(said)
        stored |= {"secure": True} if key == "secure" else {}
        stored |= {"http_only": True} if key == "httponly" else {}
        stored |= {"partitioned": True} if key == "partitioned" else {}
    if stored["domain"] not in ("www.shop.example", "shop.example"):
        return None
    if name.lower().startswith("__host-") and not (
        stored["secure"] and stored["host_only"] and stored["path"] == "/"
    ):
        return None
    return name, value, stored


@given(cookie_headers | anything, st.booleans())
@example("session=1,__Host-sid=evil", False)
@example('session="x; _ga=1; __Host-sid=evil"; basket=2', False)
@example("session=x[_ga=1]", False)
@example("basket=a]session=2; session=1", False)
def test_after_the_guard_every_parser_sees_the_same_declared_set(header, third_party):
    left, refused = STRICT.incoming(header, third_party=third_party)
    left = left or ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # WebOb's regexps
        seen = [
            dict(parse_cookie(left)),
            {name: morsel.value for name, morsel in SimpleCookie(left).items()},
            dict(RequestCookies({"HTTP_COOKIE": left})),
        ]

    assert seen[0] == seen[1] == seen[2]
    assert set(seen[0]) <= set(NAMES)
    assert set(seen[0]) == {pair.partition("=")[0] for pair in left.split("; ") if pair}
    assert all(verdict.rule in REASONS for verdict in refused)


@given(cookie_headers)
def test_what_has_entered_once_would_enter_again_unchanged(header):
    left, _ = STRICT.incoming(header)

    assert left is None or (left, []) == STRICT.incoming(left)


@given(cookie_headers, st.integers(0, 60))
@example("session=1; session=2; session=3; basket=1", 20)
def test_what_enters_does_not_hang_on_how_many_strays_come_before_it(header, strays):
    assert STRICT.incoming(header)[0] == STRICT.incoming("_ga=1; " * strays + header)[0]


@given(cookie_headers)
def test_where_others_are_allowed_they_are_well_formed_and_single(header):
    left, _ = LENIENT.incoming(header)
    entered = [pair.partition("=")[0] for pair in (left or "").split("; ") if pair]

    assert len(set(entered)) == len(entered)
    assert set(entered) >= {
        pair.partition("=")[0] for pair in (STRICT.incoming(header)[0] or "").split("; ") if pair
    }


@given(st.lists(set_cookies | anything, max_size=4), st.sampled_from([STRICT, LENIENT]))
@example(["session=1; Domain=ads.example; Domain="], LENIENT)
@example(["__Host-sid=1; Domain="], STRICT)
@example(["_ga=; Max-Age=0; Domain=shop.example"], STRICT)
@example(["_ga=; Max-Age=0; Partitioned"], STRICT)
def test_what_leaves_is_stored_by_browsers_as_ours_and_as_the_app_meant_it(lines, rules):
    for line, verdict in zip(lines, rules.outgoing(lines, now=NOW), strict=True):
        if verdict.line is None:
            assert verdict.rule in REASONS
            continue
        read = browser(verdict.line)
        assert read is not None
        name, value, stored = read

        assert (name, value) == tuple(part.strip(" \t") for part in line.partition(";")[0].split("=", 1))
        assert name in NAMES or rules is LENIENT or (value == "" and stored["max_age"] == 0)
        assert stored["secure"]
        assert not stored["partitioned"] or stored["max_age"] == 0
        assert stored["same_site"] in ("lax", "strict")
        assert stored["host_only"] or name == "basket" or stored["max_age"] == 0
        assert stored["http_only"] or name == "basket"
        assert "Expires" in verdict.line or (stored["max_age"] or 0) <= 34_560_000


@given(st.lists(set_cookies, max_size=4))
def test_nothing_leaves_into_a_strange_page(lines):
    assert all(verdict.line is None for verdict in STRICT.outgoing(lines, third_party=True))


@given(st.lists(set_cookies, max_size=4))
def test_what_leaves_would_leave_a_second_guard_unchanged(lines):
    left = [verdict.line for verdict in STRICT.outgoing(lines, now=NOW) if verdict.line is not None]

    assert left == [verdict.line for verdict in STRICT.outgoing(left, now=NOW)]


@given(st.text(max_size=200))
@pytest.mark.parametrize("rules", [STRICT, LENIENT])
def test_text_that_is_no_latin_1_raises_nothing(rules, text):
    rules.incoming(text)
    line = rules.judge(text).line

    assert line is None or line.isascii()

"""Any header at all: nothing raises, nothing undeclared passes, and every reader reads the same."""

from __future__ import annotations

import pytest
from cookiefuzz import run
from cookieproof import COOKIES, NAMES, SITE, Proof
from hypothesis import example, given
from hypothesis import strategies as st

from cactuprivacy import Site
from cactuprivacy.cookies.rules import Rules

STRICT = Rules(Site(SITE), COOKIES)
LENIENT = Rules(Site(SITE), COOKIES, undeclared="allow")
NOW = 1_900_000_000

anything = st.text(st.characters(max_codepoint=255), max_size=60)
names = st.sampled_from(
    [
        *sorted(NAMES),
        *(
            "Session",
            "__HOST-sid",
            "__host-sid",
            "__Host-other",
            "__Secure-a",
            "_ga",
            "$Path",
            "$Version",
            "a b",
            "",
        ),
        *(
            "\xa0session",
            "\x0bsession",
            "\xe2\x80\x80__Host-sid",
            "Path",
            "secure",
            '"session"',
            "session\x00",
        ),
    ]
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
        "\x0b",
        "\x85",
        "\r\n",
        "\xe4",
        "\xe2\x80\x80",
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


PROOFS = {"strip": Proof(), "allow": Proof("allow")}


@pytest.mark.parametrize("undeclared", PROOFS)
@given(header=cookie_headers | anything)
@example(header="session=1,__Host-sid=evil")
@example(header='session="x; _ga=1; __Host-sid=evil"; basket=2')
@example(header="session=x[_ga=1]")
@example(header="basket=a]session=2; session=1")
@example(header="\xe2\x80\x80__Host-sid=evil; __Host-sid=1")
@example(header="$Version=1; session=1; $Path=/")
@example(header="path=1; session=1")
@example(header='session="\\073"; basket="\\""')
def test_after_the_guard_every_parser_sees_the_same_declared_set(undeclared, header):
    """A browser's own reading, Werkzeug's, Django's, WebOb's and the standard library's."""
    PROOFS[undeclared].entering(header)


@given(cookie_headers | anything)
def test_inside_a_strange_page_they_all_see_nothing(header):
    left, refused = STRICT.incoming(header, third_party=True)

    assert left is None
    assert {"I8"} >= {verdict.rule for verdict in refused}


@pytest.mark.parametrize("undeclared", PROOFS)
@given(line=set_cookies | anything)
@example(line="session=1; Domain=ads.example; Domain=")
@example(line="__Host-sid=1; Domain=")
@example(line="_ga=; Max-Age=0; Domain=shop.example")
@example(line="_ga=; Max-Age=0; Partitioned")
def test_what_leaves_is_what_browsers_take_and_the_grammar_has_and_nothing_else(undeclared, line):
    """In the lenient policy the two halves of the contract: both ways, but for what hardening adds."""
    PROOFS[undeclared].leaving(line)


@pytest.mark.parametrize("undeclared", PROOFS)
@given(lines=st.lists(set_cookies | anything, max_size=4))
def test_a_browsers_jar_holds_what_the_guard_let_leave_and_nothing_else(undeclared, lines):
    PROOFS[undeclared].together(lines)


def test_a_seeded_fuzz_finds_nothing():
    """The million of ``make fuzz`` are run by hand; these keep the fuzz itself alive."""
    rules = set(run(2_000, seed=7).split())

    assert {"I1", "I2", "I3", "I4", "I5", "I6", "I9"} <= rules
    assert {"O3", "O4", "O5", "O6", "O7", "O8", "O9", "O13", "O14", "O15", "O16", "O18", "O21"} <= rules


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

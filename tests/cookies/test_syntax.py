"""Cookie headers are read as browsers read them (RFC 6265bis, 5.1.1 and 5.6)."""

from __future__ import annotations

from calendar import timegm
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy.cookies.syntax import (
    lifetime_of,
    parse_cookie,
    parse_date,
    parse_max_age,
    parse_set_cookie,
)


@pytest.mark.parametrize(
    "line, name, value, attributes",
    [
        pytest.param("a=b", "a", "b", (), id="a pair"),
        pytest.param("a = b ;Path = / ", "a", "b", (("path", "/"),), id="blanks are trimmed"),
        pytest.param("\ta\t=\tb\t", "a", "b", (), id="tabs are trimmed"),
        pytest.param("\x0ba=b\x85", "\x0ba", "b\x85", (), id="nothing else is"),
        pytest.param("a=b=c", "a", "b=c", (), id="the first = counts"),
        pytest.param("a", "", "a", (), id="no = is a nameless cookie"),
        pytest.param("=a", "", "a", (), id="nothing before = is one too"),
        pytest.param(
            'a="b; c"; Secure', "a", '"b', (('c"', ""), ("secure", "")), id="quotes protect nothing"
        ),
        pytest.param("a=b, c=d", "a", "b, c=d", (), id="a comma splits nothing"),
        pytest.param("a=b%3Bc", "a", "b%3Bc", (), id="nothing is decoded"),
        pytest.param("a=b;", "a", "b", (("", ""),), id="a last semicolon"),
        pytest.param("a=b; SECURE=no", "a", "b", (("secure", "no"),), id="attribute names know no case"),
    ],
)
def test_set_cookie_is_taken_apart_as_browsers_do(line, name, value, attributes):
    assert (name, value, attributes) == parse_set_cookie(line)[:3]
    assert (name, value, attributes) == parse_set_cookie(line.encode("latin-1"))[:3]


@pytest.mark.parametrize("control", [chr(c) for c in (*range(9), *range(10, 32), 127)])
def test_a_control_anywhere_makes_browsers_ignore_the_line(control):
    assert parse_set_cookie(f"a=b; Path=/{control}").ignored


def test_a_tab_is_no_such_control():
    assert not parse_set_cookie("a=b\tc").ignored


@pytest.mark.parametrize("length, ignored", [(4095, False), (4096, True)])
def test_name_and_value_count_together(length, ignored):
    assert ignored == parse_set_cookie("a=" + "b" * length).ignored


def test_the_last_attribute_counts_and_long_ones_do_not():
    line = "a=b; Path=/1; Path=/2; Domain=" + "x" * 1025

    assert {"path": "/2"} == parse_set_cookie(line).effective()


def test_a_cookie_header_is_split_at_semicolons_alone():
    assert [("a", '"x'), ("b", '2"'), ("", "c"), ("", "d"), ("", "")] == list(
        parse_cookie('a="x; b=2" ;c; =d;')
    )


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("0", 0),
        ("-1", -1),
        ("007", 7),
        ("9" * 5000, 10**12),
        ("", None),
        ("+1", None),
        ("1.5", None),
        ("²", None),
    ],
)
def test_max_age_is_read_as_browsers_do(text, seconds):
    assert seconds == parse_max_age(text)


MOMENT = timegm((2030, 2, 3, 4, 5, 6))


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 03 Feb 2030 04:05:06 GMT",
        "Sunday, 03-Feb-30 04:05:06 GMT",
        "Sun Feb  3 04:05:06 2030",
        "4:5:6 3 february 2030 PST",
        "2030 3 Feb 04:05:06",
        "3 Feb 2030 04:05:06x9",
        "feb,3,2030,04:05:06",
    ],
)
def test_dates_of_every_order_are_read(text):
    assert MOMENT == parse_date(text)


@pytest.mark.parametrize(
    "text, year",
    [("3 Feb 70 4:5:6", 1970), ("3 Feb 99 4:5:6", 1999), ("3 Feb 00 4:5:6", 2000), ("3 Feb 69 4:5:6", 2069)],
)
def test_years_of_two_digits_turn_at_seventy(text, year):
    assert timegm((year, 2, 3, 4, 5, 6)) == parse_date(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "3 Feb 2030",
        "Feb 2030 04:05:06",
        "3 2030 04:05:06",
        "3 Feb 04:05:06",
        "30 Feb 2030 04:05:06",
        "32 Jan 2030 04:05:06",
        "3 Feb 1600 04:05:06",
        "3 Feb 2030 24:05:06",
        "3 Feb 2030 04:60:06",
        "3 Feb 2030 04:05:60",
        "3 Feb 20300 04:05:06",
        "3 Feb 2030 04:05:006",
        "2030-02-03T04:05:06Z",
    ],
)
def test_what_is_no_date_is_none(text):
    assert parse_date(text) is None


def test_max_age_beats_expires():
    assert (60, True) == lifetime_of({"max-age": "60", "expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, now=0)


@pytest.mark.parametrize("attributes", [{"max-age": "soon"}, {"expires": "soon"}])
def test_what_cannot_be_read_is_told(attributes):
    assert not lifetime_of(attributes, now=0).valid


@given(st.text(st.characters(max_codepoint=255)) | st.binary())
def test_nothing_makes_a_parser_raise(text):
    parse_set_cookie(text)
    list(parse_cookie(text))
    parse_max_age(text)
    parse_date(text)


@given(st.integers(min_value=-(10**10), max_value=10**11))
def test_a_date_that_http_writes_is_read_back(moment):
    written = (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=moment)).strftime(
        "%a, %d %b %Y %H:%M:%S GMT"
    )

    assert moment == parse_date(written)

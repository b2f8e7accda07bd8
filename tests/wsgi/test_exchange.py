"""One request and its response: what a layer may do to the headers, and what it may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_server import patient

from cactuprivacy.cookie import Cookie
from cactuprivacy.wsgi import Exchange

BASKET = Cookie("basket", purpose="keeps your basket", max_age=60)


def started(headers=(), status="200 OK"):
    exchange = Exchange({})
    exchange.status, exchange.headers = status, list(headers)
    return exchange


def cache_control(*values, status="200 OK"):
    exchange = started([("Cache-Control", value) for value in values], status)
    exchange.forbid_shared_caching()
    return exchange.header("cache-control")


@pytest.mark.parametrize(
    "status, code",
    [
        ("200 OK", 200),
        ("404", 404),
        (None, None),
        ("", None),
        ("2000 OK", None),
        ("OK", None),
        ("²⁰⁰ OK", None),
    ],
)
def test_status_code_is_a_number_or_none(status, code):
    assert code == started(status=status).status_code


def test_header_is_found_in_any_case():
    exchange = started([("X-Other", "0"), ("LOCATION", "/a"), ("Location", "/b")])

    assert exchange.header("location") == "/a"
    assert exchange.header("Refresh") is None


@pytest.mark.parametrize(
    "value", ["a\r\nSet-Cookie: b=1", "a\n", "\ra", "a\0", "a\tb", "a\x7f", "\u20ac", "\u010a"]
)
def test_a_header_value_cannot_break_out_of_its_line(value):
    """U+010A is the one that a careless ``encode`` cuts to a newline."""
    exchange = started()
    with pytest.raises(ValueError, match="X-Note") as refused:
        exchange.add_header("X-Note", value)

    assert exchange.headers == []
    assert value not in str(refused.value)


@pytest.mark.parametrize("name", ["", "X Note", "X-Note:", "X-Note\r\n", "X-N\xf6te"])
def test_a_header_name_is_a_token(name):
    exchange = started()
    with pytest.raises(ValueError, match="no header name"):
        exchange.add_header(name, "1")

    assert exchange.headers == []


@patient
@given(st.text(max_size=20))
def test_what_is_added_is_one_line_of_latin_1(value):
    exchange = started()
    try:
        exchange.add_header("X-Note", value)
    except ValueError:
        return

    assert [byte for byte in value.encode("latin-1") if byte < 0x20 or byte == 0x7F] == []


def test_set_cookie_makes_the_response_private():
    exchange = started()
    exchange.set_cookie(BASKET, "3", secure=True)

    assert exchange.headers == [
        ("Set-Cookie", "basket=3; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax"),
        ("Cache-Control", "private"),
    ]


def test_a_cookie_without_value_is_forgotten():
    exchange = started()
    exchange.set_cookie(BASKET, None, secure=False)

    assert exchange.header("Set-Cookie").startswith("basket=; Max-Age=0; Expires=Thu, 01 Jan 1970")
    assert exchange.header("Cache-Control") == "private"


def test_a_cookie_whose_value_is_none_of_a_cookies_sets_nothing():
    exchange = started()
    with pytest.raises(ValueError, match="basket"):
        exchange.set_cookie(BASKET, "a; Domain=evil.example", secure=True)

    assert exchange.headers == []


def test_a_304_is_left_as_it_is():
    """Caches copy its headers into the response that they keep for everybody."""
    headers = [("Cache-Control", "public, max-age=60"), ("CDN-Cache-Control", "max-age=60")]
    exchange = started(headers, "304 Not Modified")
    exchange.set_cookie(BASKET, "3", secure=True)
    exchange.forbid_shared_caching()

    assert headers == exchange.headers


@pytest.mark.parametrize(
    "said, merged",
    [
        ([], "private"),
        (["public"], "private"),
        (["public, max-age=60, s-maxage=600"], "private, max-age=60"),
        (["PUBLIC, S-MaxAge=600"], "private"),
        (["public , s-maxage =600"], "private"),
        (["no-store"], "private, no-store"),
        (["private"], "private"),
        (['private="set-cookie, x-a", max-age=1'], "private, max-age=1"),
        (['no-cache="set-cookie, x-a", public'], 'private, no-cache="set-cookie, x-a"'),
        (['x="public, s-maxage=9'], 'private, x="public, s-maxage=9'),
        (["max-age=60", "no-cache"], "private, max-age=60, no-cache"),
        (["", ",, public ,"], "private"),
    ],
)
def test_cache_control_is_made_stricter_only(said, merged):
    assert merged == cache_control(*said)


@pytest.mark.parametrize(
    "name", ["Surrogate-Control", "CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "X-Accel-Expires"]
)
def test_no_shared_cache_has_a_word_of_its_own(name):
    exchange = started([(name, "max-age=60"), ("Vary", "Cookie")])
    exchange.forbid_shared_caching()

    assert exchange.headers == [("Vary", "Cookie"), ("Cache-Control", "private")]


directives = st.sampled_from(
    [
        *("public", "no-store", "no-cache", "must-revalidate", "max-age=60", "s-maxage=9", "private"),
        *("immutable", "proxy-revalidate", "no-transform"),
        *('no-cache="set-cookie, x"', 'private="x, public"', 'ext="a \\" b, c"'),
    ]
)


@patient
@given(st.lists(st.lists(directives, max_size=4), max_size=3))
def test_cache_control_is_never_weaker(lines):
    """Every restriction that the app made is still there, and no permission for shared caches is."""
    merged = cache_control(*[", ".join(line) for line in lines])
    weaker = ("public", "s-maxage", "private")
    kept = [part for line in lines for part in line if part.partition("=")[0] not in weaker]

    assert ", ".join(["private", *kept]) == merged


@patient
@given(st.lists(st.text('public,private="s-maxage=1\\ ', max_size=30), max_size=3))
def test_cache_control_of_any_text_becomes_one_line_that_begins_private(values):
    exchange = started([("Cache-Control", value) for value in values])
    exchange.forbid_shared_caching()

    assert [name for name, _ in exchange.headers] == ["Cache-Control"]
    assert exchange.header("Cache-Control").split(",")[0] == "private"

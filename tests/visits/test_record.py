"""The record: cut before anything else sees it."""

from __future__ import annotations

import ipaddress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy.visits import Visit
from cactuprivacy.visits.record import clean_path, cut_address, cut_referrer, kind_of, new_id


@pytest.mark.parametrize(
    ("address", "cut"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::1", "::"),
        ("", None),
        (None, None),
        ("localhost", None),
        ("<local>", None),
        ("203.0.113", None),
        ("203.0.113.77 evil", None),
        ("1.2.3.4\n5", None),
        ("ÿ", None),
        ("☃", None),
        ("fe80::1%eth0", None),
    ],
)
def test_an_address_is_cut_to_24_or_48_bits(address: str | None, cut: str | None) -> None:
    assert cut_address(address) == cut


@given(st.ip_addresses(v=4))
def test_every_ipv4_is_cut_as_the_ipaddress_module_would(address: ipaddress.IPv4Address) -> None:
    assert cut_address(str(address)) == str(ipaddress.ip_network((address, 24), strict=False).network_address)


@given(st.ip_addresses(v=6))
def test_every_ipv6_is_cut_as_the_ipaddress_module_would(address: ipaddress.IPv6Address) -> None:
    cut = cut_address(str(address))

    assert cut is not None
    assert ipaddress.ip_address(cut) == ipaddress.ip_network((address, 48), strict=False).network_address


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (None, ("none", None)),
        ("", ("none", None)),
        ("https://blog.example/post?user=7#top", ("external", "https://blog.example/post")),
        ("https://user:pw@Blog.Example:8443/", ("external", "https://blog.example/")),
        ("https://blog.example", ("external", "https://blog.example/")),
        ("https://blog.example/u/ada@a.example", ("external", "https://blog.example/u/<email>")),
        ("https://shop.example/reset/abc", ("internal", None)),
        ("https://shop.example:443/x?y", ("internal", None)),
        ("https://shop.example.evil.net/", ("external", "https://shop.example.evil.net/")),
        ("android-app://com.example.reader/", ("external", "android-app://com.example.reader/")),
        ("javascript:alert(1)", ("external", None)),
        ("https:///path", ("external", None)),
        ("https://[2001:db8::1]/x", ("external", "https://[2001:db8::1]/x")),
        ("https://a b/", ("external", None)),
    ],
)
def test_S1_of_a_referrer_stays_scheme_host_and_path(
    header: str | None, kept: tuple[str, str | None]
) -> None:
    assert cut_referrer(header, "shop.example") == kept


def test_W27_a_path_is_the_text_that_the_native_string_stands_for() -> None:
    assert clean_path("/größe".encode().decode("latin-1")) == "/größe"


@pytest.mark.parametrize(
    ("content_type", "status", "navigation", "kind"),
    [
        ("text/html; charset=utf-8", 200, True, "page"),
        ("Text/HTML", 404, False, "page"),
        ("application/rss+xml", 200, False, "page"),
        ("image/png", 200, True, "other"),
        (None, 304, True, "page"),
        (None, 304, False, "other"),
        (None, 204, True, "other"),
    ],
)
def test_what_is_a_page(content_type: str | None, status: int, navigation: bool, kind: str) -> None:
    assert kind_of(content_type, status, navigation=navigation) == kind


def test_ids_sort_by_time_and_differ() -> None:
    assert new_id(1) < new_id(2)
    assert len({new_id(5) for _ in range(1000)}) == 1000
    assert len(new_id(0)) == 32


def test_no_field_can_hold_a_query_a_cookie_a_user_agent_or_a_name() -> None:
    assert {field.name for field in msgspec.structs.fields(Visit)} == {
        "v", "id", "at", "method", "route", "kind", "status", "bytes", "duration_us", "referrer_kind",
        "referrer", "address", "level", "objected", "prefetch", "aborted",
    }  # fmt: skip

"""Whom a page makes a browser turn to: every way of HTML, and none that a person has to choose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy.cookies.markup import refresh_target, targets

EVIL = "https://ads.example/x"


@pytest.mark.parametrize(
    "where, html",
    [
        *[
            (f"{tag} src", f"<{tag} src='{EVIL}'>")
            for tag in ("script", "img", "iframe", "embed", "source", "track")
        ],
        ("audio src", f"<audio src={EVIL}>"),
        ("input src", f"<input type=image src={EVIL}>"),
        ("video poster", f"<video poster='{EVIL}'>"),
        ("object data", f"<object data='{EVIL}'>"),
        ("use href", f"<svg><use href='{EVIL}#a'/></svg>"),
        ("image xlink:href", f"<svg><image xlink:href='{EVIL}'/></svg>"),
        ("link href", f"<link rel=stylesheet href='{EVIL}'>"),
        ("link href", f"<link rel='alternate stylesheet' href='{EVIL}'>"),
        ("link href", f"<LINK REL=DNS-Prefetch HREF='{EVIL}'>"),
        ("link href", f"<link rel=preconnect href='{EVIL}'>"),
        ("img srcset", f"<img srcset='/a.png 1x, {EVIL} 2x'>"),
        ("img srcset", f"<img srcset='/a.png 1x,{EVIL} 2x'>"),
        ("source srcset", f"<source srcset='{EVIL}'>"),
        ("link imagesrcset", f"<link rel=preload imagesrcset='{EVIL} 480w'>"),
        ("a ping", f"<a href=/ ping='/own {EVIL}'>"),
        ("form action", f"<form action='{EVIL}'>"),
        ("button formaction", f"<button formaction='{EVIL}'>"),
        ("input formaction", f"<input formaction='{EVIL}'>"),
        ("body background", f"<body background='{EVIL}'>"),
        ("base href", f"<base href='{EVIL}'>"),
        ("meta refresh", f"<meta http-equiv=Refresh content='5; url={EVIL}'>"),
        ("style", f"<style>a {{ background: url( '{EVIL}' ) }}</style>"),
        ("style", f'<style>@import "{EVIL}";</style>'),
        ("p style", f"<p style='background: url({EVIL})'>"),
        ("img src", f"<noscript><img src='{EVIL}'></noscript>"),
        ("img src", f"<iframe srcdoc=\"<img src='{EVIL}'>\"></iframe>"),
        ("img src", f"<img src='{EVIL.replace('ads', '&#97;ds')}'>"),
    ],
)
def test_what_a_browser_turns_to_is_found(where, html):
    found = targets(html)

    assert (where, EVIL) in [(found.where, found.address.removesuffix("#a")) for found in found]


@pytest.mark.parametrize(
    "html",
    [
        f"<a href='{EVIL}'>there</a>",
        f"<link rel=canonical href='{EVIL}'>",
        f"<link rel='license external' href='{EVIL}'>",
        f"<link href='{EVIL}'>",
        f"<meta name=refresh content='5; url={EVIL}'>",
        f"<!-- <script src='{EVIL}'></script> -->",
        f"<p>url({EVIL})</p>",
        f"<script>let a = \"<img src='{EVIL}'>\"</script>",
        "<img src>",
    ],
)
def test_what_a_person_has_to_choose_or_nobody_loads_is_not(html):
    assert [] == targets(html)


@pytest.mark.parametrize(
    "value, address",
    [
        ("5", ""),
        ("5; url=/a", "/a"),
        ("0;URL='//ads.example/'", "//ads.example/"),
        ("1.5, /a", "/a"),
        ("0 url = /a", "/a"),
        ("", ""),
    ],
)
def test_a_refresh_names_its_address(value, address):
    assert address == refresh_target(value)


@given(st.text("<>\"'=/! abcsrcstyleiframe&#x;-", max_size=200))
def test_any_markup_at_all_raises_nothing(html):
    targets(html)

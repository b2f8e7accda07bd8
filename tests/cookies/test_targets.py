"""Where a URL leads, as browsers read it (WHATWG URL), and how lists of URLs come apart."""

from __future__ import annotations

from ipaddress import ip_address

import ada_url
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cactuprivacy import Site
from cactuprivacy.cookies.doors import Doors
from cactuprivacy.cookies.hosts import Hosts
from cactuprivacy.cookies.targets import UNREADABLE, header_text, host_of, members, parse_link

BASE = "https://www.shop.example/a/b"

# Where a URL leads


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "HTTPS://EVIL.EXAMPLE/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:\\\\evil.example",
        "https:/\\evil.example",
        "https:evil.example",
        "https:///evil.example",
        "/\t/evil.example",
        "ht\ntps://evil.example",
        " \x00https://evil.example",
        "https://shop.example@evil.example",
        "https://a:b@shop.example@evil.example:443/",
        "https://evil.example\\@shop.example",
        "https://evil.example?@shop.example",
        "wss://evil.example",
    ],
)
def test_a_host_is_seen_as_browsers_see_it(url):
    assert "evil.example" == host_of(url)


@pytest.mark.parametrize(
    "url", ["", "/", "/a//b", "a/b", "?q=//evil.example", "#//x", "data:text/css,x", "blob:x", "mailto:a@b.c"]
)
def test_what_stays_on_our_host_or_leads_to_none(url):
    assert host_of(url) is None


@pytest.mark.parametrize(
    "url, host",
    [
        ("https://b\xfccher.example", "xn--bcher-kva.example"),
        ("https://B\xdcCHER.example", "xn--bcher-kva.example"),
        ("https://fa\xdf.example", "xn--fa-hia.example"),
        ("https://b%C3%BCcher.example", "xn--bcher-kva.example"),
        ("https://%65vil%2Eexample", "evil.example"),
        ("https://ｅｖｉｌ。example", "evil.example"),
        ("https://evil.example.", "evil.example"),
        ("https://_a.evil.example", "_a.evil.example"),
    ],
)
def test_a_name_is_read_in_whatever_letters(url, host):
    assert host == host_of(url)


@pytest.mark.parametrize(
    "url, host",
    [
        ("http://[0:0::1]:80/", "::1"),
        ("//127.0.0.1:8000", "127.0.0.1"),
        ("//0x7f.1", "127.0.0.1"),
        ("//0X7F000001", "127.0.0.1"),
        ("//2130706433", "127.0.0.1"),
        ("//0177.0.0.01", "127.0.0.1"),
        ("//%31%32%37.1", "127.0.0.1"),
        ("//127.0.0.1.", "127.0.0.1"),
        ("//0x", "0.0.0.0"),
        ("//１２７.1", "127.0.0.1"),
    ],
)
def test_an_address_is_read_in_whatever_numbers(url, host):
    assert host == host_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "//",
        "ftp://x.example",
        "app://open",
        "//[x]",
        "//[::1",
        "//[::1%25eth0]",
        "//[1.2.3.4]",
        "//%5B::1%5D",
        "https://a b",
        "https://a..b",
        "https://a<b",
        "https://a%00.example",
        "https://a%2Fb.example",
        "https://a%FF.example",
        "https://a:b",
        "//1.2.3.4.5",
        "//256.1.1.1",
        "//1.256.1",
        "//4294967296",
        "//1.2.3.08",
        "//shop.0x4",
        "//" + "9" * 5000,
        "https://" + "%41" * 5000,
        "https://\u2764\ufe0f.example",
        "https://\u00a0shop.example",
        "https://\ud800.example",
    ],
)
def test_a_host_that_cannot_be_relied_on_is_nobodys(url):
    assert UNREADABLE == host_of(url)


@pytest.mark.parametrize(
    "url, host",
    [
        ("https:page", None),
        ("HTTPS:/page", None),
        ("https:", None),
        ("https:\\\\evil.example", "evil.example"),
        ("https:/\\evil.example", "evil.example"),
        ("http:evil.example", "evil.example"),
        ("wss:/evil.example", "evil.example"),
    ],
)
def test_after_the_pages_own_scheme_alone_stands_a_path(url, host):
    assert host == host_of(url, "https")


@pytest.mark.parametrize(
    "url",
    [
        "https://www.b\xfccher.example/",
        "//B\xdcCHER.example",
        "https://b%c3%bccher.example",
        "https://xn--bcher-kva.example.",
        "https://b%75cher.example@%78n--bcher-kva.example",
    ],
)
def test_our_own_host_is_ours_in_every_spelling(url):
    site = Site("https://b\xfccher.example")
    header = ("Link", f"<{url.encode().decode('latin-1')}>; rel=preload")  # as WSGI shows one in UTF-8

    assert not Hosts(site, {}).strange(url, "load")
    assert [header] == Doors(site, {}).shut([header])[0]


def test_a_site_on_an_address_knows_it_in_other_numbers():
    hosts = Hosts(Site("http://127.0.0.1:5000"), {})

    assert [False, False, True] == [
        hosts.strange(f"http://{host}/", "load") for host in ("0x7f.1", "2130706433", "127.2")
    ]


@pytest.mark.parametrize(
    "value, text", [("/a", "/a"), ("b\xc3\xbc", "b\xfc"), ("b\xfc", "b\xfc"), ("\u20ac", "\u20ac")]
)
def test_a_header_is_read_as_utf_8_where_it_is(value, text):
    assert text == header_text(value)


PIECES = st.sampled_from(
    [
        *(
            "https:",
            "http:",
            "HTTPS:",
            "ws:",
            "ftp:",
            "data:",
            "x:",
            "//",
            "/",
            "\\",
            "///",
            "@",
            ":",
            ":80",
            ":x",
            "?",
            "#",
        ),
        *(
            "www.shop.example",
            "shop.example",
            "evil.example",
            "b\xfccher",
            "xn--bcher-kva",
            ".",
            "..",
            "%2e",
            "%65",
        ),
        *(
            "%",
            "%zz",
            "%00",
            "%C3%BC",
            "%FF",
            "[::1]",
            "[",
            "]",
            "0x7f",
            "1",
            "256",
            "08",
            "0x",
            "127.0.0.1",
            "。",
            "．",
        ),
        *(
            "\t",
            "\n",
            " ",
            "\x00",
            "\u00ad",
            "\u200b",
            "\u200d",
            "\xdf",
            "ẞ",
            "İ",
            "K",
            "ｅ",
            "\ud800",
            "-",
            "_",
            "~",
            "a",
        ),
    ]
)
urls = st.lists(PIECES | st.text(max_size=3), max_size=8).map("".join)


@given(urls | st.text(), st.sampled_from(["", "https", "http"]))
def test_any_url_at_all_has_an_answer(url, scheme):
    host = host_of(url, scheme)

    assert host is None or (host.isascii() and host == host.lower())


@given(urls | urls.map("https://".__add__) | st.text())
@example("https:\\/evil.example")
@example("https://evil.example\\@www.shop.example")
def test_browsers_that_go_anywhere_go_where_we_say_or_we_say_that_we_cannot(url):
    """Held against ada, the WHATWG parser of Node.js, which fails where browsers do."""
    try:
        parsed = ada_url.URL(url.encode("utf-8", "replace").decode(), BASE)
    except ValueError:
        return
    host = host_of(url, "https")
    if parsed.protocol not in ("https:", "http:", "wss:", "ws:"):
        assert host in (None, UNREADABLE)
        return
    try:
        there = str(ip_address(parsed.hostname.strip("[]")))
    except ValueError:
        there = parsed.hostname.removesuffix(".")

    assert host in (there, UNREADABLE) or (host is None and there == "www.shop.example")


@pytest.mark.parametrize("piece", ["a.", "a", "1.", "%41", "@", "\\", "é", "\t", "0x1.", "[", ":1"])
def test_a_long_url_is_no_trouble(piece):
    host_of("https://" + piece * 200_000)
    host_of("https://" + piece * 200_000 + "\xe9")


@given(st.text("\t\n\r", max_size=3), st.sampled_from(["https:", "http:", ""]), st.text("/\\", min_size=2))
def test_neither_blanks_nor_slashes_hide_a_host(blank, scheme, slashes):
    assert "evil.example" == host_of(f" {blank}{scheme}{slashes[0]}{blank}{slashes[1:]}evil.example{blank}/")


# Lists and links


def test_members_part_at_commas_outside_quotes_and_brackets():
    assert ["<a,b>; t=x", 'c="d,\\",e"', "f"] == list(members('<a,b>; t=x, c="d,\\",e",, f ,'))


def test_a_link_is_taken_apart_as_RFC_8288_has_it():
    link = parse_link('</a,b> ;REL="preload next";title="a;\\"b";crossorigin; ;as=style')

    assert link is not None
    assert "/a,b" == link.target
    assert {"preload", "next"} == link.relations
    assert ("title", 'a;"b') in link.parameters
    assert ("as", "style") == link.parameters[-1]

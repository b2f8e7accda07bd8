"""Where a redirect may lead: each known way to another host ends on our own front page."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_server import patient

from cactuprivacy.wsgi.redirects import same_site_path

HERE = "https://shop.example/privacy/choices"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/cacti",
        "/cacti/",
        "/cacti/golden-barrel?colour=green&size=2#care",
        "/?next=https://evil.example//",
        "/#//",
        "/a;b=c/@me/x:y/~z/(1)!$&'*+,=",
        "/%C3%A9",
        "/%2F%2Fevil.example",
        "/%5Cevil.example",
        "/%0d%0aSet-Cookie:a=1",
        "/a/../b",
        "/.",
        "/..",
        "/./",
    ],
)
def test_a_path_on_this_site_is_taken(path):
    assert path == same_site_path(path)
    assert urlsplit(urljoin(HERE, path)).hostname == "shop.example"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "cacti",
        "?saved",
        "#top",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/a\\b",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/ /evil.example",
        "/\x00/evil.example",
        "/\x7f",
        "/\x85",
        "/\xa0/evil.example",
        "/cacti\n",
        "/cacti\r\nSet-Cookie: a=1",
        "/.//evil.example",
        "/..//evil.example",
        "/a/..//evil.example",
        "/a//b",
        "https://evil.example/",
        "https:/evil.example",
        "https:evil.example",
        "HTTPS://shop.example/",
        "http://shop.example.evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "mailto:a@evil.example",
        "@evil.example",
        ".evil.example",
        ":443",
        "/\uff0fevil.example",
        "\uff0f\uff0fevil.example",
        "/\u2215/evil.example",
        "/\u2028",
        "/caf\xe9",
        "/" + "a" * 2048,
    ],
)
def test_everything_else_leads_to_the_default(text):
    assert same_site_path(text) == "/"
    assert same_site_path(text, "/privacy/choices?saved") == "/privacy/choices?saved"


@patient
@given(st.text("/\\.:@?#%;a\t\n\r\x00\xe9\u2215 ", max_size=20) | st.text(max_size=20))
def test_what_is_taken_stays_here_however_it_is_read(text):
    """Also after dot segments were dropped, and by readers that take a backslash for a slash."""
    taken = same_site_path(text)
    joined = urljoin(HERE, taken)

    assert taken in (text, "/")
    assert urlsplit(joined).hostname == "shop.example"
    assert urlsplit(urljoin(HERE, urlsplit(joined).path)).hostname == "shop.example"
    assert taken.isascii()
    assert taken.isprintable()

"""Site: who we are, and so what is first-party."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy import DeclarationError, Site
from cactuprivacy.site import registrable_domain, within


@pytest.mark.parametrize(
    ("given_", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        ("https://Shop.Example/", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://shop.localhost", "http://shop.localhost"),
    ],
)
def test_an_origin_is_brought_to_its_normal_form(given_: str, origin: str) -> None:
    assert Site(given_).origin == origin


@pytest.mark.parametrize(
    ("origin", "mend"),
    [
        ("http://shop.example", "use https://shop.example"),
        ("shop.example", "write it as https://shop.example"),
        ("ftp://shop.example", "write it as https://shop.example"),
        ("https://", "write it as https://shop.example"),
        ("https://shop.example/path", "drop all but scheme, host and port"),
        ("https://shop.example?q=1", "drop all but scheme, host and port"),
        ("https://user@shop.example", "drop all but scheme, host and port"),
        ("https://shop.example:port", "has no valid port"),
        ("https://shop.example:99999", "has no valid port"),
        ("https://co.uk", "a name below one that you registered"),
        ("https://github.io", "a name below one that you registered"),
        ("https://192.0.2.1", "a name below one that you registered"),
        ("https://a b.example", "is not a domain name"),
        ("https://shop..example", "is not a domain name"),
    ],
)
def test_what_is_no_site_is_refused_with_the_mend(origin: str, mend: str) -> None:
    with pytest.raises(DeclarationError, match=mend):
        Site(origin)


def test_only_https_is_secure() -> None:
    assert Site("https://shop.example").secure
    assert not Site("http://localhost").secure


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("shop.example", True),
        ("www.shop.example", True),
        ("news.cactus.test", True),
        ("evilshop.example", False),
        ("shop.example.evil.net", False),
        ("example", False),
        ("", False),
    ],
)
def test_ours_is_the_registrable_domain_and_what_is_declared(host: str, ours: bool) -> None:
    site = Site("https://www.shop.example", ("cactus.test",))

    assert site.owns(host) is ours


def test_the_private_section_of_the_public_suffix_list_counts() -> None:
    assert registrable_domain("mine.github.io") == "mine.github.io"
    assert registrable_domain("github.io") is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "0.1"])
def test_an_address_has_no_registrable_domain(host: str) -> None:
    assert registrable_domain(host) is None or host == "0.1"


def test_within_cuts_at_a_dot_and_never_inside_an_address() -> None:
    assert within("a.shop.example", "shop.example")
    assert not within("ashop.example", "shop.example")
    assert not within("10.0.0.1", "0.0.1")


@given(st.text(max_size=60))
def test_any_text_is_a_site_or_a_declaration_error(text: str) -> None:
    try:
        site = Site("https://" + text)
    except DeclarationError:
        return
    assert Site(site.origin) == site

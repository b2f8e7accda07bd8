"""A cookie's declaration: what is refused when it is made, how it is written, how it is read."""

from __future__ import annotations

import pytest

from cactuprivacy import Cookie, DeclarationError, Site
from cactuprivacy.cookie import MAX_AGE_LIMIT, is_cookie_path, is_cookie_value, is_token, prefix_of


@pytest.mark.parametrize(
    "options, sentence",
    [
        pytest.param({"name": ""}, "no valid name", id="no name"),
        pytest.param({"name": "a b"}, "no valid name", id="a name with a blank"),
        pytest.param({"name": "naïve"}, "no valid name", id="a name that is not ASCII"),
        pytest.param({"name": "$Path"}, "no valid name", id="a name of RFC 2965"),
        pytest.param({"name": "a\n"}, "no valid name", id="a name with a line break"),
        pytest.param({"purpose": " "}, "no purpose", id="no purpose"),
        pytest.param({"max_age": 0}, "cannot live 0 seconds", id="no life"),
        pytest.param({"max_age": MAX_AGE_LIMIT + 1}, "400 days", id="a life of more than 400 days"),
        pytest.param({"max_age": "3600"}, "cannot live '3600' seconds", id="a life in text"),
        pytest.param({"path": "shop"}, "begin it with /", id="a path that is none"),
        pytest.param({"path": "/a;b"}, "no valid path", id="a path that ends the attribute"),
        pytest.param({"path": "/a\tb"}, "no valid path", id="a path with a control"),
        pytest.param({"path": "/a, b=c"}, "no valid path", id="a path that some reader cuts"),
        pytest.param({"same_site": "None"}, "third-party cookie", id="the third-party grant"),
        pytest.param({"name": "__HOST-a"}, "write __Host-", id="a prefix in its own spelling"),
        pytest.param(
            {"name": "__Host-a", "domain": "shop.example"}, "cannot have a Domain", id="host and Domain"
        ),
        pytest.param({"name": "__Host-a", "path": "/a"}, "cannot have the path", id="host and a path"),
        pytest.param({"name": "__Http-a", "http_only": False}, "must be http_only", id="http and scripts"),
        pytest.param(
            {"name": "__Host-Http-a", "http_only": False}, "must be http_only", id="both and scripts"
        ),
        pytest.param({"domain": "-"}, "not a domain name", id="a domain that is none"),
        pytest.param({"maxage": 3}, "did you mean max_age=", id="an unknown option"),
    ],
)
def test_a_wrong_declaration_is_refused_in_a_sentence(options, sentence):
    with pytest.raises(DeclarationError) as error:
        Cookie(**{"name": "session", "purpose": "keeps your basket", **options})

    assert sentence in str(error.value)
    assert str(error.value).endswith((".", "?"))


@pytest.mark.parametrize(
    "cookie, origin, sentence",
    [
        (Cookie("__Host-a", "p"), "http://localhost:5000", "has a prefix"),
        (Cookie("a", "p", domain="other.example"), "https://shop.example", "cannot have the domain"),
        (Cookie("a", "p", domain="www.shop.example"), "https://shop.example", "cannot have the domain"),
        (Cookie("a", "p", domain="co.uk"), "https://shop.co.uk", "cannot have the domain"),
        (Cookie("a", "p", domain="github.io"), "https://us.github.io", "cannot have the domain"),
        (Cookie("a", "p", domain="localhost"), "http://localhost", "cannot have the domain"),
    ],
)
def test_a_site_refuses_what_it_cannot_carry(cookie, origin, sentence):
    with pytest.raises(DeclarationError, match=sentence):
        cookie.check(Site(origin))


def test_a_site_carries_a_cookie_for_its_registrable_domain():
    Cookie("a", "p", domain=".shop.co.uk").check(Site("https://www.shop.co.uk"))

    assert "shop.co.uk" == Cookie("a", "p", domain=".Shop.co.uk").domain


def test_a_line_is_just_as_declared():
    cookie = Cookie("basket", "p", max_age=60, path="/shop", domain="shop.example", same_site="Strict")

    assert (
        "basket=1; Max-Age=60; Domain=shop.example; Path=/shop; Secure; HttpOnly; SameSite=Strict"
        == cookie.line("1", secure=True)
    )


def test_a_line_on_localhost_goes_without_secure():
    assert "basket=1; Path=/; SameSite=Lax" == Cookie("basket", "p", http_only=False).line("1", secure=False)


def test_an_expiry_line_has_the_scope_of_the_cookie():
    assert (
        "basket=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/shop; Secure; HttpOnly; SameSite=Lax"
        == Cookie("basket", "p", max_age=60, path="/shop").expiry_line(secure=True)
    )


@pytest.mark.parametrize("value", ["a b", "a;b", "a,b", 'a"b', "a\\b", "ä", "a\r\nSet-Cookie: b=1"])
def test_a_value_that_no_cookie_holds_is_refused_and_not_told(value):
    with pytest.raises(ValueError, match="'basket'") as error:
        Cookie("basket", "p").line(value, secure=True)

    assert value not in str(error.value)


@pytest.mark.parametrize(
    "header, value",
    [
        ("", None),
        ("basket=1", "1"),
        ("a=2;\tbasket=1 ; b=3", "1"),
        ("basket=", ""),
        ("basket", None),
        ("Basket=1", None),
        ("xbasket=1", None),
        ("basket=1; basket=1", None),
        ('a="; basket=1; b="', "1"),
        ("\u2000basket=1", None),
        ("basket=a b", None),
        ("basket=1=2", "1=2"),
    ],
)
def test_a_cookie_is_read_as_browsers_wrote_it(header, value):
    assert value == Cookie("basket", "p").read(header)


@pytest.mark.parametrize(
    "name, prefix",
    [
        ("__host-a", "__Host-"),
        ("__Host-Http-a", "__Host-Http-"),
        ("__SECURE-a", "__Secure-"),
        ("__http-a", "__Http-"),
        ("_Host-a", None),
    ],
)
def test_a_prefix_is_known_in_any_case(name, prefix):
    assert prefix == prefix_of(name)


def test_grammar_is_ascii_and_whole():
    assert is_token("a!#$%&'*+-.^_`|~9")
    assert not is_token("a\n")
    assert is_cookie_value('"ab"')
    assert not is_cookie_value('"')
    assert is_cookie_path("/a/b")
    assert not is_cookie_path("/a\n")

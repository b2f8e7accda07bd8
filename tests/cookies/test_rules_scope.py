"""Where what leaves goes to: the rules O9, O11 and O12, of Domain, Path and Secure."""

from __future__ import annotations

import pytest
from ruled import COOKIES, TAIL, line, rule

from cactuprivacy import Cookie, Site
from cactuprivacy.cookies.rules import Rules


@pytest.mark.parametrize(
    "domain",
    [
        pytest.param(".ads.example", id="foreign"),
        pytest.param("example", id="a suffix"),
        pytest.param("com", id="a foreign suffix"),
        pytest.param("ashop.example", id="no dot boundary"),
        pytest.param("op.example", id="no dot boundary either"),
        pytest.param("sub.www.shop.example", id="below the host"),
        pytest.param("blog.shop.example", id="beside the host"),
        pytest.param("..shop.example", id="two dots before"),
        pytest.param("shop.example.", id="a dot behind"),
        pytest.param("shop..example", id="an empty label"),
        pytest.param("shop.example:443", id="a port"),
        pytest.param('"shop.example"', id="quotes"),
        pytest.param("127.0.0.1", id="an address"),
        pytest.param("shöp.example", id="no A-label"),
        pytest.param("shop.example.evil.net", id="our name in front"),
        pytest.param("shop.example evil.net", id="a blank"),
    ],
)
def test_O9_domain_must_be_our_own(rules, lenient, domain):
    assert "O9" == rule(rules, f"session=1; Domain={domain}")
    assert "O9" == rule(rules, f"shared=1; Domain={domain}")
    assert "O9" == rule(lenient, f"other=1; Domain={domain}")


@pytest.mark.parametrize(
    "origin, suffix",
    [
        ("https://shop.co.uk", "co.uk"),
        ("https://us.github.io", "github.io"),
        ("https://a.us.github.io", "github.io"),
    ],
)
def test_O9_domain_must_not_be_a_public_suffix(origin, suffix):
    rules = Rules(Site(origin), COOKIES[:2], undeclared="allow")

    assert "O9" == rule(rules, f"session=1; Domain={suffix}")
    assert "O9" == rule(rules, f"other=; Max-Age=0; Domain={suffix}")


@pytest.mark.parametrize("domain", ["www.shop.example", ".WWW.Shop.Example", "shop.example", "", "."])
def test_O9_a_domain_of_ours_that_is_not_declared_becomes_host_only(rules, domain):
    assert "session=1" + TAIL == line(rules, f"session=1; Domain={domain}")


@pytest.mark.parametrize(
    "sent, left",
    [
        ("; Domain=.Shop.Example", "; Domain=shop.example"),
        ("; Domain=www.shop.example", "; Domain=www.shop.example"),
        ("", ""),
    ],
)
def test_O9_a_declared_domain_leaves_and_a_narrower_one_stays_narrow(rules, sent, left):
    assert f"shared=1{left}{TAIL}" == line(rules, f"shared=1{sent}")


def test_O9_a_domain_wider_than_declared_becomes_the_declared_one():
    rules = Rules(Site("https://a.b.shop.example"), [Cookie("wide", purpose="p", domain="b.shop.example")])

    assert f"wide=1; Domain=b.shop.example{TAIL}" == line(rules, "wide=1; Domain=shop.example")


def test_O9_localhost_has_no_domain():
    rules = Rules(Site("http://localhost:5000"), COOKIES[:1])

    assert "session=1; Path=/; HttpOnly; SameSite=Lax" == line(rules, "session=1; Domain=localhost")
    assert "Domain" not in line(rules, "session=; Max-Age=0; Domain=localhost")
    assert "O9" == rule(Rules(Site("http://127.0.0.1"), COOKIES[:1]), "session=1; Domain=0.0.1")


@pytest.mark.parametrize("path", ["", "shop", "/a b", "/a,b", '/"', "/ä"])
def test_O11_a_path_that_readers_disagree_about_becomes_the_declared_one(rules, path):
    assert "session=1" + TAIL == line(rules, f"session=1; Path={path}")


@pytest.mark.parametrize(
    "sent, left",
    [("/look", "/look"), ("/look/at", "/look/at"), ("/", "/look"), ("/looking", "/look"), ("/else", "/look")],
)
def test_O11_a_path_stays_inside_the_declared_one(rules, sent, left):
    assert f"theme=1; Path={left}; Secure; SameSite=Strict" == line(rules, f"theme=1; Path={sent}")


def test_O12_secure_is_set_on_https(rules):
    assert "session=1" + TAIL == line(rules, "session=1; Path=/")


def test_O12_secure_goes_where_browsers_would_drop_the_cookie():
    rules = Rules(Site("http://localhost:5000"), COOKIES[:1])

    assert "session=1; Path=/; HttpOnly; SameSite=Lax" == line(rules, "session=1; Secure")

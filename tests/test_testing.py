"""assert_no_third_party, on what the test clients of four frameworks return."""

from __future__ import annotations

import gzip

import djangosite  # noqa: F401  # configures Django
import pytest
from django.test import Client as DjangoClient
from flask import Flask
from webtest import TestApp
from werkzeug.test import Client

from cactuprivacy import Cookie, CookieGuard, DeclarationError, Site
from cactuprivacy.testing import assert_no_third_party

SITE = "https://www.shop.example"
HTML = ("Content-Type", "text/html; charset=utf-8")


def page(body="", *headers, kind=HTML):
    def app(environ, start_response):
        start_response("200 OK", [kind, *headers])
        return [body if isinstance(body, bytes) else body.encode()]

    return app


def findings(body="", *headers, kind=HTML, **options):
    """Return the lines of what is found in werkzeug's response; none when nothing is."""
    response = Client(page(body, *headers, kind=kind), use_cookies=False).get("/", base_url=SITE)
    try:
        assert_no_third_party(response, SITE, **options)
    except AssertionError as error:
        return str(error).splitlines()[1:]
    return []


def test_a_page_of_our_own_passes():
    body = "<script src=/a.js></script><img src=//shop.example/a.png><img src='data:image/gif;base64,//8A'>"
    cookie = "session=1; Path=/; Secure; HttpOnly; SameSite=Lax; Domain=shop.example"

    assert [] == findings(
        body, ("Set-Cookie", cookie), ("Link", "</a.css>; rel=preload"), ("Refresh", "5; url=/")
    )


@pytest.mark.parametrize(
    "line, rule",
    [
        ("_ga=secret; Domain=ads.example", "O9"),
        ("_ga=secret; Domain=example", "O9"),
        ("_ga=secret; SameSite=None; Secure", "O13"),
        ("_ga=secret; Secure; Partitioned", "O14"),
        ("_ga=secret value, no cookie's; Domain=ads.example", "O9"),
    ],
)
def test_a_third_partys_cookie_is_found_by_its_rule_without_its_value(line, rule):
    found = findings("", ("Set-Cookie", "session=1"), ("Set-Cookie", line))

    assert [f"Set-Cookie '_ga': {rule}"] == [": ".join(line.split(": ")[:2]) for line in found]
    assert "secret" not in found[0]


def test_what_makes_a_browser_forget_is_no_finding():
    guard = CookieGuard(page(), SITE, cookies=[Cookie("session", purpose="p")], evict=True)
    response = Client(guard, use_cookies=False).get("/", base_url=SITE, headers={"Cookie": "_ga=1"})

    assert "Partitioned" in response.headers.getlist("Set-Cookie")[-1]
    assert_no_third_party(response, SITE)


@pytest.mark.parametrize(
    "header, line",
    [
        (
            ("Link", "</a>; rel=preload, <https://ads.example/b?id=1>; rel=preload"),
            "Link: https://ads.example/b",
        ),
        (("Link", '<//ads.example>; rel="preconnect next"'), "Link: //ads.example"),
        (("Refresh", "0; url=https://ads.example/"), "Refresh: https://ads.example/"),
    ],
)
def test_headers_that_lead_elsewhere_are_found(header, line):
    assert [line] == findings("", header)


def test_a_link_header_that_loads_nothing_passes():
    assert [] == findings("", ("Link", "<https://ads.example/>; rel=canonical"))


def test_each_finding_has_a_line_of_its_own():
    body = "<script src=https://ads.example/a.js?visitor=1></script><img src=//pixel.example>"

    assert ["script src: https://ads.example/a.js", "img src: //pixel.example"] == findings(body)


@pytest.mark.parametrize(
    "address",
    [
        "https://ads.example/",
        "//ads.example/",
        r"\\ads.example/",
        r"https:\\ads.example/",
        "///ads.example/",
        "http:/ads.example/",
        "ht\ntps://ads.example/",
        " \x01https://ads.example/",
        "https://www.shop.example@ads.example/",
        "https://www.shop.example.ads.example/",
        "https://www%2Eads.example/",
        "wss://ads.example/",
        "https://203.0.113.7/",
        "https://[2001:db8::1]:8443/",
        "//",
        "app://open",
    ],
)
def test_hosts_are_seen_as_browsers_see_them(address):
    assert 1 == len(findings(f'<img src="{address}">'))


@pytest.mark.parametrize(
    "address",
    [
        "/a",
        "a//b",
        "?a=https://ads.example",
        "https:/a",
        "https://SHOP.example.",
        "https://www.sh%6Fp.example/",
        "mailto:a@ads.example",
    ],
)
def test_addresses_of_our_own_and_of_no_host_pass(address):
    assert [] == findings(f'<img src="{address}">')


def test_a_host_that_is_allowed_passes_and_its_neighbours_do_not():
    body = "<img src=https://cdn.example/a><img src=https://x.cdn.example/a>"

    assert ["img src: https://x.cdn.example/a"] == findings(body, allow_hosts=["cdn.example"])
    assert ["img src: https://x.cdn.example/a"] == findings(body, allow_hosts="cdn.example")


def test_an_allowed_host_may_set_no_cookie():
    assert 1 == len(findings("", ("Set-Cookie", "a=1; Domain=cdn.example"), allow_hosts=["cdn.example"]))


def test_only_html_is_searched():
    assert [] == findings("<img src=//ads.example>", kind=("Content-Type", "text/plain"))


@pytest.mark.parametrize("charset", ["", "; charset=utf-16", "; charset=nonsense"])
def test_a_page_of_any_charset_is_searched(charset):
    body = "<img src=//ads.example>".encode("utf-16" if "16" in charset else "utf-8")

    assert 1 == len(findings(body, kind=("Content-Type", f"text/html{charset}")))


def test_a_compressed_page_is_searched_and_one_that_cannot_be_is_told():
    body = b"<img src=//ads.example>"

    assert 1 == len(findings(gzip.compress(body), ("Content-Encoding", "gzip")))
    with pytest.raises(AssertionError, match="without Accept-Encoding"):
        assert_no_third_party(Client(page(body, ("Content-Encoding", "br"))).get("/"), SITE)


# The clients

BAD = page("<img src=//ads.example>", ("Set-Cookie", "a=1; SameSite=None"), ("Set-Cookie", "b=1"))


def test_webtests_response_is_understood():
    with pytest.raises(AssertionError, match=r"^2 third-party findings on https://www.shop.example:"):
        assert_no_third_party(TestApp(BAD).get("/"), SITE)


def test_flasks_response_is_understood():
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: "<img src=//ads.example>")
    response = app.test_client().get("/")

    with pytest.raises(AssertionError, match="1 third-party findings"):
        assert_no_third_party(response, SITE)
    assert "<img src=//ads.example>" == response.text


def ask_django(path):
    return DjangoClient().get(path, secure=True, headers={"Host": "www.shop.example"})


def test_djangos_response_is_understood():
    with pytest.raises(AssertionError) as raised:
        assert_no_third_party(ask_django("/careless"), SITE)

    assert ["Set-Cookie '_fbp'", "Set-Cookie 'session'", "img src"] == [
        line.partition(":")[0] for line in str(raised.value).splitlines()[1:]
    ]
    assert "secret" not in str(raised.value)


def test_a_plain_page_of_djangos_passes():
    assert_no_third_party(ask_django("/plain"))


def test_djangos_streamed_response_is_left_to_its_reader():
    response = ask_django("/streamed")

    with pytest.raises(AssertionError, match="O13"):
        assert_no_third_party(response, SITE)
    assert b"<img" in response.getvalue()


def test_without_a_site_it_is_the_one_that_was_asked():
    response = Client(page("<img src=/><img src=//ads.example>")).get("/", base_url="https://shop.example")

    with pytest.raises(AssertionError, match=r"on https://shop.example:\nimg src: //ads.example$"):
        assert_no_third_party(response)


def test_without_a_site_and_with_none_asked_it_says_what_to_give():
    with pytest.raises(DeclarationError, match="'http://testserver', which does not tell"):
        assert_no_third_party(DjangoClient().get("/plain"))


def test_what_is_no_response_is_a_type_error():
    with pytest.raises(TypeError, match="str has no headers"):
        assert_no_third_party("page", Site(SITE))

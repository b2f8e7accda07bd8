"""The other doors: each header by which a third party gets in, alone (D1 to D11)."""

from __future__ import annotations

import logging
from wsgiref.validate import validator

import pytest
from flask import Flask, redirect
from guarded import EVIL, HTML, PLAIN, SITE, answering, page, sent
from hypothesis import given
from hypothesis import strategies as st
from webtest import TestApp
from webtest.lint import middleware as lint
from werkzeug.test import create_environ, run_wsgi_app

from cactuprivacy import CookieGuard, DeclarationError
from cactuprivacy.cookies.targets import host_of

# D1 to D11


@pytest.mark.parametrize("name", ["Link ", "\tLink", "Link: <//evil.example>; rel=preload; x", "", "L ink"])
def test_D1_a_name_that_is_none_hides_no_header(name):
    assert ([], ["D1"]) == sent((name, f"<{EVIL}>; rel=preload"))


def test_D1_a_line_break_hides_no_header():
    assert ([("X-A", "1")], ["O3"]) == sent(("X-A", f"1\r\nLink: <{EVIL}>; rel=preload"))


RELATIONS = (
    "preload prefetch preconnect dns-prefetch modulepreload prerender stylesheet icon manifest "
    "compression-dictionary subresource pingback unheard-of"
)


@pytest.mark.parametrize("relation", RELATIONS.split())
def test_D2_a_foreign_link_that_loads_does_not_leave(relation):
    assert ([], ["D2"]) == sent(("Link", f"<{EVIL}/a.css>; rel={relation}"))
    assert ([], ["D2"]) == sent(("LINK", f'<//evil.example>; title=a; rel="next {relation.upper()}"'))


@pytest.mark.parametrize(
    "relation", ["canonical", "next", "license", '"alternate self"', "https://api.w.org/"]
)
def test_D2_a_foreign_link_that_loads_nothing_stays(relation):
    link = ("Link", f"<{EVIL}/a>; rel={relation}")

    assert ([link], []) == sent(link)


def test_D2_only_the_foreign_link_of_several_goes():
    value = (
        f'</a.css>; rel=preload; as=style, <{EVIL}/b,c>; rel="preload", <https://cdn.shop.example>; rel=icon'
    )

    kept = "</a.css>; rel=preload; as=style, <https://cdn.shop.example>; rel=icon"
    assert ([("Link", kept)], ["D2"]) == sent(("Link", value))


@pytest.mark.parametrize(
    "value",
    [
        f"{EVIL}; rel=preload",
        f"<{EVIL}",
        f"<{EVIL}>",
        f"<{EVIL}>; rel=canonical; rel=preload",
        f"</a> <{EVIL}>; rel=preload",
        f'</a>; rel=preload; imagesrcset="{EVIL}/a.png 2x"',
        f'</a>; title="<{EVIL}>; rel=preload',
    ],
)
def test_D2_what_parsers_could_disagree_about_does_not_leave(value):
    assert ([], ["D2"]) == sent(("Link", value))


FRAGMENTS = st.sampled_from(
    [
        "<",
        ">",
        '"',
        ",",
        ";",
        " ",
        "\\",
        "\t",
        "=",
        "rel",
        "rel=preload",
        "title=",
        "/a.css",
        EVIL,
        "//evil.example",
    ]
)


@given(st.lists(FRAGMENTS, max_size=20))
def test_D2_a_foreign_host_never_survives_as_a_target(pieces):
    left, _ = sent(("Link", "".join(pieces)))
    targets = [piece.partition(">")[0] for _, value in left for piece in value.split("<")[1:]]

    assert [] == [target for target in targets if host_of(target) is not None]


def test_D2_early_hints_are_shut_too():
    hinted = []

    def app(environ, start_response):
        environ["wsgi.early_hints"]([("Link", f"</a>; rel=preload, <{EVIL}>; rel=preconnect")])
        return answering(PLAIN)(environ, start_response)

    environ = create_environ("/", SITE, environ_overrides={"wsgi.early_hints": hinted.append})
    run_wsgi_app(CookieGuard(app, SITE), environ)

    assert [[("Link", "</a>; rel=preload")]] == hinted


@pytest.mark.parametrize(
    "value", ["5; url={}", "0;URL='{}'", '0,url = "{}" x', "5 {}", ".5;{}", " 1 ; url=\t{}", "{}"]
)
def test_D3_a_refresh_to_a_stranger_does_not_leave(value):
    ours = ("Refresh", value.format("/next"))

    assert ([], ["D3"]) == sent(("Refresh", value.format(EVIL)))
    assert ([ours], []) == sent(ours)


def test_D4_reports_to_a_stranger_are_not_asked_for():
    assert ([("Reporting-Endpoints", 'a="/reports"')], ["D4"]) == sent(
        ("Reporting-Endpoints", f'a="/reports", b="{EVIL}/r", c=no')
    )
    assert ([], ["D4"]) == sent(
        ("Report-To", f'{{"group":"a","max_age":1,"endpoints":[{{"url":"{EVIL}"}}]}}')
    )
    assert ([], ["D4"]) == sent(("Report-To", "[" * 5000))


def test_D4_network_errors_are_reported_only_where_this_response_says():
    nel, ours = ("NEL", '{"report_to":"a"}'), ("Report-To", '{"group":"a","endpoints":[{"url":"/r"}]}')

    assert ([], ["D4"]) == sent(nel)
    assert ([nel, ours], []) == sent(nel, ours)


@pytest.mark.parametrize("name", ["Content-Security-Policy", "content-security-policy-report-only"])
def test_D4_a_strangers_report_uri_goes_and_the_apps_policy_stays(name):
    value = f"script-src 'nonce-a'; Report-URI {EVIL}/r /csp, img-src *;report-uri //evil.example; font-src x"
    kept = "script-src 'nonce-a'; report-uri /csp, img-src *;; font-src x"

    assert ([(name, kept)], ["D4"]) == sent((name, value))


@pytest.mark.parametrize("name", ["SourceMap", "X-SourceMap"])
def test_D5_a_source_map_lies_with_us(name):
    assert ([], ["D5"]) == sent((name, f"{EVIL}/a.map"))
    assert ([(name, "a.map")], []) == sent((name, "a.map"))


def test_D6_speculation_rules_lie_with_us():
    assert ([("Speculation-Rules", '"/rules.json"')], ["D6"]) == sent(
        ("Speculation-Rules", f'"/rules.json", "{EVIL}/rules.json", /bare')
    )


def test_D7_the_connection_moves_to_no_stranger():
    ours = 'h3=":443"; ma=86400'

    assert ([("Alt-Svc", ours)], ["D7"]) == sent(("Alt-Svc", f'{ours}, h2="evil.example:443", h2="x'))
    assert ([("Alt-Svc", "clear")], []) == sent(("Alt-Svc", "clear"))


SIGNALS = (
    "P3P Origin-Trial Observe-Browsing-Topics Set-Login Activate-Storage-Access Shared-Storage-Write "
    "Attribution-Reporting-Register-Source Attribution-Reporting-Register-Trigger Ad-Auction-Signals "
    "Ad-Auction-Allowed"
)


@pytest.mark.parametrize("name", SIGNALS.split())
def test_D8_nobody_is_signed_up_for_advertising(name):
    assert ([], ["D8"]) == sent((name, "1"))


def test_D9_a_foreign_redirect_is_told_of_and_passes():
    location = ("Location", f"{EVIL}/pay")

    assert ([location], ["D9"]) == sent(location, status="302 Found")


def test_D9_a_foreign_redirect_can_be_refused():
    location = ("Location", "/\t/evil.example")

    assert ([], ["D9"]) == sent(location, status="302 Found", redirects="refuse")
    assert ([location], []) == sent(
        location, status="302 Found", redirects="refuse", allow_hosts={"navigate": ["evil.example"]}
    )


@pytest.mark.parametrize("location", ["/next", "next", f"{SITE}/next", "https://www.shop.example:8443/"])
def test_D9_a_redirect_within_the_site_is_nobodys_business(location):
    assert ([("Location", location)], []) == sent(
        ("Location", location), status="303 See", redirects="refuse"
    )


@pytest.mark.parametrize("origin", [EVIL, "null"])
def test_D10_no_strange_page_reads_ours_with_the_visitors_cookies(origin):
    allow = ("Access-Control-Allow-Origin", origin)

    assert ([allow], ["D10"]) == sent(allow, ("Access-Control-Allow-Credentials", "true"))


@pytest.mark.parametrize("origin", [SITE, "https://www.shop.example", "*"])
def test_D10_our_own_pages_may(origin):
    headers = [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]

    assert (headers, []) == sent(*headers)


@pytest.mark.parametrize("value", ["unsafe-url", "same-origin, no-referrer-when-downgrade"])
def test_D11_no_stranger_is_told_the_whole_address(value):
    last = page(("Referrer-Policy", value)).getlist("Referrer-Policy")[-1]

    assert "strict-origin-when-cross-origin" == last


# Exceptions


@pytest.mark.parametrize(
    "path, exempt", [("/map", True), ("/map/a", True), ("/maps", False), ("/a/map", False)]
)
def test_flask_talisman_wish_a_path_and_what_is_below_it_can_be_exempt(path, exempt):
    link = ("Link", f"<{EVIL}>; rel=preload")
    left, _ = sent(link, path=path, exempt=["/map"])

    assert exempt == (link in left)


def test_a_function_of_the_request_can_exempt_and_its_fault_exempts_nothing(caplog):
    link = ("Link", f"<{EVIL}>; rel=preload")

    assert [link] == sent(link, exempt=lambda environ: environ["PATH_INFO"] == "/")[0]
    assert [] == sent(link, exempt=lambda environ: environ["secret"])[0]
    assert "KeyError" in caplog.text
    assert "secret" not in caplog.text


def test_cookies_are_judged_where_the_doors_are_open():
    assert ([], ["O18"]) == sent(("Set-Cookie", "_ga=1"), exempt=lambda environ: True)


# Declarations


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"allow_hosts": ["a.example"]}, "takes hosts by purpose"),
        ({"allow_hosts": {"images": ["a.example"]}}, "did you mean 'image'"),
        ({"allow_hosts": {"/map": ["a.example"]}}, "by purpose for a path"),
        ({"allow_hosts": {"/map/": {"image": ["a.example"]}}}, "no path below the root"),
        ({"allow_hosts": {"/map": {"/more": {}}}}, "no purpose '/more'"),
        ({"allow_hosts": {"image": {"/map": ["a.example"]}}}, "wants a list of hosts"),
        ({"allow_hosts": {"image": "a.example"}}, r"write {'image': \['a.example'\]}"),
        ({"allow_hosts": {"image": ["https://a.example/"]}}, "no host alone"),
        ({"allow_hosts": {"image": ["a.example; script-src *"]}}, "no host alone"),
        ({"allow_hosts": {"image": ["*"]}}, "no host alone"),
        ({"allow_hosts": {"image": ["*.co.uk"]}}, "everybody lives"),
        ({"allow_hosts": {"image": ["192.0.2.1"]}}, "everybody lives"),
        ({"redirects": "drop"}, "use 'report' or 'refuse'"),
        ({"exempt": "/map"}, r"write exempt=\['/map'\]"),
        ({"exempt": ["map"]}, "no path below the root"),
        ({"exempt": ["/"]}, "no path below the root"),
    ],
)
def test_a_wrong_declaration_is_refused(options, sentence):
    with pytest.raises(DeclarationError, match=sentence):
        CookieGuard(answering(), SITE, **options)


# Verdicts, modes, faults


def test_report_gives_the_same_verdicts_and_changes_nothing():
    headers = [("Link", f"<{EVIL}>; rel=preload"), ("P3P", "x"), ("Refresh", f"0;{EVIL}"), ("bad name", "1")]
    left, rules = sent(*headers, mode="report")

    assert (headers, sent(*headers)[1]) == (left, rules)
    assert [HTML] == page(mode="report").to_wsgi_list()


def test_a_refusal_is_logged_by_rule_and_header_without_host(caplog):
    caplog.set_level(logging.INFO, "cactuprivacy.cookies")
    sent(("Link", f"<{EVIL}>; rel=preload"))

    assert caplog.messages[0].startswith("D2: header 'Link', out, refused: browsers would load")
    assert "evil" not in caplog.text


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Link", "Refresh", "Report-To", "Reporting-Endpoints", "Alt-Svc", "Location"])
            | st.sampled_from(
                ["Content-Security-Policy", "Speculation-Rules", "SourceMap", "Referrer-Policy"]
            )
            | st.text(st.characters(max_codepoint=255), max_size=8),
            st.text(st.characters(max_codepoint=255)),
        ),
        max_size=6,
    )
)
def test_no_header_makes_the_doors_raise(headers):
    from cactuprivacy.cookies.doors import Doors
    from cactuprivacy.site import Site

    left, _ = Doors(Site(SITE), {}).shut(headers, 200)

    assert "Content-Security-Policy" in dict(left) or not headers or "Content-Type" in dict(headers)


def test_doors_that_break_are_barred(monkeypatch, caplog):
    guard = CookieGuard(answering(HTML, ("Link", f"<{EVIL}>; rel=preload"), ("X-Kept", "1")), SITE)
    monkeypatch.setattr(guard._house.doors, "shut", lambda *_: 1 / 0)
    headers = run_wsgi_app(guard, create_environ("/", SITE))[2]

    assert ("1", None) == (headers["X-Kept"], headers.get("Link"))
    assert "default-src" in headers["Content-Security-Policy"]


def test_a_redirect_that_passes_is_not_told_of_as_refused(caplog):
    sent(("Location", f"{EVIL}/"), status="302 Found")

    assert "D9: header 'Location', out, let pass" in caplog.text


# Paths

TILES = {
    "image": ["images.example"],
    "/map": {"image": ["tiles.example"]},
    "/map/old": {"frame": ["old.example"]},
}
TILE = ("Link", "<https://tiles.example/1.png>; rel=preload; as=image")


@pytest.mark.parametrize(
    ("path", "left"), [("/", 0), ("/map", 1), ("/map/berlin", 1), ("/maps", 0), ("/map/old/1", 0)]
)
def test_a_host_is_let_in_below_a_path_only(path, left):
    assert left == len(sent(TILE, path=path, allow_hosts=TILES)[0])


def test_below_a_path_holds_what_holds_everywhere_too():
    guard = CookieGuard(answering(HTML), SITE, allow_hosts=TILES)
    policy = run_wsgi_app(guard, create_environ("/map", SITE))[2]["Content-Security-Policy"]

    assert "*.shop.example:* images.example tiles.example " in policy


def test_a_path_counts_from_the_sites_root():
    guard = CookieGuard(answering(HTML, TILE), SITE, allow_hosts=TILES)
    headers = run_wsgi_app(guard, create_environ("/1", SITE + "/map"))[2]

    assert TILE[1] == headers["Link"]


def test_a_page_is_read_by_who_was_let_in_below_its_path():
    page = b'<link rel="preconnect" href="https://tiles.example">'

    def app(environ, start_response):
        start_response("200 OK", [HTML])
        return [page]

    guard = CookieGuard(app, SITE, allow_hosts=TILES)

    assert page == b"".join(run_wsgi_app(guard, create_environ("/map", SITE))[0])
    assert b"xref" in b"".join(run_wsgi_app(guard, create_environ("/", SITE))[0])


# Around real things


def test_validators_on_both_sides_find_nothing():
    app = answering(HTML, ("Content-Length", "4"), ("Link", f"<{EVIL}>; rel=preload"))
    response = TestApp(lint(validator(CookieGuard(validator(lint(app)), SITE))), lint=True).get("/")

    assert (b"page", None) == (response.body, response.headers.get("Link"))


def test_a_flask_app_keeps_its_own_headers_and_redirects():
    app = Flask(__name__)

    @app.get("/")
    def front():
        return "page", {"Content-Security-Policy": "script-src 'self'", "Link": "</a.css>; rel=preload"}

    @app.get("/old")
    def old():
        return redirect("/")

    app.wsgi_app = CookieGuard(app.wsgi_app, SITE)
    client = app.test_client()

    assert "/" == client.get("/old", base_url=SITE).headers["Location"]
    assert ["script-src 'self'", True] == [
        client.get("/", base_url=SITE).headers["Content-Security-Policy"],
        "Link" in client.get("/", base_url=SITE).headers,
    ]

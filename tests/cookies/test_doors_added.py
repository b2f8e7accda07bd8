"""The other doors: what is added to a response, and to which."""

from __future__ import annotations

import pytest
from guarded import EVIL, HTML, OWN, SITE, answering, page, sent
from werkzeug.test import create_environ, run_wsgi_app

from cactuprivacy import CookieGuard


def test_a_page_gets_a_policy_of_ours_beside_the_apps():
    policies = page(("Content-Security-Policy", "script-src 'nonce-a'")).getlist("Content-Security-Policy")

    assert [
        "script-src 'nonce-a'",
        (
            f"default-src {OWN} 'unsafe-inline' 'unsafe-eval' data: blob:; "
            f"base-uri {OWN}; form-action {OWN}; frame-ancestors {OWN}"
        ),
    ] == policies


def test_a_host_is_let_in_for_its_purpose_alone():
    hosts = {
        "image": ["*.Images.example", "pics.example"],
        "navigate": ["pay.example"],
        "embedder": ["b\xfc.example"],
    }
    policy = page(allow_hosts=hosts)["Content-Security-Policy"]

    assert f"; img-src {OWN} *.images.example pics.example 'unsafe-inline'" in policy
    assert f"form-action {OWN} pay.example;" in policy
    assert policy.endswith(f"frame-ancestors {OWN} xn--b-eha.example")
    assert "script-src" not in policy


@pytest.mark.parametrize("host, leaves", [("a.images.example", True), ("images.example", False)])
def test_a_link_may_lead_to_a_host_that_was_let_in(host, leaves):
    links, _ = sent(("Link", f"<//{host}/a.png>; rel=preload"), allow_hosts={"image": ["*.images.example"]})

    assert leaves == bool(links)


def test_a_page_gets_the_permissions_and_the_referrer_policy_that_it_lacks():
    headers = page(("Permissions-Policy", "storage-access=*"))

    assert "storage-access=()" in headers.getlist("Permissions-Policy")[-1]
    assert ["strict-origin-when-cross-origin"] == headers.getlist("Referrer-Policy")
    assert ["no-referrer"] == page(("Referrer-Policy", "no-referrer")).getlist("Referrer-Policy")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/html",
        "TEXT/HTML;charset=x",
        "application/xhtml+xml",
        "image/svg+xml",
        "text/xml",
        "text/javascript",
        "*/*",
        "",
    ],
)
def test_whatever_browsers_show_or_run_is_a_document(content_type):
    assert "Content-Security-Policy" in page(content_type=("Content-Type", content_type))


def test_what_has_no_type_is_looked_at_and_so_is_a_document():
    assert "Content-Security-Policy" in page(content_type=None)


@pytest.mark.parametrize("content_type", ["text/plain", "image/png", "application/json", "text/css"])
def test_nothing_is_added_to_what_is_no_document(content_type):
    assert [("Content-Type", content_type)] == page(
        content_type=("Content-Type", content_type)
    ).to_wsgi_list()


@pytest.mark.parametrize("status", ["304 Not Modified", "204 No Content"])
def test_nothing_is_added_where_there_is_no_page(status):
    assert "Content-Security-Policy" not in page(status=status, content_type=None)


@pytest.mark.parametrize(
    "status", ["300 M", "302 Found", "305 U", "306 U", "2040 X", "3040 X", "1999 X", "1 X", "X"]
)
@pytest.mark.parametrize("location", ["", EVIL, "/here", "http://["])
def test_the_policy_is_added_wherever_a_browser_may_show_the_body(status, location):
    """Browsers follow five redirects, with a Location that leads somewhere; of all others they show the page."""
    assert "Content-Security-Policy" in page(("Location", location), status=status)


def test_django_csp_bug_an_error_page_gets_the_policy_too():
    assert "Content-Security-Policy" in page(status="404 Not Found")


def test_two_guards_add_once():
    guard = CookieGuard(CookieGuard(answering(HTML), SITE), SITE)
    headers = run_wsgi_app(guard, create_environ("/", SITE))[2]

    assert 1 == len(headers.getlist("Content-Security-Policy")) == len(headers.getlist("Referrer-Policy"))


def test_on_localhost_every_port_is_ours():
    assert "default-src 'self' localhost:* " in page(site="http://localhost:5000")["Content-Security-Policy"]
    assert "default-src 'self' 'unsafe" in page(site="http://127.0.0.1:5000")["Content-Security-Policy"]

"""What kind of fetch a request is, as the browser tells it."""

from __future__ import annotations

import pytest

from cactuprivacy.wsgi import fetch_context
from cactuprivacy.wsgi.fetch import is_our_own_form

ORIGIN = "https://shop.example"


def context(site=None, mode=None, dest=None, method="GET", **more):
    told = {"HTTP_SEC_FETCH_SITE": site, "HTTP_SEC_FETCH_MODE": mode, "HTTP_SEC_FETCH_DEST": dest}
    told = {key: value for key, value in told.items() if value is not None}
    return fetch_context({"REQUEST_METHOD": method, **told, **more})


def test_it_is_computed_once_a_request():
    environ = {"REQUEST_METHOD": "GET"}
    first = fetch_context(environ)
    environ["REQUEST_METHOD"] = "POST"

    assert first is fetch_context(environ) is environ["cactuprivacy.fetch"]


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none", None])
@pytest.mark.parametrize("dest", ["document", "iframe", "image", "empty"])
def test_what_is_not_cross_site_is_first_party(site, dest):
    assert not context(site, "navigate", dest).third_party


@pytest.mark.parametrize("site", ["same-origin", "same-site", "cross-site", "none", None])
@pytest.mark.parametrize("told", ["none", "active", "inactive", ""])
def test_storage_access_is_told_in_cross_site_contexts_alone(site, told):
    assert context(site, "navigate", "document", HTTP_SEC_FETCH_STORAGE_ACCESS=told).third_party


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_cross_site_navigation_is_first_party(method):
    """Mail links and home screens; mode and destination are judged before the site."""
    assert not context("cross-site", "navigate", "document", method).third_party


@pytest.mark.parametrize(
    "mode, dest",
    [
        ("navigate", "iframe"),
        ("navigate", "frame"),
        ("navigate", "embed"),
        ("navigate", "object"),
        ("navigate", "fencedframe"),
        ("nested-navigate", "document"),
        ("no-cors", "image"),
        ("no-cors", "script"),
        ("cors", "empty"),
        ("websocket", "websocket"),
        ("navigate", None),
        (None, "document"),
        (None, None),
        ("navigate,navigate", "document"),
        ("", ""),
    ],
)
def test_every_other_cross_site_fetch_is_a_third_partys(mode, dest):
    assert context("cross-site", mode, dest).third_party


@pytest.mark.parametrize("site", ["", "same-origin,same-origin", "cross-site, none", "SAME-ORIGIN", "evil"])
def test_a_site_that_is_no_value_is_judged_as_cross_site(site):
    assert (context(site, "no-cors", "image").site, context(site).third_party) == ("cross-site", True)


def test_a_client_that_does_not_say_is_first_party():
    """Old browsers, http, programs; browsers apply SameSite all the same."""
    told = context()

    assert (told.site, told.third_party, told.navigation) == (None, False, True)


@pytest.mark.parametrize(
    "mode, dest, method, navigation",
    [
        ("navigate", "document", "GET", True),
        (None, None, "GET", True),
        ("navigate", "document", "POST", False),
        ("navigate", "document", "HEAD", False),
        ("navigate", "iframe", "GET", False),
        ("cors", "empty", "GET", False),
        ("no-cors", "document", "GET", False),
    ],
)
def test_a_navigation_is_a_person_who_goes_to_a_page(mode, dest, method, navigation):
    assert navigation is context("same-origin", mode, dest, method).navigation


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_safe_methods_change_nothing(method):
    assert context(method=method).safe


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "get", "QUERY"])
def test_other_methods_are_not_safe(method):
    assert not context(method=method).safe


@pytest.mark.parametrize(
    "header, value",
    [
        ("HTTP_SEC_PURPOSE", "prefetch"),
        ("HTTP_SEC_PURPOSE", "prefetch;prerender"),
        ("HTTP_SEC_PURPOSE", "prefetch;anonymous-client-ip"),
        ("HTTP_PURPOSE", "prefetch"),
        ("HTTP_PURPOSE", "Prefetch"),
        ("HTTP_X_PURPOSE", "preview"),
        ("HTTP_X_MOZ", "prefetch"),
    ],
)
def test_fetching_ahead_is_told_in_four_ways(header, value):
    assert context(**{header: value}).prefetch


def test_what_is_not_fetched_ahead_is_looked_at():
    assert not context().prefetch
    assert not context(HTTP_SEC_PURPOSE="", HTTP_PURPOSE="shopping").prefetch


@pytest.mark.parametrize("value", ["1", " 1 ", "0,1", "1, 1", "x,1"])
def test_gpc_is_one_header_that_says_exactly_1(value):
    assert context(HTTP_SEC_GPC=value).gpc


@pytest.mark.parametrize("value", ["", "0", "true", "11", "1;a", '"1"', "?1", "\xb9"])
def test_anything_else_is_no_gpc(value):
    assert not context(HTTP_SEC_GPC=value).gpc
    assert not context().gpc


@pytest.mark.parametrize(
    "headers, ours",
    [
        ({"HTTP_SEC_FETCH_SITE": "same-origin"}, True),
        ({"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_ORIGIN": "null"}, True),
        ({"HTTP_SEC_FETCH_SITE": "same-site", "HTTP_ORIGIN": ORIGIN}, False),
        ({"HTTP_SEC_FETCH_SITE": "cross-site"}, False),
        ({"HTTP_SEC_FETCH_SITE": "none"}, False),
        ({"HTTP_SEC_FETCH_SITE": "same-origin,same-origin"}, False),
        ({"HTTP_ORIGIN": ORIGIN}, True),
        ({"HTTP_ORIGIN": "https://shop.example.evil.example"}, False),
        ({"HTTP_ORIGIN": "http://shop.example"}, False),
        ({"HTTP_ORIGIN": "null"}, False),
        ({"HTTP_ORIGIN": ""}, False),
        ({}, True),
    ],
)
def test_a_form_is_ours_when_the_browser_says_so(headers, ours):
    assert ours is is_our_own_form(headers, ORIGIN)

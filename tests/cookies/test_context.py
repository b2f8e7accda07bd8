"""Whose page a request comes from: Fetch Metadata, and Origin where there is none."""

from __future__ import annotations

from itertools import product

import pytest

from cactuprivacy import Site
from cactuprivacy.cookies.context import CookieContext
from cactuprivacy.wsgi import fetch_context

CONTEXT = CookieContext(Site("https://www.shop.example"))


def request(method="GET", **headers):
    return {"REQUEST_METHOD": method, **{f"HTTP_{name.upper()}": value for name, value in headers.items()}}


def sec(site, mode=None, dest=None, method="GET"):
    said = {"sec_fetch_site": site, "sec_fetch_mode": mode, "sec_fetch_dest": dest}
    return request(method, **{name: value for name, value in said.items() if value is not None})


@pytest.mark.parametrize(
    "environ, sets, reads",
    [
        pytest.param(request(), False, False, id="a client that says nothing"),
        pytest.param(sec("same-origin", "cors", "empty", "POST"), False, False, id="our own script"),
        pytest.param(sec("same-site", "no-cors", "image"), False, False, id="a sibling host"),
        pytest.param(sec("none", "navigate", "document"), False, False, id="a bookmark"),
        pytest.param(sec("cross-site", "navigate", "document"), False, False, id="a link to us"),
        pytest.param(sec("cross-site", "navigate", "document", "POST"), False, True, id="a form to us"),
        pytest.param(sec("cross-site", "navigate", "iframe"), True, True, id="a frame"),
        pytest.param(sec("cross-site", "navigate", "fencedframe"), True, True, id="a fenced frame"),
        pytest.param(sec("cross-site", "navigate", "embed"), True, True, id="an embed"),
        pytest.param(sec("cross-site", "no-cors", "image"), True, True, id="an image"),
        pytest.param(sec("cross-site", "cors", "empty"), True, True, id="a fetch"),
        pytest.param(sec("cross-site"), True, True, id="no mode, no destination"),
        pytest.param(sec("same-origin, cross-site"), True, True, id="said twice"),
        pytest.param(request(sec_fetch_storage_access="none"), True, True, id="storage access, none"),
        pytest.param(
            request(sec_fetch_site="same-origin", sec_fetch_storage_access="active"),
            True,
            True,
            id="and active",
        ),
    ],
)
def test_fetch_metadata_tells_a_third_party(environ, sets, reads):
    assert (sets, reads) == (CONTEXT.sets_as_third_party(environ), CONTEXT.reads_as_third_party(environ))


@pytest.mark.parametrize(
    "origin, strange",
    [
        ("https://www.shop.example", False),
        ("https://blog.shop.example:8443", False),
        ("https://shop.example", False),
        ("http://www.shop.example", True),
        ("https://shop.example.evil.net", True),
        ("https://ashop.example", True),
        ("https://evil.example", True),
        ("null", True),
        ("", True),
    ],
)
def test_without_fetch_metadata_origin_tells_it(origin, strange):
    environ = request("POST", origin=origin)

    assert (strange, strange) == (
        CONTEXT.sets_as_third_party(environ),
        CONTEXT.reads_as_third_party(dict(environ)),
    )


def test_fetch_metadata_beats_origin():
    environ = request("POST", origin="null", sec_fetch_site="same-origin")

    assert not CONTEXT.sets_as_third_party(environ)


def test_host_has_no_say():
    environ = request(
        "POST", origin="https://evil.example", host="evil.example", x_forwarded_host="evil.example"
    )

    assert CONTEXT.reads_as_third_party(environ)


@pytest.mark.parametrize(
    "origin, strange",
    [("http://127.0.0.1:5000", False), ("http://127.0.0.1", False), ("http://27.0.0.1", True)],
)
def test_an_address_is_a_site_of_its_own(origin, strange):
    context = CookieContext(Site("http://127.0.0.1:5000"))

    assert strange == context.sets_as_third_party(request("POST", origin=origin))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_the_quick_answer_is_the_fetch_contexts_own(method):
    sites = [None, "same-origin", "same-site", "cross-site", "none", "?"]
    modes = [None, "navigate", "cors", "no-cors", "nested-navigate"]
    dests = [None, "document", "iframe", "image", "empty"]
    for site, mode, dest in product(sites, modes, dests):
        context = fetch_context(sec(site, mode, dest, method))
        reads = context.third_party or (context.site == "cross-site" and not context.safe)

        assert context.third_party == CONTEXT.sets_as_third_party(sec(site, mode, dest, method))
        assert reads == CONTEXT.reads_as_third_party(sec(site, mode, dest, method))

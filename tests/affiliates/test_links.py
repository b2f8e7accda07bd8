from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from cactuprivacy import AffiliateAttribution, AffiliateProgram, Affiliates
from cactuprivacy.affiliates.links import Link, Links

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    MakeProgram = Callable[..., AffiliateProgram]

LINKS = Links(
    Affiliates(parameter=("af", "ref"), path="/r", legacy_path="/aftrack.asp", campaigns=["summer"])
)


def environ(url: str, *, raw: bool = True, root: str = "") -> dict[str, Any]:
    """Return a GET of *url* as a server hands it on, with or without the request line's own spelling."""
    path, _, query = url.partition("?")
    decoded = unquote_to_bytes(path).decode("latin-1")
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": root,
        "PATH_INFO": decoded.removeprefix(root),
        "QUERY_STRING": query,
        **({"REQUEST_URI": url} if raw else {}),
    }


def shop(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else b"cactuses"]


def follow(program: AffiliateProgram, url: str, **options: Any) -> Any:
    return TestApp(AffiliateAttribution(shop, program)).request(url, **options)


# clean URL ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url, clean",
    [
        ("/?af=alice", "/"),
        ("/page?af=alice", "/page"),
        ("/page?x=1&af=alice&y=2", "/page?x=1&y=2"),
        ("/page?x=1&x=1&x=2&af=alice&x=0", "/page?x=1&x=1&x=2&x=0"),
        ("/page?x=&y&=z&&af=alice&", "/page?x=&y&=z&&"),
        ("/page?q=%20%2B%c3%A9%zz+&af=alice", "/page?q=%20%2B%c3%A9%zz+"),
        ("/a%2Fb/%e2%82%ac?af=alice", "/a%2Fb/%e2%82%ac"),
        ("/page?af=alice&campaign=summer&xaf=1&AF=2", "/page?xaf=1&AF=2"),
        ("/page?ref=alice&af=alice&af", "/page"),
        ("//evil.example/x?aid=1&af=alice", "/evil.example/x?aid=1"),
        ("/\\evil.example/x?af=alice", "/evil.example/x"),
        ("/\\/\\/evil.example?af=alice", "/evil.example"),
    ],
)
def test_a_clean_url_is_the_same_byte_for_byte_without_what_is_ours(url: str, clean: str) -> None:
    assert LINKS.clean(environ(url)) == clean


@pytest.mark.parametrize(
    "url", ["/a/../b?af=alice", "/.//evil.example?af=alice", "/%2e%2e//x?af=alice", "/é?af=alice",
            "/a\\b?af=alice", "/?af=alice&x=a b", "/?af=alice&x=\r\nSet-Cookie:x", "/?af=alice&#x"]
)  # fmt: skip
def test_a_url_that_browsers_would_read_otherwise_is_left_as_it_is(url: str) -> None:
    assert LINKS.clean(environ(url)) is None


PIECES = st.text("abz019=%+;:@/?.~-_*'()!$,[]{}|^\"<>`", max_size=12)


@given(
    st.lists(PIECES.map(lambda text: "x" + text), max_size=6),
    st.integers(0, 6),
    st.sampled_from(["af=alice", "ref=ALICE", "af", "campaign=summer", "af=%61"]),
)
def test_whatever_else_stands_in_the_query_stays_and_stays_in_order(
    others: list[str], at: int, ours: str
) -> None:
    pairs = [*others[:at], ours, *others[at:]]
    expected = "/page?" + "&".join(others) if others else "/page"

    assert LINKS.clean(environ("/page?" + "&".join(pairs))) == expected


@given(st.text(max_size=40), st.text(max_size=40), st.booleans())
def test_a_clean_url_never_leads_to_another_site(path: str, query: str, raw: bool) -> None:
    asked = environ("/" + path.replace("?", "") + "?af=alice&" + query, raw=raw)
    clean = LINKS.clean(asked)

    assert clean is None or urlsplit(urljoin("https://shop.example/", clean)).netloc == "shop.example"
    assert clean is None or (clean.isprintable() and clean.isascii() and "\\" not in clean.partition("?")[0])


def test_without_the_servers_own_spelling_the_path_is_written_anew() -> None:
    assert LINKS.clean(environ("/caf%c3%a9/a%20b?af=alice", raw=False)) == "/caf%C3%A9/a%20b"


def test_a_spelling_that_is_not_of_the_path_that_the_app_sees_is_not_believed() -> None:
    rewritten = {**environ("/page?af=alice"), "REQUEST_URI": "https://evil.example/page?af=alice"}

    assert LINKS.clean(rewritten) == "/page"
    assert LINKS.clean({**rewritten, "REQUEST_URI": "/other?af=alice"}) == "/page"


def test_the_url_is_cleaned_in_the_response_that_sets_the_claim(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    response = follow(make_program(clean_url=True), "/page?x=1&af=alice&x=2")

    assert response.status_int == 303
    assert response.headers["Location"].endswith("/page?x=1&x=2")
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["Set-Cookie"].startswith("__Host-affiliate=1.alice.")


def test_after_the_redirect_nothing_is_redirected(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    landed = follow(make_program(clean_url=True), "/page?af=alice&x=1").follow()

    assert (landed.status_int, landed.request.query_string) == (200, "x=1")


def test_A9_while_undecided_the_url_is_not_cleaned(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    assert follow(make_program(None, clean_url=True), "/?af=alice").status_int == 200


def test_after_a_no_the_url_is_cleaned_and_nothing_set(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    response = follow(make_program(False, clean_url=True), "/?af=alice")

    assert (response.status_int, "Set-Cookie" in response.headers) == (303, False)


def test_a_consent_that_only_the_app_can_answer_leaves_the_url_and_makes_the_claim(
    program: AffiliateProgram, make_program: MakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaning = make_program(clean_url=True)
    monkeypatch.setattr(cleaning.visitors, "_consent", lambda environ: environ["set.by.the.app"])

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        environ["set.by.the.app"] = True
        return shop(environ, start_response)

    response = TestApp(AffiliateAttribution(app, cleaning)).get("/?af=alice")

    assert (response.status_int, "Set-Cookie" in response.headers) == (200, True)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
def test_only_a_get_is_redirected(program: AffiliateProgram, make_program: MakeProgram, method: str) -> None:
    assert follow(make_program(clean_url=True), "/?af=alice", method=method).status_int == 200


# links by path --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url, target",
    [
        ("/r/alice", "/"),
        ("/r/alice/", "/"),
        ("/r/ALICE/deep/link", "/deep/link"),
        ("/r/alice/deep?x=1&x=2", "/deep?x=1&x=2"),
        ("/r/alice/a%2Fb/%c3%a9", "/a%2Fb/%c3%a9"),
        ("/r/alice?campaign=summer&x", "/?x"),
        ("/r/alice/deep?af=bob", "/deep"),
    ],
)
def test_a_link_by_path_leads_on_to_the_page_behind_it(url: str, target: str) -> None:
    campaign = "summer" if "summer" in url else ""

    assert LINKS.followed(environ(url)) == Link("alice", campaign, target)


def test_a_link_by_path_below_a_mount_stays_there() -> None:
    assert LINKS.followed(environ("/shop/r/alice/deep", root="/shop")) == Link("alice", "", "/shop/deep")


@pytest.mark.parametrize("url", ["/r", "/r/", "/rx/alice", "/r/no%20code", "/r//alice", "/R/alice"])
def test_what_is_no_link_by_path_is_the_apps(url: str) -> None:
    assert LINKS.followed(environ(url)) is None


def test_a_link_by_path_makes_its_claim_on_the_way(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    response = follow(make_program(path="/r"), "/r/alice/deep")

    assert (303, "private, no-store") == (response.status_int, response.headers["Cache-Control"])
    assert response.headers["Location"].endswith("/deep")
    assert "Set-Cookie" in response.headers


def test_A9_while_undecided_a_link_by_path_carries_its_code_to_the_page_that_asks(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    undecided = make_program(None, path="/r", campaigns=["summer"])
    response = follow(undecided, "/r/alice/deep?x=1&campaign=summer")

    assert response.headers["Location"].endswith("/deep?x=1&af=alice&campaign=summer")
    assert "Set-Cookie" not in response.headers


def test_a_link_by_path_of_nobody_leads_on_all_the_same(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    response = follow(make_program(path="/r"), "/r/nobody/deep")

    assert (303, False) == (response.status_int, "Set-Cookie" in response.headers)


# nobody is led elsewhere ----------------------------------------------------------------------------------------

BYPASSES = [
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/%2fevil.example",
    "/%252fevil.example", "%2f%2fevil.example", "/%5cevil.example", "https://evil.example",
    "https:evil.example", "https:/evil.example", "javascript:alert(1)", "data:text/html,x",
    "/.//evil.example", "/..//evil.example", "/a/..//evil.example", "/%2e%2e//evil.example",
    "/\t/evil.example", "/%09/evil.example", "/%0d%0aSet-Cookie:x=1", "\r\nSet-Cookie:x=1",
    "/%00/evil.example", "//evil.example@shop.example", "/@evil.example", "//shop.example.evil.example",
    "/a//evil.example", "/\u2215evil.example", "/\u3002evil.example", "http%3A%2F%2Fevil.example",
]  # fmt: skip


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("target", BYPASSES)
@pytest.mark.parametrize("form", ["/r/alice{}", "/r/alice/{}", "/aftrack.asp?ID=alice&Req={}"])
def test_A2_no_link_leads_to_another_site(form: str, target: str, raw: bool) -> None:
    url = form.format(target).encode().decode("latin-1")
    link = LINKS.followed(environ(url, raw=raw))
    for carry in (True, False):
        location = LINKS.onwards(link, carry=carry) if link else "/"
        assert urlsplit(urljoin("https://shop.example/x/y", location)).netloc == "shop.example"
        assert not set(location) & set("\r\n\t\0\\ ")
        assert not location.startswith(("//", "/%2f", "/%5c"))


@given(st.text(max_size=60), st.booleans(), st.sampled_from(["/r/alice/{}", "/aftrack.asp?ID=alice&Req={}"]))
def test_A2_whatever_a_link_says_it_stays_on_the_site(target: str, raw: bool, form: str) -> None:
    link = LINKS.followed(environ(form.format(target), raw=raw))
    location = LINKS.onwards(link, carry=True) if link else "/"

    assert urlsplit(urljoin("https://shop.example/x/y", location)).netloc == "shop.example"
    assert location.isascii()
    assert location.isprintable()


# the original's links -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query, target",
    [
        ("ID=17", "/"),
        ("ID=17&Req=prod.asp", "/prod.asp"),
        ("id=17&req=/prod.asp", "/prod.asp"),
        ("ID=17&Req=prod.asp?a=1", "/prod.asp?a=1"),
        ("ID=17&Req=prod.asp?a=1&b=2&a=3", "/prod.asp?a=1&b=2&a=3"),
        ("ID=17&Req=prod.asp?id=3&Req=x", "/prod.asp?id=3&Req=x"),
        ("ID=17&Req=prod.asp%3Fa%3D1%26b%3D2", "/prod.asp?a=1&b=2"),
        ("Req=prod.asp%3Fa%3D1&ID=17", "/prod.asp?a=1"),
        ("Req=prod.asp&ID=17&x=1?", "/prod.asp"),
        ("ID=17&Req=prod.asp?af=18&x=1", "/prod.asp?x=1"),
        ("ID=17&Req=", "/"),
    ],
)
def test_A1_A2_the_originals_link_leads_to_the_page_that_it_requests(query: str, target: str) -> None:
    assert LINKS.followed(environ(f"/aftrack.asp?{query}")) == Link("17", "", target)


def test_the_originals_link_is_found_in_any_case_and_needs_an_id() -> None:
    assert LINKS.followed(environ("/AFTrack.ASP?ID=17")) == Link("17", "", "/")
    assert LINKS.followed(environ("/aftrack.asp?Req=page.asp")) is None


@given(st.text(max_size=80))
def test_a_query_of_any_kind_is_no_error(query: str) -> None:
    for path in ("/aftrack.asp", "/", "/r/alice"):
        LINKS.followed(environ(f"{path}?{query}"))


def test_the_layer_leads_on_below_a_mount(program: AffiliateProgram, make_program: MakeProgram) -> None:
    layer = AffiliateAttribution(shop, make_program(legacy_path="/aftrack.asp"))
    response = TestApp(DispatcherMiddleware(shop, {"/shop": layer})).get("/shop/aftrack.asp?ID=17&Req=p.asp")

    assert response.headers["Location"].endswith("/shop/p.asp")

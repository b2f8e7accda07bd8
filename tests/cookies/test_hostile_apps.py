"""Apps that mean ill: each tries a way round the guard that PEP 3333, a server or a browser leaves open."""

from __future__ import annotations

import zlib

import pytest
from guarded import FRAMED, HARDENED, SESSION, SITE, App, ask, cookies, leaving
from werkzeug.test import create_environ, run_wsgi_app

from cactuprivacy import Cookie, CookieGuard, DeclarationError, Site

HINT = b'<p>Hello</p><link rel="preconnect" href="https://evil.example">'
INERT = HINT.replace(b"href", b"xref")
PAGE = [("Content-Type", "text/html")]


class TwoFaced(str):
    """A text that calls itself one thing and is another."""

    __slots__ = ()

    def lower(self):
        return "x-fine"

    def __str__(self):
        return "X-Fine"


def starting(app, sent, **environ):
    """Return the body of *app* behind a guard; what it starts goes to *sent*, as the server gets it."""
    guard = CookieGuard(app, SITE, cookies=[SESSION])
    asked = create_environ("/", SITE) | environ
    return guard(asked, lambda status, headers, exc_info=None: sent.append((status, headers)) or sent.append)


def body(*chunks, headers=(), status="200 OK", **environ):
    def app(environ, start_response):
        start_response(status, [*PAGE, *headers])
        return list(chunks)

    return b"".join(starting(app, [], **environ))


@pytest.mark.parametrize("status", ["103 Early Hints", "100 Continue", "0103 x", " 199 x"])
def test_O1_no_answer_ends_in_an_interim_one(status):
    """After such a head browsers take the body for the final one: with a Set-Cookie that nobody has judged."""
    app = App(status=status)
    guard = CookieGuard(app, SITE)

    assert "500 Internal Server Error" == ask(guard)[1]
    assert {("O1", "out"): 1} == guard.refused
    assert status == ask(CookieGuard(app, SITE, mode="report"))[1]


def test_O1_headers_of_bytes_are_judged():
    sent = []
    starting(lambda _, start: start("200 OK", [(b"X-A", b"1"), (b"Set-Cookie", b"_ga=1")]) and [], sent)

    assert [("X-A", "1")] == [header for header in sent[0][1] if header[0] in ("X-A", "Set-Cookie")]


def test_O1_a_name_that_answers_for_another_is_read_as_it_is_sent():
    sent = []
    starting(lambda _, start: start("200 OK", [(TwoFaced("Set-Cookie"), TwoFaced("_ga=1"))]) and [], sent)

    assert not [name for name, _ in sent[0][1] if "cookie" in name.lower()]
    assert {str} == {type(text) for header in sent[0][1] for text in header}


def test_O1_a_header_cannot_be_changed_after_it_was_judged():
    sent, header = [], ["X-Fine", "1"]
    starting(lambda _, start: start("200 OK", [header]) and [], sent)
    header[:] = ["Set-Cookie", "_ga=1"]

    assert ("X-Fine", "1") in sent[0][1]


@pytest.mark.parametrize("odd", [("X-A", 1), ("X-A",), 5, ("X-A", "1", "2"), (b"X-A", None)])
def test_O1_beside_headers_that_are_none_no_cookie_leaves(odd):
    sent = []
    starting(lambda _, start: start("200 OK\r\nSet-Cookie: _ga=1", [odd, *cookies("_ga=1")]) and [], sent)

    assert "200 OK" == sent[0][0]
    assert "_ga" not in str(sent)


@pytest.mark.parametrize(
    "change",
    [
        {"HTTP_SEC_FETCH_SITE": "same-origin"},
        {"HTTP_SEC_FETCH_DEST": "document"},
        {"cactuprivacy.fetch": None},
    ],
)
def test_O19_the_context_is_that_of_the_request_and_not_what_the_app_makes_of_it(change):
    def app(environ, start_response):
        environ.update(change)
        start_response("200 OK", cookies("session=1"))
        return [b""]

    assert [] == leaving(CookieGuard(app, SITE, cookies=[SESSION]), FRAMED)
    assert [HARDENED] == leaving(CookieGuard(app, SITE, cookies=[SESSION]))


@pytest.mark.parametrize(
    "options", [{"exempt": ["/map"]}, {"allow_hosts": {"/map": {"image": ["t.example"]}}}]
)
def test_the_rules_of_a_path_are_those_of_the_path_that_was_asked_for(options):
    def app(environ, start_response):
        environ["PATH_INFO"] = "/map"
        start_response("200 OK", PAGE)
        return [b""]

    plain = ask(CookieGuard(app, SITE))[2].get("Content-Security-Policy")
    assert plain == ask(CookieGuard(app, SITE, **options))[2].get("Content-Security-Policy")


@pytest.mark.parametrize("path", ["/map/../x", "/map/..", "/map/./../x", "//map", "/MAP", "/mapx"])
def test_an_exempt_path_is_reached_by_its_own_name_alone(path):
    environ = create_environ("/", SITE) | {"PATH_INFO": path}
    headers = run_wsgi_app(CookieGuard(App(*PAGE), SITE, exempt=["/map"]), environ)[2]

    assert "Content-Security-Policy" in headers


def test_a_start_that_the_server_refuses_leaves_the_page_its_filter():
    def app(environ, start_response):
        start_response("200 OK", PAGE)
        yield HINT[:1]
        with pytest.raises(AssertionError):
            start_response("200 OK", [("Content-Type", "text/plain")])
        yield HINT[1:]

    def once(status, headers, exc_info=None):
        assert not started
        started.append(status)
        return started.append

    started = []
    assert INERT == b"".join(CookieGuard(app, SITE)(create_environ("/", SITE), once))


def test_a_wrapper_of_the_apps_own_is_not_taken_for_the_servers():
    class Late:
        def __init__(self, start):
            self.start = start

        def __iter__(self):
            self.start("200 OK", PAGE)
            yield HINT

    def app(environ, start_response):
        environ |= {"wsgi.file_wrapper": Late, "HTTP_UPGRADE": "x"}
        return Late(start_response)

    assert INERT == b"".join(starting(app, []))


@pytest.mark.parametrize("coding", ["bogus", "utf-8", "gzip, bogus", "none", "identity, identity"])
def test_H9_a_coding_that_browsers_do_not_know_hides_nothing(coding):
    """They show such a page as it is."""
    given = [("Content-Encoding", coding)]

    assert INERT == body(HINT, headers=given)
    assert "Content-Encoding" not in ask(CookieGuard(App(*PAGE, *given), SITE))[2]


def test_H9_a_coding_that_nobody_asked_for_is_not_named_to_the_browser():
    headers = ask(CookieGuard(App(*PAGE, ("Content-Encoding", "deflate")), SITE))[2]

    assert "Content-Encoding" not in headers
    assert zlib.compress(HINT).replace(b"\0", b" ") == body(
        zlib.compress(HINT), headers=[("Content-Encoding", "deflate")]
    )


def test_a_prefetched_page_is_asked_for_in_a_coding_that_can_be_read():
    app = App()
    ask(CookieGuard(app, SITE), {"Accept-Encoding": "br, gzip", "Sec-Fetch-Dest": "empty"})

    assert "gzip" == app.environ["HTTP_ACCEPT_ENCODING"]


@pytest.mark.parametrize("kind", ["x-mixed-replace", "mixed", "byteranges"])
def test_O1_the_parts_of_an_answer_set_no_cookie(kind):
    """Firefox heeds the Set-Cookie of a part."""
    part = b"--b\r\nContent-Type: image/jpeg\r\nSet-Cookie: _ga=1\r\nSet-cookie : a=1\r\n\r\n\xff\xd8\0\x1b\0"
    given = [("Content-Type", f"multipart/{kind}; boundary=b")]

    def app(environ, start_response):
        start_response("200 OK", given)
        return iter([part[at : at + 3] for at in range(0, len(part), 3)])

    left = part.replace(b"Set-Cookie", b"xet-Cookie").replace(b"Set-cookie", b"xet-cookie")
    assert left == b"".join(starting(app, []))


def test_a_page_whose_filter_fails_ends_there(caplog, monkeypatch):
    monkeypatch.setattr("cactuprivacy.cookies.page.Tags.judge", lambda *_: {}["a defect"])

    assert b"" == body(HINT, HINT)
    assert "CookieGuard.filter raised KeyError" in caplog.text


@pytest.mark.parametrize(
    ("declare", "option"),
    [
        (Site, {"origin": 5}),
        *((Cookie, {"name": "a", "purpose": "x"} | {option: 5}) for option in ("name", "purpose", "path", "domain")),
        *((CookieGuard, {"app": App(), "site": SITE} | given) for given in (
            {"allow_hosts": {"image": [5]}}, {"allow_hosts": {"image": 5}}, {"exempt": [5]}, {"exempt": 5}
        )),
    ],
)  # fmt: skip
def test_what_is_no_text_is_refused_in_a_sentence(declare, option):
    with pytest.raises(DeclarationError, match="5"):
        declare(**option)

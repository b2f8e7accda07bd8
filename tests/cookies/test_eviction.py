"""A stray cookie is gone from a browser, wherever it lay, after a few pages; and nothing else ever is."""

from __future__ import annotations

import itertools

import pytest
import time_machine
from browserjar import Jar
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, create_environ, run_wsgi_app

from cactuprivacy import Cookie, CookieGuard, Site
from cactuprivacy.cookies.eviction import MAX_LINES, MAX_PATHS, Eviction, path_of, paths
from cactuprivacy.cookies.rules import Rules
from cactuprivacy.cookies.verdict import Verdict

HOST = "www.shop.example"
SITE = Site(f"https://{HOST}")
SESSION = Cookie("session", purpose="keeps your basket")
FRAMED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}


def page(*headers, status="200 OK"):
    def app(environ, start_response):
        start_response(status, [("Content-Type", "text/plain"), *headers])
        return [b"page"]

    return app


def answer(guard, cookie, path="/", headers=None, **options):
    environ = create_environ(path, SITE.origin, headers={"Cookie": cookie, **(headers or {})}, **options)
    return run_wsgi_app(guard, environ)[2]


def evicted(guard, cookie="_ga=1", path="/", headers=None, **options):
    return answer(guard, cookie, path, headers, **options).getlist("Set-Cookie")


def guard(*headers, status="200 OK", **options):
    return CookieGuard(page(*headers, status=status), SITE, cookies=[SESSION], **{"evict": True, **options})


DOMAINS = [None, "www.shop.example", "shop.example"]
SCOPES = list(itertools.product(DOMAINS, [None, "/", "/basket", "/basket/", "/basket/edit"], [False, True]))


@pytest.mark.parametrize("name", ["_ga", "__Secure-ads", "__Http-ads"])
@pytest.mark.parametrize(
    "domain, path, partitioned",
    [*SCOPES],
)
def test_a_stray_cookie_is_gone_from_each_scope_after_a_few_pages(name, domain, path, partitioned):
    jar = Jar()
    line = f"{name}=1; Secure; HttpOnly" + (f"; Domain={domain}" if domain else "")
    line += (f"; Path={path}" if path else "") + ("; Partitioned" if partitioned else "")
    assert jar.store(line, HOST, "/basket/edit")
    jar.store("session=1; Path=/; Secure", HOST)

    with time_machine.travel(0, tick=False) as clock:
        for _ in range(8):
            for sent in evicted(guard(), jar.header(HOST, "/basket/edit"), "/basket/edit"):
                assert jar.store(sent, HOST)
            clock.shift(1)

    assert [("session", HOST, True, "/", False)] == list(jar.cookies)


def test_all_scopes_of_several_names_at_once_are_emptied_in_time():
    jar = Jar()
    for name, (domain, path, partitioned) in itertools.product(["_ga", "_fbp", "_gcl_au"], SCOPES):
        line = f"{name}=1; Secure; Path={path or '/'}" + (f"; Domain={domain}" if domain else "")
        jar.store(line + ("; Partitioned" if partitioned else ""), HOST)

    with time_machine.travel(0, tick=False) as clock:
        for _ in range(20):
            for sent in evicted(guard(), jar.header(HOST, "/basket/edit"), "/basket/edit"):
                jar.store(sent, HOST)
            clock.shift(1)

    assert {} == jar.cookies


def test_what_tags_usually_set_is_gone_after_one_page():
    jar = Jar()
    jar.store("_ga=1; Domain=shop.example; Path=/; Secure", HOST)
    jar.store("_fbp=1; Path=/", HOST)
    for sent in evicted(guard(), jar.header(HOST, "/basket/edit"), "/basket/edit"):
        jar.store(sent, HOST)

    assert {} == jar.cookies


def test_a_host_prefixed_stray_is_expired_in_its_only_scopes():
    lines = evicted(guard(), "__Host-ads=1", "/basket/edit")

    assert [False, True] == ["Partitioned" in line for line in lines]
    assert all("; Path=/; Secure" in line and "Domain" not in line for line in lines)


# When


@pytest.mark.parametrize(
    "cookie", ["session=1", "session=1; session=2", "Session=1", "a b=1", "=1", "$Version=1"]
)
def test_declared_and_malformed_names_are_never_evicted(cookie):
    assert [] == evicted(guard(), cookie)


def test_a_name_too_long_to_be_known_whole_is_not_evicted():
    declared = Cookie("n" * 64, purpose="p")
    wrapped = CookieGuard(page(), SITE, cookies=[declared], evict=True)

    assert [] == evicted(wrapped, "n" * 65 + "=1")


@pytest.mark.parametrize(
    "headers",
    [
        FRAMED,
        {"Origin": "https://ads.example"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    ],
)
def test_only_a_page_that_somebody_goes_to_evicts(headers):
    assert [] == evicted(guard(), headers=headers)


def test_a_form_that_is_sent_evicts_nothing():
    assert [] == evicted(guard(), method="POST")


@pytest.mark.parametrize("options", [{"mode": "report"}, {"undeclared": "allow"}, {"evict": False}])
def test_where_nothing_is_taken_out_nothing_is_evicted(options):
    assert [] == evicted(guard(**options))


def test_strict_evicts_as_enforce_does():
    assert evicted(guard()) == evicted(guard(mode="strict")) != []


def test_a_not_modified_answer_evicts_nothing():
    assert [] == evicted(guard(status="304 Not Modified"))


def test_an_answer_that_evicts_is_private():
    wrapped = guard(("Cache-Control", "public, max-age=60"))

    assert "private, max-age=60" == answer(wrapped, "_ga=1")["Cache-Control"]
    assert "public, max-age=60" == answer(wrapped, "session=1")["Cache-Control"]


def test_one_request_evicts_nothing_from_the_next():
    wrapped = guard()
    evicted(wrapped, "_ga=1")

    assert [] == evicted(wrapped, "session=1")


def test_the_apps_own_cookies_leave_beside():
    lines = evicted(guard(("Set-Cookie", "session=1")))

    assert "session=1; Path=/; Secure; HttpOnly; SameSite=Lax" == lines[0]
    assert len(lines) > 1


def test_an_app_that_sets_as_many_as_there_may_be_is_not_disturbed():
    declared = [Cookie(f"c{number}", purpose="p") for number in range(50)]
    sent = [("Set-Cookie", f"{cookie.name}=1") for cookie in declared]
    wrapped = CookieGuard(page(*sent), SITE, cookies=declared, evict=True)

    assert 50 == len(evicted(wrapped))


# What


names = st.text("abcXYZ_-.09", min_size=1, max_size=63)


@given(st.lists(names, max_size=30), st.text(max_size=600), st.integers(0, 10**10))
def test_lines_are_few_and_pass_the_guards_own_rules_unchanged(strays, path, turn):
    eviction = Eviction(SITE)
    found = eviction.strays([Verdict("in", name, "I9") for name in strays])
    path = path_of({"PATH_INFO": "/" + path.encode().decode("latin-1")})
    lines = eviction.lines(found, path, turn=turn)
    verdicts = Rules(SITE, [SESSION]).outgoing(lines)

    assert len(lines) <= MAX_LINES
    assert lines == [verdict.line for verdict in verdicts]
    assert lines == eviction.lines(found, path, turn=turn)


def test_every_turn_together_expires_every_scope_once():
    eviction = Eviction(SITE)
    turns = [eviction.lines(["_ga", "_fbp"], "/a/b/c", turn=turn) for turn in range(40)]
    every = {line for lines in turns for line in lines}

    assert len(every) == 2 * len(DOMAINS) * 2 * len(paths("/a/b/c"))


@pytest.mark.parametrize(
    "path, expected",
    [
        ("/", ["/"]),
        ("/a", ["/", "/a"]),
        ("/a/b", ["/", "/a", "/a/b", "/a/"]),
        ("/a/b/", ["/", "/a/b", "/a", "/a/b/", "/a/"]),
        ("/a,b/c", ["/"]),
        ("/" + "a" * 600, ["/"]),
    ],
)
def test_paths_are_those_that_match_the_request(path, expected):
    assert expected == paths(path)


def test_a_deep_path_is_bounded():
    assert MAX_PATHS == len(paths("/a" * 200))


@pytest.mark.parametrize(
    "environ, path",
    [
        ({"SCRIPT_NAME": "/shop", "PATH_INFO": "/caf\xc3\xa9"}, "/shop/caf%C3%A9"),
        ({"PATH_INFO": "/a b;c"}, "/a%20b%3Bc"),
        ({"PATH_INFO": "/a\r\nSet-Cookie: x=1"}, "/a%0D%0ASet-Cookie:%20x=1"),
        ({"PATH_INFO": "*"}, "/"),
        ({}, "/"),
    ],
)
def test_the_path_is_written_as_browsers_do(environ, path):
    assert path == path_of(environ)


@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]"])
def test_on_this_machine_there_is_one_domain_no_secure_and_no_partition(origin):
    eviction = Eviction(Site(origin))
    names = eviction.strays([Verdict("in", "_ga", "I9"), Verdict("in", "__Host-a", "I9")])

    assert ("_ga",) == names
    assert [
        "_ga=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; SameSite=Lax"
    ] == eviction.lines(names, "/", turn=0)


def test_a_prefix_in_another_spelling_is_left_alone():
    assert () == Eviction(SITE).strays([Verdict("in", "__HOST-a", "I9")])


def test_the_names_of_a_header_full_of_them_are_bounded():
    lines = evicted(guard(), "; ".join(f"n{number}=1" for number in range(170)))

    assert MAX_LINES == len(lines)


def test_nothing_is_evicted_unless_it_was_asked_for():
    guarded = CookieGuard(page(), SITE, cookies=[SESSION])
    response = Client(guarded, use_cookies=False).get("/", base_url=SITE.origin, headers={"Cookie": "_ga=1"})

    assert [] == response.headers.getlist("Set-Cookie")

"""The traps on real servers, over sockets: what a client gets through layers is what it gets without them."""

from __future__ import annotations

import os
import re
import threading

import pytest
from real_servers import COMMANDS, rest, running

HAS_FILE_WRAPPER = {"wsgiref", "waitress", "gunicorn sync", "gunicorn gthread"}
CLOSED = 2  # layers


@pytest.fixture(scope="module", params=list(COMMANDS))
def server(request, tmp_path_factory):
    with running(request.param, tmp_path_factory.mktemp("server") / "log") as server:
        yield server


def steady(answer):
    """Return the answer without what changes from one second to the next."""
    return re.sub(rb"\r\nDate: [^\r]*", b"", answer)


def is_closed(events):
    return sum(event.startswith("close") for event in events) >= CLOSED


def served(status):
    return ["open"] * 2 + [f"start {status}"] * 2 + [f"close {status}"] * 2


@pytest.mark.parametrize(
    "page, status",
    [
        ("one", 200),
        ("several", 200),
        ("empty", 200),
        ("generator", 200),
        ("written", 200),
        ("no-content", 204),
        ("not-modified", 304),
        ("nowhere", 404),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_byte_is_what_it_is_without_layers(server, page, status, method):
    bare, _ = server.ask(f"/bare/{page}", method=method)
    layered, number = server.ask(f"/layers/{page}", method=method)

    assert steady(bare) == steady(layered)
    assert layered.split(b" ")[1] == str(status).encode()
    assert served(status) == server.seen(number, is_closed)


def test_W12_content_length_is_kept_for_a_list_of_one(server):
    """Where the server computes it at all, it still can."""
    bare, _ = server.ask("/bare/one")
    layered, _ = server.ask("/layers/one")

    assert (b"Content-Length: 5" in bare) == (b"Content-Length: 5" in layered)
    assert (server.name in {"wsgiref", "waitress"}) <= (b"Content-Length: 5" in layered)


@pytest.mark.parametrize("query", ["&memory=1", "&path={path}"])
def test_W15_the_server_gets_its_own_file_back(server, tmp_path, query):
    path = tmp_path / "file"
    path.write_bytes(b"hello")

    answer, number = server.ask("/layers/file", query=query.format(path=path))

    assert answer.endswith(b"hello")
    events = server.seen(number, is_closed)
    assert (["file"] if server.name in HAS_FILE_WRAPPER else []) == [
        event for event in events if "file" in event
    ]
    assert served(200) == [event for event in events if "file" not in event]


def test_W18_the_first_chunk_is_there_before_the_second_is_made(server, tmp_path):
    """The app waits for the second on a pipe, whose other end is opened when the first has come."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    connection, number = server.send("/layers/stream", query=f"&pipe={pipe}")
    with connection:
        answer = b""
        try:
            while b"first\n" not in answer:
                received = connection.recv(65536)
                assert received, f"the connection ended after {answer!r}"
                answer += received
        finally:
            pipe.write_bytes(b"second\n")
        answer += rest(connection)

    assert b"second\n" in answer
    assert served(200) == server.seen(number, is_closed)


def test_W3_an_error_page_takes_the_responses_place(server):
    answer, number = server.ask("/layers/error-page")

    assert (answer.split(b" ")[1], b"sorry" in answer) == (b"500", True)
    expected = [event for event in ("open", "start 200", "start 500", "close 500") for _ in range(2)]
    assert expected == server.seen(number, is_closed)


def test_W36_an_error_before_the_response_is_the_servers_to_answer(server):
    bare, _ = server.ask("/bare/raises")
    layered, number = server.ask("/layers/raises")

    assert steady(bare) == steady(layered)
    assert server.seen(number, is_closed) == ["open", "open"] + ["close None", "early"] * 2


def test_W36_an_error_within_the_body_closes_once_and_is_told(server):
    _, number = server.ask("/layers/breaks")

    assert server.seen(number, lambda events: "early" in events[-1:])[4:] == ["close 200", "early"] * 2


def test_W46_close_comes_once_when_the_client_has_gone(server):
    connection, number = server.send("/layers/endless")
    with connection:
        connection.recv(1000)

    assert server.seen(number, is_closed)[4:] == ["close 200", "early"] * 2


def test_W22_early_hints_pass_by_the_layers(server):
    """gunicorn sends them past ``start_response``; the second one has nothing left to say."""
    answer, _ = server.ask("/layers/hints")

    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    assert (hint if server.name.startswith("gunicorn") else b"") == re.split(rb"HTTP/1\.[01] 200", answer)[0]
    assert b"_ga" not in answer


def test_W44_a_form_reaches_the_app_whole(server):
    answer, _ = server.ask("/layers/posted", method="POST", body=b"a=1&b=2")

    assert answer.endswith(b"a=1&b=2") or b"\r\na=1&b=2\r\n" in answer


def test_W35_a_header_spelt_with_underscores_may_be_taken_for_the_proxys(server):
    """Why the proxy in front of such a server has to drop them; the others do so themselves."""
    answer, _ = server.ask(
        "/layers/peer", headers=["X-Forwarded-For: 198.51.100.7", "X_Forwarded_For: 192.0.2.66"]
    )

    assert b"127.0.0.1" in answer
    assert (server.name in {"wsgiref", "cheroot"}) == (b"192.0.2.66" in answer)


def test_W39_threads_of_a_server_never_mix_two_requests(server):
    """Eight clients at once; each request's own journal holds exactly its own events."""
    journals = []

    def visit():
        for page, status in [("one", 200), ("no-content", 204), ("nowhere", 404), ("generator", 200)] * 3:
            _, number = server.ask(f"/layers/{page}")
            journals.append((served(status), server.seen(number, is_closed)))

    clients = [threading.Thread(target=visit) for _ in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(60)

    assert len(journals) == 8 * 12
    assert [journal for expected, journal in journals if expected != journal] == []

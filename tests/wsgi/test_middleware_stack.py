"""Traps W39 to W43 and W49 to W51: instances, threads, processes, and layers on layers."""

from __future__ import annotations

import contextvars
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from plain_server import Recorder, Reply, hello, request_environ, serve
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from cactuprivacy.declaration import DeclarationError
from cactuprivacy.wsgi import Middleware, layers

THREADS = 8
ROUNDS = 200

# Imports the room, wraps an app and serves a request, and prints what came of it beside the answer.
ALONE = """
import sys, os, atexit, logging, threading, concurrent.futures.thread
written = []
def audit(event, args):
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        written.append(args[0])
    elif event in ("socket.bind", "socket.connect", "subprocess.Popen", "os.fork", "os.mkdir"):
        written.append(event)
sys.addaudithook(audit)
callbacks = atexit._ncallbacks()
from cactuprivacy.wsgi import Middleware
class Layer(Middleware):
    def start(self, exchange): pass
    def close(self, exchange): pass
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"x"]
body = Layer(Layer(app))({}, lambda *started: None)
print(list(body), threading.active_count(), atexit._ncallbacks() - callbacks, written, os.listdir())
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What a process of its own, in an empty folder, says of itself after import, wrapping and a request."""
    result = subprocess.run(
        [sys.executable, "-B", "-c", ALONE],
        cwd=tmp_path_factory.mktemp("empty"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.stderr == ""
    return result.stdout.strip()


def test_W39_threads_never_see_each_others_exchange():
    """Eight threads through one instance: each hook of a request meets its own exchange, and no other."""
    mixed = []

    class Mirror(Middleware):
        def open(self, exchange):
            exchange.note = exchange.environ["PATH_INFO"]

        def start(self, exchange):
            exchange.add_header("X-Note", exchange.note)

        def close(self, exchange):
            if exchange.note != exchange.environ["PATH_INFO"] or exchange.header("X-App") != exchange.note:
                mixed.append(exchange.note)

    def app(environ, start_response):
        start_response("200 OK", [("X-App", environ["PATH_INFO"])])
        yield environ["PATH_INFO"].encode()

    application = Mirror(Mirror(app))
    before = dict(vars(application))
    ready = threading.Barrier(THREADS)

    def visit(thread):
        ready.wait(30)
        for number in range(ROUNDS):
            path = f"/{thread}/{number}"
            reply = serve(application, request_environ(path))
            if [path] * 3 != [value for _, value in reply.headers] or reply.body != path.encode():
                mixed.append(path)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(visit, range(THREADS)))

    assert mixed == []
    assert before == vars(application)


def test_W40_a_response_may_move_from_thread_to_thread(environ):
    """Nothing of ours hangs on a context: call, iteration and close each happen in another one."""
    events = []
    application = Recorder(hello, events)

    body = contextvars.Context().run(application, environ, Reply().start_response)
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(list, body).result(30) == [b"hello"]
    contextvars.Context().run(body.close)

    assert events == ["open", "start 200", "close 200"]


def test_W41_no_thread_is_started_by_import_or_construction(alone):
    assert alone.startswith("[b'x'] 1 ")


def test_W42_nothing_waits_for_the_end_of_the_process(alone):
    assert alone.startswith("[b'x'] 1 0 ")


def test_W43_import_and_construction_have_no_side_effect(alone):
    """The reloader runs the module twice: no file, no socket, no process comes of it."""
    assert alone == "[b'x'] 1 0 [] []"


class Once(Recorder):
    repeats = False


def test_W49_a_second_one_of_the_kind_stands_aside(environ):
    outer, inner = [], []
    serve(Once(Recorder(Once(hello, inner), []), outer), environ)

    assert (outer, inner) == (["open", "start 200", "close 200"], [])


def test_W49_layers_repeat_unless_they_say_otherwise(environ):
    outer, inner = [], []
    serve(Recorder(Recorder(hello, inner), outer), environ)

    assert ["open", "start 200", "close 200"] == outer == inner


def test_W49_the_same_environ_served_again_is_seen_again(environ):
    events = []
    application = Once(hello, events)
    serve(application, environ)
    serve(application, environ)

    assert events == ["open", "start 200", "close 200"] * 2


class Log(Middleware):
    place = 10


class Guard(Middleware):
    place = 20


class Anywhere(Middleware):
    pass


def test_W50_an_order_that_cannot_work_is_refused():
    with pytest.raises(DeclarationError) as refused:
        Guard(Log(hello))

    assert str(refused.value) == (
        "Guard cannot stand outside Log, which would not see what it does; "
        "wrap the other way round: Log(Guard(app, …), …)."
    )


class Foreign:
    """A middleware of somebody else, such as WhiteNoise, which calls what it wraps by another name."""

    def __init__(self, app):
        self.app = "a label"
        self.application = app

    def __call__(self, environ, start_response):
        return self.application(environ, start_response)


@pytest.mark.parametrize(
    "between",
    [
        Anywhere,
        Foreign,
        lambda app: ProxyFix(app, x_for=1),
        lambda app: DispatcherMiddleware(app, {}),
    ],
    ids=["ours", "foreign", "ProxyFix", "Dispatcher"],
)
def test_W50_a_wrong_order_shows_through_what_stands_between(between):
    with pytest.raises(DeclarationError):
        Guard(between(Log(hello)))

    assert [Log, Guard] == [type(layer) for layer in layers(Log(between(Guard(hello)))) if layer.place]


def test_W50_a_layer_without_a_place_fits_anywhere(environ):
    application = Anywhere(Log(Anywhere(Guard(Guard(Anywhere(hello))))))

    assert serve(application, environ).status == "200 OK"


def test_W50_a_ring_of_wrappers_has_an_end():
    ring = Foreign(hello)
    ring.application = ring

    assert ring is Guard(ring).app


def test_W51_two_instances_in_one_process_share_nothing(environ):
    """mod_wsgi runs several sites in one process; bodies of C types take no attribute."""
    first, second = [], []
    one, two = Recorder(hello, first), Recorder(hello, second)
    body = one(dict(environ), Reply().start_response)
    serve(two, dict(environ))

    assert (first, second) == (["open", "start 200"], ["open", "start 200", "close 200"])
    body.close()
    assert ["open", "start 200", "close 200"] == first == second


@pytest.mark.parametrize("app", [None, "https://shop.example"])
def test_what_is_no_app_is_refused_when_wrapped(app):
    with pytest.raises(DeclarationError, match="put the app first"):
        Middleware(app)

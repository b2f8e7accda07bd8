"""I1 on real servers: however they join repeated Cookie lines, the app sees what was declared, or safely less."""

from __future__ import annotations

import json
import re
import selectors
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
from contextlib import contextmanager
from pathlib import Path

import cookieserved
import pytest
from werkzeug.http import parse_cookie

import cactuprivacy

FOLDER = Path(cookieserved.__file__).parent
PYTHON = [sys.executable, "-u"]
PATIENCE = 20  # seconds, after which a server is taken to be stuck
UWSGI = next(filter(None, map(shutil.which, ("uwsgi", "pyuwsgi"))), None)
ADDRESS = re.compile(r"(?:http://|TCP address )127\.0\.0\.1:(\d+)|http://unix:(\S+)")
READY = {"uwsgi": "spawned uWSGI worker", "granian": "Started worker"}  # for the others it is the address

#: How each shows the lines "session=1" and "basket=2".
JOINED = {
    "wsgiref": "session=1,basket=2",
    "werkzeug": "session=1,basket=2",
    "gunicorn": "session=1,basket=2",
    "waitress": "session=1, basket=2",
    "uwsgi": "session=1, basket=2",
    "granian": "session=1;basket=2",
    "cheroot": "basket=2",  # it loses the first
}


def command(name, folder):
    if name == "uwsgi":
        site = sysconfig.get_path("purelib")
        # The program may bring a Python of its own, that of pyuwsgi does: it is shown the way to our packages.
        ways = [f"--pythonpath={way}" for way in (".", Path(cactuprivacy.__file__).parents[1], site)]
        options = ["--master", "--die-on-term", "--need-app", "--module", "cookieserved"]
        return [UWSGI, "--http-socket", "127.0.0.1:0", *ways, *options]
    served = "cookieserved:application"
    return {
        "gunicorn": [*PYTHON, "-m", "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0", served],
        "granian": [*PYTHON, "-m", "granian", "--interface", "wsgi", "--uds", str(folder / "socket"), served],
    }.get(name, [*PYTHON, str(FOLDER / "cookieserved.py"), name])


def connected(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    connection = socket.socket(family)
    connection.settimeout(PATIENCE)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def reachable(address):
    """Tell whether the server listens: granian says that it does a moment before."""
    try:
        connected(address).close()
    except ConnectionRefusedError:
        return False
    return True


@contextmanager
def running(name, folder):
    """Run a server; yield its address."""
    process = subprocess.Popen(
        command(name, folder), cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    alarm = threading.Timer(PATIENCE, process.kill)
    alarm.start()
    reader = None
    try:
        told = address = ""
        for line in process.stdout:
            told += line
            found = ADDRESS.search(line)
            address = address or (found and (found[2] or ("127.0.0.1", int(found[1]))))
            if address and READY.get(name, "") in line:
                break
        else:
            pytest.fail(f"{name} did not start:\n{told}")
        reader = threading.Thread(target=process.stdout.read)  # lest the server wait for who reads
        reader.start()
        while not reachable(address) and process.poll() is None:
            selectors.DefaultSelector().select(0.02)
        alarm.cancel()
        yield address
    finally:
        alarm.cancel()
        process.terminate()
        process.wait(PATIENCE)
        if reader is not None:
            reader.join(PATIENCE)
        process.stdout.close()


@pytest.fixture(scope="module", params=JOINED)
def server(request, tmp_path_factory):
    if request.param == "uwsgi" and UWSGI is None:
        pytest.skip("uWSGI is not installed, so that how it joins lines is only written down here")
    with running(request.param, tmp_path_factory.mktemp("s")) as address:
        yield request.param, address


def ask(address, *lines, path="/"):
    """Send a request with these Cookie lines; return the header that the app sees."""
    cookies = "".join(f"Cookie: {line}\r\n" for line in lines)
    with connected(address) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n{cookies}\r\n"
        connection.sendall(request.encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def test_I1_how_each_server_joins_two_lines(server):
    name, address = server

    assert JOINED[name] == ask(address, "session=1", "basket=2", path="/bare")


def test_I1_declared_cookies_of_every_line_reach_the_app(server):
    name, address = server
    seen = ask(address, "_ga=GA1.2; session=1", "other=x", "_fbp=fb.1; basket=2; more=y")

    assert ("basket=2" if name == "cheroot" else "session=1; basket=2") == seen


def test_I1_one_line_in_two_is_one_cookie(server):
    assert "session=1" == ask(server[1], "session=1", "session=1")


def test_I1_of_two_values_in_two_lines_neither_is_trusted(server):
    name, address = server

    assert ("session=2" if name == "cheroot" else None) == ask(address, "session=1", "session=2")


@pytest.mark.parametrize(
    "lines, most",
    [
        pytest.param(["session=1", "__Host-sid=2"], {"session": "1", "__Host-sid": "2"}, id="prefix"),
        pytest.param(["session=1,__Host-sid=evil"], {"session": "1"}, id="a join that was none"),
        pytest.param(["session=1", "__HOST-sid=evil", "Session=evil"], {"session": "1"}, id="twins"),
        pytest.param(['session="a', 'basket=b"'], {}, id="quotes across lines"),
        pytest.param(['session="a; _ga=1', '__Host-sid=evil"; basket=2'], {"basket": "2"}, id="both"),
        pytest.param(["session=a,b", "basket=2"], {"basket": "2"}, id="a comma of its own"),
        pytest.param(["session=1,", ",basket=2"], {"session": "1", "basket": "2"}, id="commas at the edge"),
        pytest.param(["session=1;", ";basket=2"], {"session": "1", "basket": "2"}, id="semicolons there"),
        pytest.param(["session", "=evil", "basket=2"], {"basket": "2"}, id="a pair in two"),
        pytest.param(["basket=2; \xa0session=evil"], {"basket": "2"}, id="a blank that is none"),
        pytest.param(["", "session=1", ""], {"session": "1"}, id="empty lines"),
        pytest.param([f"a{n}=1" for n in range(40)] + ["session=1"], {"session": "1"}, id="many lines"),
    ],
)
def test_I1_no_way_of_joining_makes_a_wrong_cookie(server, lines, most):
    seen = dict(parse_cookie(ask(server[1], *lines) or ""))

    assert seen.items() <= most.items()


def test_I2_wsgiref_itself_trims_more_than_blanks_from_a_lines_edges(server):
    """No layer can tell it afterwards; the servers that one uses in production do not."""
    name, address = server

    assert ("session=evil" if name == "wsgiref" else None) == ask(address, "\xa0session=evil")

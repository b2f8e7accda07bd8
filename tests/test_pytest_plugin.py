"""The pytest plugin, in a run of pytest of its own: silent until asked, then behind every response."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = "pytester"

TESTS = """
import pytest
from flask import Flask
from webtest import TestApp
from werkzeug.test import Client

app = Flask(__name__)

@app.get("/")
def index():
    return "<img src=https://cdn.example/a.png>"

@app.get("/leave")
def leave():
    return "", 302, {"Location": "/"}

@pytest.mark.parametrize("get", [app.test_client().get, Client(app).get, TestApp(app).get])
def test_page(get):
    assert "img" in get("/").text

def test_redirected():
    app.test_client().get("/leave", follow_redirects=True)
"""


@pytest.fixture
def run(pytester):
    pytester.makepyfile(TESTS)

    def run(ini=""):
        pytester.makeini(f"[pytest]\n{ini}")
        return pytester.runpytest_subprocess("-p", "cactuprivacy.pytest_plugin", "-p", "no:cacheprovider")

    return run


def test_it_does_nothing_until_it_is_asked(run):
    run().assert_outcomes(passed=4)


def test_it_fails_each_test_whose_response_brings_a_third_party(run):
    result = run("cactuprivacy_site = https://shop.example")

    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(["*img src: https://cdn.example/a.png*"])


def test_it_lets_allowed_hosts_pass(run):
    run(
        "cactuprivacy_site = https://shop.example\ncactuprivacy_allow_hosts =\n    cdn.example"
    ).assert_outcomes(passed=4)


def test_a_site_that_is_none_is_a_usage_error(run):
    result = run("cactuprivacy_site = http://shop.example")

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    result.stderr.fnmatch_lines(["*cactuprivacy_site: *uses http*"])


DJANGO = """
import django
import pytest
from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
django.setup()
from django.test import Client, SimpleTestCase

urlpatterns = [
    path("", lambda request: HttpResponse("<img src=https://cdn.example/a.png>")),
    path("plain", lambda request: HttpResponse("plain")),
    path("leave", lambda request: HttpResponseRedirect("/")),
]

def test_page():
    assert Client().get("/").status_code == 200

def test_redirected():
    Client().get("/leave", follow=True)

class PageTest(SimpleTestCase):
    def test_page(self):
        assert self.client.get("/").status_code == 200

    def test_plain(self):
        assert self.client.get("/plain").content == b"plain"
"""


def test_it_asks_djangos_client_too(pytester):
    pytester.makepyfile(DJANGO)
    pytester.makeini("[pytest]\ncactuprivacy_site = https://shop.example")
    options = ("-p", "cactuprivacy.pytest_plugin", "-p", "no:cacheprovider")
    result = pytester.runpytest_subprocess(*options)

    result.assert_outcomes(failed=3, passed=1)
    result.stdout.fnmatch_lines(["*img src: https://cdn.example/a.png*"])


def test_a_client_that_is_not_installed_is_passed_over(pytester):
    pytester.makepyfile(
        **dict.fromkeys(("django", "webtest"), "raise ImportError"),
        test_page="""
            from werkzeug.test import Client
            def app(environ, start_response):
                start_response("200 OK", [("Refresh", "0; url=https://cdn.example/")])
                return []
            def test_page():
                Client(app).get("/")
        """,
    )
    pytester.makeini("[pytest]\ncactuprivacy_site = https://shop.example\npythonpath = .")
    result = pytester.runpytest_subprocess("-p", "cactuprivacy.pytest_plugin", "-p", "no:cacheprovider")

    result.assert_outcomes(failed=1)


def test_it_needs_neither_pytest_nor_a_client_to_be_imported():
    code = (
        "import sys, cactuprivacy.pytest_plugin; "
        "print({'pytest', 'werkzeug', 'webtest', 'django'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "set()" == run.stdout.strip()

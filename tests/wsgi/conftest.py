"""What the tests of the protocol share: a plain server (``parts/plain_server.py``) and environs for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "parts"))

from plain_server import request_environ


@pytest.fixture(params=["", "/shop"], ids=["at the root", "under a prefix"])
def make_environ(request):
    """Makes environs of requests to an app at the root, and then of the same app mounted under a prefix."""

    def make(path="/", **more):
        return request_environ(path, mount=request.param, **more)

    return make


@pytest.fixture
def environ(make_environ):
    return make_environ()

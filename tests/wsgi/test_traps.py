"""The traps of the protocol, W1 to W51: each is a test of its name."""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path

from plain_server import hello, serve

from cactuprivacy.wsgi import Middleware


def test_each_trap_has_its_test():
    files = Path(__file__).parent.glob("test_*.py")
    names = [
        name for file in files for name in re.findall(r"^def test_W(\d+)_", file.read_text(), re.MULTILINE)
    ]

    assert set(range(1, 52)) == {int(name) for name in names}


def test_the_docstrings_layer_is_one(environ):
    """A stranger who copies the example from the class has a working layer."""
    example = inspect.getdoc(Middleware).partition("::\n\n")[2].partition("For a request")[0]
    code = textwrap.dedent(example)
    names = {"Middleware": Middleware, "application": hello}
    exec(compile(code, "docstring", "exec"), names)

    assert dict(serve(names["application"], environ).headers)["X-Robots-Tag"] == "noarchive"

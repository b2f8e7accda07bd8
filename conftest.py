"""The code blocks of README and docs run as tests: each page in a folder of its own, from top to bottom.

A ``python`` block is executed; when its first line is a comment that names a file (``# shop.py``), it is
written there and imported, so that later blocks of both kinds can use it. A ``console`` block runs under bash, which
stops at the first command that fails. What stands in ``text`` and ``toml`` blocks is for reading alone.
"""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

if TYPE_CHECKING:
    from sybil.example import Example

ROOT = Path(__file__).resolve().parent
FILE = re.compile(r"# (\w+)\.py\n")


def run_python(example: Example) -> str | None:
    """Execute a block in the page's namespace, and write it to the file that it names."""
    namespace = example.namespace
    source = str(example.parsed)
    try:
        named = FILE.match(source)
        if named:
            Path(named.group(0).strip("# \n")).write_text(source)
            namespace.update(vars(importlib.import_module(named.group(1))))
        else:
            # So that a traceback names the page's line.
            padding = "\n" * (example.line + example.parsed.line_offset)
            exec(compile(padding + source, example.path, "exec"), namespace)
    except Exception:  # told as text: sybil's report stumbles over an exception that has a cause
        return traceback.format_exc()
    return None


def run_console(example: Example) -> str | None:
    """Run the commands of a block, with this environment's programs first."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    script = textwrap.dedent(re.sub(r"(?m)^\$ ", "", str(example.parsed)))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    return f"{script}\n{done.stdout}\n{done.stderr}" if done.returncode else None


def set_up(namespace: dict[str, Any]) -> None:
    """Give a page its folder, and the names that its blocks take for granted."""
    namespace["_before"] = Path.cwd()
    namespace["_folder"] = tempfile.TemporaryDirectory()
    os.chdir(namespace["_folder"].name)
    sys.path.insert(0, namespace["_folder"].name)
    sys.modules.pop("shop", None)  # the example shop, or the page before
    os.environ["PRIVACY_KEY"] = "n3w-Kz8Wq3Np7Vb1Tc6Xm5Rj2Hs9Gd4LfYe"
    namespace.update(
        __name__="page",
        NEW_KEY=os.environ["PRIVACY_KEY"],
        OLD_KEY="0ld-Tz7Wq3Np8Vb1Kc6Xm5Rj2Hs9Gd4LfYe",
        place_order=lambda form: SimpleNamespace(id="1001"),
    )


def tear_down(namespace: dict[str, Any]) -> None:
    """Leave the page's folder."""
    os.chdir(namespace["_before"])
    sys.path.remove(namespace["_folder"].name)
    sys.modules.pop("shop", None)
    for value in namespace.values():
        if isinstance(value, type) or not type(value).__module__.startswith("cactuprivacy."):
            continue
        if type(value).__name__ == "Privacy":
            value.close()
        elif hasattr(value, "store"):
            value.store.dispose()
    namespace["_folder"].cleanup()


pytest_collect_file = Sybil(
    parsers=[CodeBlockParser("python", run_python), CodeBlockParser("console", run_console)],
    patterns=["README.md", "docs/**/*.md", "*.md"],
    excludes=["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/_build/*"],
    setup=set_up,
    teardown=tear_down,
).pytest()

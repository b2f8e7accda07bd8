"""The house seen from outside: its front door, its rooms' name plates, its picture."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import cactuprivacy

PACKAGE = Path(cactuprivacy.__file__).parent
ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "versions" not in path.parts)


def test_the_installed_wheel_is_what_is_tested() -> None:
    assert PACKAGE.parent != ROOT


def test_the_wheel_brings_templates_migrations_and_the_type_marker() -> None:
    assert (PACKAGE / "py.typed").is_file()
    assert list(PACKAGE.glob("store/migrations/versions/*.py"))
    assert {path.parent.parent.name for path in PACKAGE.rglob("templates/*.html")} >= {
        "wsgi",
        "optin",
        "policy",
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_reader_knows_the_room_from_the_first_ten_lines(path: Path) -> None:
    first = path.read_text().splitlines()[:10]

    assert any(line.startswith("Room: ") for line in first)


@pytest.mark.parametrize("name", cactuprivacy.__all__)
def test_each_public_name_is_there_and_has_a_docstring(name: str) -> None:
    assert (getattr(cactuprivacy, name).__doc__ or "").strip()


def test_type_checkers_see_the_same_public_names_as_programs() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    imported = {
        alias.asname for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    } - {None}

    assert imported == set(cactuprivacy.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        cactuprivacy.Nothing  # noqa: B018  # looking is the test


def test_every_module_can_be_imported_by_itself() -> None:
    for module in pkgutil.walk_packages([str(PACKAGE)], "cactuprivacy."):
        if "migrations" not in module.name:
            importlib.import_module(module.name)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("cactuprivacy", ("sqlalchemy", "werkzeug", "jinja2", "cryptography")),
        ("cactuprivacy.cookies", ("sqlalchemy", "jinja2", "cryptography", "alembic")),
        ("cactuprivacy.wsgi", ("sqlalchemy", "werkzeug", "jinja2", "cryptography")),
        ("cactuprivacy.privacy", ("flask",)),
    ],
)
def test_importing_a_room_does_not_bring_what_it_does_not_need(module: str, heavy: tuple[str, ...]) -> None:
    script = f"import sys, {module}; print(*[name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == ""


def test_importing_has_no_side_effect() -> None:
    script = "import threading, cactuprivacy.privacy; print(threading.active_count())"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "1"

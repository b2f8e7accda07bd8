"""The command: it finds the declaration, and every command and option has help."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner, Result

from cactuprivacy.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., Result]

SITE = """
from cactuprivacy import Cookie, MailingList, Privacy

privacy = Privacy(
    "https://shop.example",
    operator="Cactusoft Ltd",
    contact="privacy@shop.example",
    secret_keys=["k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"],
    database="sqlite:///privacy.db",
    cookies=[Cookie("session", purpose="keeps your basket")],
    mailing_lists=[MailingList("news", title="Cactus news", sender="news@shop.example")],
    mail="smtp://localhost:25",
)
other = "text"
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "cli_shop.py").write_text(SITE)

    def run(*words: str, app: str = "cli_shop:privacy") -> Result:
        return CliRunner().invoke(main, ["--app", app, *words])

    yield run
    module = sys.modules.pop("cli_shop", None)
    if module is not None:
        module.privacy.close()


def commands(group: click.Group = main, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}".strip(), command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


@pytest.mark.parametrize("command", [pytest.param(command, id=name) for name, command in commands()])
def test_every_command_and_option_has_help(command: click.Command) -> None:
    assert (command.help or "").strip()
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{option.name} is missing its help"


def test_the_database_is_brought_up_and_told_about(run: Run) -> None:
    before, upgraded, after = run("db", "status"), run("db", "upgrade"), run("db", "status")

    assert before.exit_code == 1
    assert "at revision none" in before.output
    assert upgraded.exit_code == 0
    assert after.exit_code == 0


def test_the_policy_is_shown_for_people_and_for_programs(run: Run) -> None:
    assert "keeps your basket" in run("policy", "show").output
    assert run("policy", "show", "--json").output.startswith('{"affiliates":null,"allow_hosts":[],')


def test_a_person_nobody_knows_is_found_nowhere(run: Run) -> None:
    assert run("subject", "find", "ada@a.example").output == "mailing lists: 0\n"
    assert run("subject", "export", "ada@a.example").output.strip() == "{}"
    assert run("subject", "erase", "--yes", "ada@a.example").output == "mailing lists: 0 erased, 0 left\n"


def test_what_was_not_declared_is_one_sentence_without_a_traceback(run: Run) -> None:
    result = run("affiliates", "statement", "blog")

    assert result.exit_code == 1
    assert (
        result.output
        == "Error: No affiliate programme was declared; give Privacy affiliates=Affiliates(…).\n"
    )


@pytest.mark.parametrize(
    ("app", "sentence"),
    [
        ("nowhere:privacy", "There is no module 'nowhere' here"),
        ("cli_shop:nothing", "names nothing, not a Privacy object"),
        ("cli_shop:other", "names a str, not a Privacy object"),
    ],
)
def test_an_app_that_is_none_is_told_plainly(run: Run, app: str, sentence: str) -> None:
    result = run("db", "status", app=app)

    assert result.exit_code == 2
    assert sentence in result.output

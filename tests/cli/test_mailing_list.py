"""``cactuprivacy list``."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from mail_catcher import MailCatcher
from werkzeug.test import Client

from cactuprivacy import KeyRing, MailingList, OptIn, Store
from cactuprivacy.cli.mailing_list import mailing_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[..., Result]


@pytest.fixture
def catcher() -> Iterator[MailCatcher]:
    with MailCatcher() as catcher:
        yield catcher


@pytest.fixture
def lists(sqlite_store: Store, catcher: MailCatcher) -> OptIn:
    """A list with one confirmed reader."""
    lists = OptIn(
        [MailingList("news", title="Cactus news", sender="news@shop.example")],
        site="https://shop.example",
        keys=KeyRing(["k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"]),
        store=sqlite_store,
        mail=catcher.url,
        background=False,
    )
    client = Client(lists)
    client.post("/news", data={"email": "jo@example.org"})
    lists.deliver_due()
    found = re.search(rb"shop\.example/list(/c/[\w-]+)", catcher.messages[0].data.replace(b"=\r\n", b""))
    assert found is not None
    link = found[1].decode()
    stamp = re.search(r'name="stamp" value="([^"]+)"', client.get(link).text)
    assert stamp is not None
    client.post(link, data={"stamp": stamp[1]})
    return lists


@pytest.fixture
def run(lists: OptIn) -> Run:
    def run(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(
            mailing_list, arguments, obj=SimpleNamespace(mailing_lists=lists), **options
        )

    return run


def test_announces_and_delivers(run: Run, catcher: MailCatcher) -> None:
    queued = run("announce", "news", "--subject", "A new cactus", "--text", "-", input="It is green.\n")

    assert "Queued to 1 confirmed subscriber of news.\n" == queued.output
    assert run("deliver").output.startswith("1 sent, 0 retried")
    assert "A new cactus" == catcher.messages[1].message["Subject"]


def test_a_wrong_announcement_says_what_to_mend(run: Run) -> None:
    answer = run("announce", "nwes", "--subject", "x", "--text", "-", input="x")

    assert (1, "Error: There is no mailing list 'nwes'; there is news.\n") == (
        answer.exit_code,
        answer.output,
    )


def test_the_status_as_json_is_counts_alone(run: Run) -> None:
    assert {"subscribers": {"news": {"active": 1}}, "mails": {"confirm": {"sent": 1}}} == json.loads(
        run("status", "--json").output
    )


def test_the_status_as_a_table(run: Run) -> None:
    output = run("status").output

    assert "Subscribers" in output
    assert "active" in output
    assert "example.org" not in output


def test_there_is_no_command_that_adds(run: Run) -> None:
    assert {"announce", "deliver", "status"} == set(mailing_list.commands)


def test_everything_has_help() -> None:
    for command in mailing_list.commands.values():
        assert command.help
        options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
        assert all(getattr(option, "help", None) for option in options)

"""A shop with an affiliate programme that one can apply to, a real mail server, and a database of either kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from mail_catcher import MailCatcher
from sqlalchemy import select
from testkeys import KEY
from werkzeug import Response
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from cactuprivacy import AffiliatePortal, AffiliateProgram, Affiliates, Store
from cactuprivacy.store import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mail_catcher import Caught
    from werkzeug.test import TestResponse

ORIGIN = "https://shop.example"
OWNER = "affiliates@shop.example"
ANN = "ann.blogs@example.org"
TABLES = ("affiliate_person", "affiliate_access", "affiliate_attempt", "affiliate_letter", "affiliate_event")


class Shop:
    """A shop's portal, mounted at /affiliates as a host would mount it, and what people do there."""

    def __init__(self, store: Store, catcher: MailCatcher, **options: Any) -> None:
        self.store, self.catcher = store, catcher
        self.program = AffiliateProgram(
            Affiliates(basis="exempt", applications=OWNER, hold_days=0), site=ORIGIN, keys=[KEY], store=store
        )
        given = {"keys": [KEY], "mail": catcher.url, "background": False, **options}
        self.portal = AffiliatePortal(self.program, **given)
        self.client = Client(DispatcherMiddleware(Response("the shop"), {"/affiliates": self.portal}))

    def stamp(self, path: str) -> str:
        found = re.search(r'name="stamp" value="([^"]+)"', self.client.get(path).text)
        assert found is not None
        return found[1]

    def apply(self, address: str = ANN, words: str = "On my blog", **options: Any) -> TestResponse:
        data = {"email": address, "words": words, "stamp": self.stamp("/affiliates/apply")}
        return self.client.post("/affiliates/apply", data=data, **options)

    def ask(self, address: str = ANN, **options: Any) -> TestResponse:
        data = {"email": address, "stamp": self.stamp("/affiliates/figures")}
        return self.client.post("/affiliates/figures", data=data, **options)

    def deliver(self) -> list[Caught]:
        """Send what is due, and return the mails that this brought."""
        before = len(self.catcher.messages)
        self.portal.deliver_due()
        return self.catcher.messages[before:]

    def approved(self, address: str = ANN) -> str:
        """Apply, approve, and return the code; the mails about it are sent."""
        self.apply(address)
        code = next(each.code for each in self.portal.applications() if each.address == address)
        self.program.approve(code)
        self.deliver()
        return code

    def link(self, address: str = ANN) -> str:
        """Ask for the link to the figures, and return its path as it was mailed."""
        self.ask(address)
        (mail,) = (each for each in self.deliver() if each.recipients == (address,))
        found = re.search(rf"{ORIGIN}(/affiliates/f/[\w-]+)\s", text_of(mail))
        assert found is not None
        return found[1]

    def rows(self, table: str) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(select(metadata.tables[table])))

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        return {name: sorted(map(tuple, self.rows(name)), key=repr) for name in TABLES}


def text_of(mail: Caught) -> str:
    """Return the plain part of a mail."""
    body = mail.message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.fixture
def catcher() -> Iterator[MailCatcher]:
    with MailCatcher() as catcher:
        yield catcher


@pytest.fixture
def shop(store: Store, catcher: MailCatcher) -> Iterator[Shop]:
    """A shop on each of the databases."""
    shop = Shop(store, catcher)
    yield shop
    shop.program.close()


@pytest.fixture
def small_shop(sqlite_store: Store, catcher: MailCatcher) -> Iterator[Shop]:
    """A shop on SQLite alone, for what no database has a part in."""
    shop = Shop(sqlite_store, catcher)
    yield shop
    shop.program.close()

"""A shop with a mailing list, a real mail server on a real socket, and a database of either kind."""

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

from cactuprivacy import KeyRing, MailingList, OptIn, Store
from cactuprivacy.optin import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mail_catcher import Caught
    from werkzeug.test import TestResponse

ORIGIN = "https://shop.example"
OWN = {"Origin": ORIGIN}
NEWS = MailingList("news", title="Cactus news", sender="news@shop.example")
OFFERS = MailingList("offers", title="Offers", sender="offers@shop.example")


class Shop:
    """A shop's lists, mounted at /list as a host would mount them, and what its readers do."""

    def __init__(self, store: Store, catcher: MailCatcher, **options: Any) -> None:
        self.store, self.catcher = store, catcher
        given = {"site": ORIGIN, "keys": KeyRing([KEY]), "mail": catcher.url, "background": False, **options}
        self.lists = OptIn([NEWS, OFFERS], store=store, **given)
        self.client = Client(DispatcherMiddleware(Response("the shop"), {"/list": self.lists}))

    def sign_up(self, address: str = "jo@example.org", slug: str = "news", **form: str) -> TestResponse:
        return self.client.post(f"/list/{slug}", data={"email": address, **form}, headers=OWN)

    def deliver(self) -> list[Caught]:
        """Send what is due, and return the mails that this brought."""
        before = len(self.catcher.messages)
        self.lists.deliver_due(1000)
        return self.catcher.messages[before:]

    def ask(self, address: str = "jo@example.org", slug: str = "news") -> str:
        """Sign up, and return the path of the link that was mailed."""
        self.sign_up(address, slug)
        (mail,) = self.deliver()
        return link_in(mail)

    def confirm(self, link: str) -> TestResponse:
        """Open the page and press its button; where there is none, post as the button would."""
        page = self.client.get(link)
        found = re.search(r'name="stamp" value="([^"]+)"', page.text)
        return self.client.post(link, data={"stamp": found[1] if found else ""})

    def subscribe(self, address: str = "jo@example.org", slug: str = "news") -> str:
        """Sign up and confirm. Returns the link that did it."""
        link = self.ask(address, slug)
        assert self.confirm(link).status_code == 303
        return link

    def announce(self, text: str = "We have a new cactus.") -> list[Caught]:
        self.lists.announce("news", subject="A new cactus", text=text)
        return self.deliver()

    def leave_link(self) -> str:
        """Return the way out of the only subscription, as its next announcement says it."""
        (mail,) = self.announce()
        return str(mail.message["List-Unsubscribe"]).strip("<>").removeprefix(ORIGIN)

    def rows(self, table: str) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(select(tables.metadata.tables[table])))

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return the whole database."""
        return {name: sorted(map(tuple, self.rows(name)), key=repr) for name in LISTS_TABLES}


LISTS_TABLES = (
    *("consent_text", "address", "optin_request", "token", "confirmation", "subscription"),
    *("suppression", "consent_event", "campaign", "delivery", "outbox"),
)


def link_in(mail: Caught) -> str:
    """Return the path of the link in a confirmation mail."""
    body = mail.message.get_body(("plain",))
    assert body is not None
    found = re.search(rf"{ORIGIN}(/list/c/[\w-]+)\s", body.get_content())
    assert found is not None
    return found[1]


@pytest.fixture
def catcher() -> Iterator[MailCatcher]:
    with MailCatcher() as catcher:
        yield catcher


@pytest.fixture
def shop(store: Store, catcher: MailCatcher) -> Shop:
    """A shop on each of the databases."""
    return Shop(store, catcher)


@pytest.fixture
def small_shop(sqlite_store: Store, catcher: MailCatcher) -> Shop:
    """A shop on SQLite alone, for what no database has a part in."""
    return Shop(sqlite_store, catcher)


@pytest.fixture
def make_shop(store: Store, catcher: MailCatcher) -> Any:
    """Make further shops on the same database and mail server, with other options."""
    return lambda **options: Shop(store, catcher, **options)

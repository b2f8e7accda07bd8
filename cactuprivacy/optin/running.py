"""OptIn: the running mailing lists of a site, put together; what the host, the shop and the shell may do with them.

Room: optin, its front. It composes the other modules and decides nothing itself. Mount it where ``path`` says:
``DispatcherMiddleware(app, {"/list": OptIn(…)})``. There is nothing here to add an address with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cactuprivacy.declaration import DeclarationError, explains_options
from cactuprivacy.keys import KeyRing
from cactuprivacy.mail import Courier, Outbox, Transport
from cactuprivacy.mail.addresses import AddressRefusedError, parse
from cactuprivacy.mail.letters import Letters
from cactuprivacy.optin.address_book import AddressBook
from cactuprivacy.optin.author import OptInAuthor
from cactuprivacy.optin.campaigns import AnnouncementRefusedError, Campaign, announce
from cactuprivacy.optin.endpoints import Endpoints
from cactuprivacy.optin.person import PersonalData
from cactuprivacy.optin.subscription import Subscriptions
from cactuprivacy.site import Site
from cactuprivacy.store import Store
from cactuprivacy.vault import Vault
from cactuprivacy.wsgi import TrustedProxies
from cactuprivacy.wsgi.pages import Pages
from cactuprivacy.wsgi.redirects import same_site_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from cactuprivacy.mail import Counts
    from cactuprivacy.mail.addresses import MailAddress
    from cactuprivacy.optin.lists import MailingList


class OptIn:
    """The mailing lists of a site: their pages, their mails, and what is known of whom.

    Parameters:
        mailing_lists: The declared lists.
        site: The site or its origin.
        keys: The site's keys or secrets.
        store: The database or its URL.
        mail: The mail server or its URL.
        operator: Who speaks on the pages and in the mails; by default the site's host.
        path: Where it is mounted; the links in the mails lead there.
        policy: The address of the policy page, to link at the foot of each page.
        templates: A folder whose ``optin/*.html`` and ``mail/*`` win over ours.
        trusted_proxies: The networks of our own proxies, whose word about the client is believed.
        background: Whether a thread of this process delivers the mails; ``False`` leaves it to
            ``cactuprivacy list deliver --watch``.

    Raises:
        DeclarationError: for no list, two of one slug, a sender outside the site's own domains.
    """

    @explains_options
    def __init__(
        self,
        mailing_lists: Iterable[MailingList],
        *,
        site: Site | str,
        keys: KeyRing | Iterable[str | bytes],
        store: Store | str,
        mail: Transport | str,
        operator: str | None = None,
        path: str = "/list",
        policy: str | None = None,
        templates: str | None = None,
        trusted_proxies: TrustedProxies | Iterable[str] = (),
        background: bool = True,
    ) -> None:
        self.site, keys, store = Site.of(site), KeyRing.of(keys), Store.of(store)
        lists = tuple(mailing_lists)
        self.lists = {mailing_list.slug: mailing_list for mailing_list in lists}
        if not lists or len(self.lists) != len(lists):
            raise DeclarationError("There is no mailing list, or two have one slug; declare each list once.")
        if path and (same_site_path(path, "") != path or path.endswith("/")):
            raise DeclarationError(f"path={path!r} is no place to mount at; write it as in '/list'.")
        for mailing_list in lists:
            mailing_list.check(self.site)
        self._store = store
        operator = operator or self.site.host
        vault = Vault(keys)
        book = AddressBook(vault)
        self._subscriptions = Subscriptions(store, vault, book, self.lists)
        self._person = PersonalData(store, book)
        letters = Letters(operator=operator, home=self.site.origin + "/", templates=templates)
        author = OptInAuthor(
            keys, vault, book, self.lists, letters, base=self.site.origin + path, host=self.site.host
        )
        self.outbox = Outbox(store, Transport.of(mail), author)
        self.courier = Courier(self.outbox, chores=self._person.purge, active=background)
        self._endpoints = Endpoints(
            self.lists,
            site=self.site,
            keys=keys,
            subscriptions=self._subscriptions,
            courier=self.courier,
            pages=Pages("cactuprivacy.optin", site_name=operator, policy=policy, templates=templates),
            trusted_proxies=TrustedProxies.of(trusted_proxies),
            path=path,
        )

    def announce(self, slug: str, *, subject: str, text: str) -> Campaign:
        """Queue an announcement to everybody who confirmed the list *slug*; nobody else can be named.

        Raises:
            AnnouncementRefusedError: for an unknown list, an empty text, a subject that is no line.
        """
        if slug not in self.lists:
            raise AnnouncementRefusedError(
                f"There is no mailing list {slug!r}; there is {', '.join(sorted(self.lists))}."
            )
        with self._store.write() as connection:
            campaign = announce(connection, self.lists[slug], subject=subject, text=text)
        self.courier.hurry()
        return campaign

    def deliver_due(self, limit: int = 100) -> Counts:
        """Send up to *limit* mails that are due, in this thread, and return what became of them."""
        return self.outbox.deliver_due(limit)

    def subscribers(self) -> dict[str, dict[str, int]]:
        """Return how many subscribers there are, by list and state."""
        return self._subscriptions.counts()

    def find(self, address: str) -> int:
        """Return how many records are held about *address*."""
        return sum(self._person.find(person).values()) if (person := _person(address)) else 0

    def export(self, address: str) -> dict[str, Any]:
        """Return all that is held about *address*, in plain types; nothing for a stranger."""
        return self._person.export(person) if (person := _person(address)) else {}

    def erase(self, address: str) -> int:
        """Erase *address* and return how many records that were; a keyed hash stays, so that nothing is sent."""
        return sum(self._person.erase(person).values()) if (person := _person(address)) else 0

    def wake(self) -> None:
        """See that this process delivers mails; cheap enough for every request."""
        self.courier.wake()

    def close(self) -> None:
        """Finish the mail that is under way in this process, and start no more."""
        self.courier.stop()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        return self._endpoints(environ, start_response)


def _person(address: str) -> MailAddress | None:
    try:
        return parse(address)
    except AddressRefusedError:
        return None  # we never took it, so nothing is held about it

"""AffiliatePortal: the portal of a site's affiliate programme, put together; what the host may do with it.

Room: affiliates, portal. A WSGI app to mount, ``DispatcherMiddleware(app, {"/affiliates": portal})``. It is there
only when ``Affiliates(applications=…)`` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cactuprivacy.affiliates.portal.access import Access
from cactuprivacy.affiliates.portal.contacts import Application, Contacts
from cactuprivacy.affiliates.portal.notices import NoticeAuthor, NoticeOutbox
from cactuprivacy.affiliates.portal.pages import PortalPages
from cactuprivacy.affiliates.roster import Roster
from cactuprivacy.declaration import DeclarationError, explains_options
from cactuprivacy.keys import KeyRing
from cactuprivacy.mail import Courier, Transport
from cactuprivacy.mail.letters import Letters
from cactuprivacy.vault import Vault
from cactuprivacy.wsgi import TrustedProxies
from cactuprivacy.wsgi.pages import Pages
from cactuprivacy.wsgi.redirects import same_site_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from cactuprivacy.affiliates.program import AffiliateProgram
    from cactuprivacy.mail import Counts


class AffiliatePortal:
    """The pages and mails for affiliates: they apply, the owner decides, they see their figures.

    Approve and refuse with :meth:`AffiliateProgram.approve` and ``refuse``; whoever does it wherever, the mail about
    it follows within seconds, once.

    Parameters:
        program: The running programme, declared with ``Affiliates(applications="affiliates@shop.example")``.
        keys: The site's keys or secrets.
        mail: The mail server or its URL.
        operator: Who speaks on the pages and in the mails; by default the site's host.
        path: Where it is mounted; the links in the mails lead there.
        policy: The address of the policy page, to link at the foot of each page.
        templates: A folder whose ``affiliates/*.html`` and ``mail/*`` win over ours.
        trusted_proxies: The networks of our own proxies, whose word about the client is believed.
        background: Whether a thread of this process delivers the mails.

    Raises:
        DeclarationError: for a programme without ``applications``, and an address outside the site's own domains.
    """

    @explains_options
    def __init__(
        self,
        program: AffiliateProgram,
        *,
        keys: KeyRing | Iterable[str | bytes],
        mail: Transport | str,
        operator: str | None = None,
        path: str = "/affiliates",
        policy: str | None = None,
        templates: str | None = None,
        trusted_proxies: TrustedProxies | Iterable[str] = (),
        background: bool = True,
    ) -> None:
        keys, site, owner = KeyRing.of(keys), program.site, program.declaration.applications
        if owner is None:
            raise DeclarationError(
                "The affiliate programme takes no applications; declare Affiliates(applications='affiliates@…')."
            )
        domain = owner.rpartition("@")[2]
        if not site.owns(domain):
            raise DeclarationError(
                f"applications={owner!r} would send from {domain}, which is not this site's; use an address at "
                f"{' or '.join(sorted(site.own_domains))}, or name the domain in domains=."
            )
        if path and (same_site_path(path, "") != path or path.endswith("/")):
            raise DeclarationError(f"path={path!r} is no place to mount at; write it as in '/affiliates'.")
        operator = operator or site.host
        vault, roster = Vault(keys), Roster(program.store)
        self._contacts = Contacts(program.store, vault, roster)
        author = NoticeAuthor(
            vault,
            self._contacts,
            Letters(operator=operator, home=site.origin + "/", templates=templates),
            owner=owner,
            operator=operator,
            base=site.origin + path,
            home=site.origin + "/",
            link=program.link,
        )
        self.outbox = NoticeOutbox(program.store, Transport.of(mail), author, domain=domain)
        self.courier = Courier(self.outbox, chores=self._contacts.purge, active=background)
        self._pages = PortalPages(
            program,
            roster,
            keys=keys,
            vault=vault,
            contacts=self._contacts,
            access=Access(program.store, vault, self._contacts, roster, domain=domain),
            courier=self.courier,
            pages=Pages("cactuprivacy.affiliates", site_name=operator, policy=policy, templates=templates),
            trusted_proxies=TrustedProxies.of(trusted_proxies),
            path=path,
        )

    def applications(self) -> list[Application]:
        """Return the applications that wait to be decided, oldest first."""
        return self._contacts.applications()

    def set_address(self, code: str, address: str) -> None:
        """Say where the affiliate behind *code* is reached, for one who was added and did not apply.

        Raises:
            AffiliateError: for an unknown affiliate, no address, and another affiliate's.
        """
        self._contacts.set_address(code, address)

    def deliver_due(self, limit: int = 100) -> Counts:
        """Send up to *limit* mails that are due, in this thread, and return what became of them."""
        return self.outbox.deliver_due(limit)

    def find(self, address: str) -> int:
        """Return how many records are held about *address*."""
        return self._contacts.find(address)

    def export(self, address: str) -> dict[str, Any]:
        """Return all that is held about *address*, in plain types; nothing for a stranger."""
        return self._contacts.export(address)

    def erase(self, address: str) -> int:
        """Erase *address* and return how many records that were; what was earned stays under a code of nobody's."""
        return self._contacts.erase(address)

    def wake(self) -> None:
        """See that this process delivers mails; cheap enough for every request."""
        self.courier.wake()

    def close(self) -> None:
        """Finish the mail that is under way in this process, and start no more."""
        self.courier.stop()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        return self._pages(environ, start_response)

"""The declaration of a mailing list.

Room: optin. A list is declared in code and nowhere else; there is no switch that widens who is on it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cactuprivacy.declaration import DeclarationError, declaration, settle
from cactuprivacy.mail.addresses import AddressRefusedError, parse

if TYPE_CHECKING:
    from cactuprivacy.site import Site

MAX_CONFIRM_HOURS = 30 * 24
RESERVED_SLUGS = frozenset({"c", "u", "m", "confirmed", "left", "declined", "manage", "hooks"})
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@declaration
class MailingList:
    """A mailing list that people join by clicking a link that was mailed to them, and in no other way.

    Parameters:
        slug: Its name in addresses, ``"news"``: lower-case letters, digits and hyphens.
        title: Its name for people.
        sender: The address that its mails come from, on a domain of the site's own.
        description: What one gets and how often, for the sign-up page.
        consent: What a subscriber agrees to, in their words; it is kept with each sign-up. By default a
            sentence made from the title.
        confirm_hours: How long the mailed link works, in hours, from the moment that the mail server took it.
        sender_name: The name beside the sender; by default the title.

    Raises:
        DeclarationError: when one of them cannot be kept.
    """

    slug: str
    title: str
    sender: str
    description: str = ""
    consent: str = ""
    confirm_hours: int = 72
    sender_name: str = ""

    def __post_init__(self) -> None:
        named = f"Mailing list {self.slug!r}"
        if not _SLUG.fullmatch(self.slug):
            raise DeclarationError(
                f"{named} has no valid slug; use lower-case letters, digits and hyphens, as in 'news'."
            )
        if self.slug in RESERVED_SLUGS:
            raise DeclarationError(f"{named} has a slug that our own pages use; choose another.")
        if not self.title.strip():
            raise DeclarationError(f"{named} has no title; say in title= what people call it.")
        for option in ("title", "sender_name", "consent"):
            text = getattr(self, option)
            if not text.isprintable() or len(text) > 1000:
                raise DeclarationError(
                    f"{named} has {option}= over several lines or too long; write one line."
                )
        try:
            sender = parse(self.sender)
        except AddressRefusedError as error:
            raise DeclarationError(
                f"{named} has no valid sender {self.sender!r}; write it as in news@shop.example."
            ) from error
        if not 1 <= self.confirm_hours <= MAX_CONFIRM_HOURS:
            raise DeclarationError(
                f"{named} cannot wait {self.confirm_hours} hours for a click; "
                f"give confirm_hours= between 1 and {MAX_CONFIRM_HOURS}."
            )
        settle(
            self,
            sender=sender.spelling,
            sender_name=self.sender_name or self.title,
            consent=self.consent
            or f"Yes, send me “{self.title}” by email. I can leave at any time by the link in each mail.",
        )

    def check(self, site: Site) -> None:
        """Hold the list against *site*.

        Raises:
            DeclarationError: when its sender is not of the site's own domains: no mailings for others.
        """
        domain = self.sender.rpartition("@")[2]
        if not site.owns(domain):
            raise DeclarationError(
                f"Mailing list {self.slug!r} would send from {domain}, which is not this site's; use an address at "
                f"{' or '.join(sorted(site.own_domains))}, or name the domain in domains=."
            )

    def list_id(self) -> str:
        """Return its identifier for mail programs (RFC 2919, 3)."""
        return f"{self.slug}.{self.sender.rpartition('@')[2]}"

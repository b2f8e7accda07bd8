"""Mail addresses: which ones we take, how we spell them, and when two are the same.

Room: mail. Pure functions. Syntax is the email-validator library's, without any look-up; here is what it
lets through and a mailer must not.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_CHARACTERS = 254  # RFC 5321, 4.5.3.1.3, less the brackets

# Python's mail parser decodes an encoded word inside an address (python/cpython#152519), so that
# =?utf-8?q?victim=40evil.example=2c?=@x.example would be mailed to two others. % and ! are source routes
# of old relays; a leading - is an option to programs that take addresses as arguments.
_ROUTES = re.compile(r"=\?|\?=|[%!]|^-")


class AddressRefusedError(ValueError):
    """Not an address that we mail to. It does not quote the address."""


class MailAddress(NamedTuple):
    """An address that we may mail to.

    Attributes:
        spelling: As it is mailed to: the local part as typed (NFC), the domain as A-labels in lower case.
        identity: What makes two addresses one: as the spelling, with ASCII letters of the local part in
            lower case. Others are left alone: folding them would make two people one (CVE-2019-19844).
    """

    spelling: str
    identity: str

    @property
    def domain(self) -> str:
        """The domain, as A-labels."""
        return self.spelling.rpartition("@")[2]

    @property
    def masked(self) -> str:
        """What may be shown to whoever holds a link: the two first letters."""
        return mask(self.spelling)


def parse(text: str) -> MailAddress:
    """Return the address in *text*, as a form sends it.

    Raises:
        AddressRefusedError: for what is no address, and for one that could mean another.
    """
    text = text.strip()
    if len(text) > MAX_CHARACTERS:
        raise AddressRefusedError(f"An address has at most {MAX_CHARACTERS} characters.")

    from email_validator import EmailNotValidError, validate_email

    try:
        valid = validate_email(
            text,
            check_deliverability=False,
            strict=True,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
        )
    except EmailNotValidError:
        raise AddressRefusedError("That is not a mail address.") from None
    if _ROUTES.search(valid.local_part):
        raise AddressRefusedError("That address could be read as another one.")
    domain = valid.ascii_domain.lower()
    return MailAddress(f"{valid.local_part}@{domain}", f"{_ascii_lower(valid.local_part)}@{domain}")


def mask(spelling: str) -> str:
    """Return ``a***@e…`` for an address."""
    local, _, domain = spelling.rpartition("@")
    return f"{local[:1]}***@{domain[:1]}…"


def _ascii_lower(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)

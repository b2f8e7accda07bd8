"""A message: its bytes, made once, read back once, and refused unless it goes to exactly who is meant.

Room: mail. Pure functions of their arguments; no socket, no database. Python's own parser decodes encoded
words inside an address (python/cpython#152519), so what was written is not trusted to be what was meant.
"""

from __future__ import annotations

from email import message_from_string, policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

# RFC 5322, 2.1.1. Headers are not folded before: the library folds a long link by encoding it.
_MAX_LINE = 998
_ASCII = policy.SMTP.clone(max_line_length=_MAX_LINE)
_UTF8 = policy.SMTPUTF8.clone(max_line_length=_MAX_LINE)


class MessageRefusedError(ValueError):
    """A message that would not be what was meant. It names no address and quotes no text."""


class Letter(NamedTuple):
    """What one mail says, before it is addressed.

    Attributes:
        subject: One line.
        text: The plain part.
        html: The same as HTML.
        headers: Further headers, in order.
    """

    subject: str
    text: str
    html: str
    headers: tuple[tuple[str, str], ...] = ()


class Message(NamedTuple):
    """A mail ready to send: the envelope's one sender and one recipient, and the bytes."""

    sender: str
    recipient: str
    data: bytes


def build(
    letter: Letter, *, sender: str, sender_name: str, recipient: str, message_id: str, date: datetime
) -> Message:
    """Return *letter* as bytes for one recipient, in two parts, text and HTML (RFC 2046, 5.1.4).

    Parameters:
        letter: What it says.
        sender: The address in ``From`` and in the envelope.
        sender_name: The name beside it.
        recipient: The address in ``To`` and in the envelope: the only one.
        message_id: With its angle brackets; the same again when the same mail is sent again.
        date: When it was queued, in UTC.

    Raises:
        MessageRefusedError: when a header would break out of its line, or the bytes, read back, are to
            anybody but *recipient*.
    """
    message = EmailMessage(policy=policy.SMTP if recipient.isascii() else policy.SMTPUTF8)
    try:
        message["From"] = _address(sender, sender_name)
        message["To"] = _address(recipient)
        message["Subject"] = letter.subject
        message["Date"] = date
        message["Message-ID"] = message_id
        for name, value in letter.headers:
            message[name] = value
        message.set_content(letter.text, cte="quoted-printable")
        message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
        data = message.as_bytes(policy=_ASCII if recipient.isascii() else _UTF8)
    except (ValueError, MessageError):
        raise MessageRefusedError("A header of the mail holds what no header may hold.") from None
    if _recipients(data) != [recipient]:
        raise MessageRefusedError("The mail, read back, is not addressed to its recipient alone.")
    return Message(sender, recipient, data)


def _address(text: str, name: str = "") -> Address:
    local, _, domain = text.rpartition("@")
    return Address(name, local, domain)


def _recipients(data: bytes) -> list[str]:
    # As text, since the library's reader of bytes does not take UTF-8 in headers (RFC 6532) for what it is.
    read = message_from_string(data.decode(), policy=policy.SMTPUTF8)
    return [
        address.addr_spec
        for header in ("To", "Cc", "Bcc")
        for value in read.get_all(header, [])
        for address in value.addresses
    ]

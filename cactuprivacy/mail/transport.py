"""Transport: how a mail gets to a server, with one recipient, said exactly as it is stored.

Room: mail. The only module that opens a connection. ``send_message`` of the library is never used: it reads
recipients out of headers, and decodes them into others. Errors hold a code and no text of the server's,
which may quote an address.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from cactuprivacy.declaration import DeclarationError
from cactuprivacy.site import ip_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from cactuprivacy.mail.message import Message

TIMEOUT = 30.0  # seconds for each answer of the server
_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_PLAIN = re.compile(r"[^\x00-\x20<>\x7f]+@[^\x00-\x20<>@\x7f]+")


class UnreachableError(Exception):
    """The server could not be spoken to, or would have nobody's mail: nothing was sent, try later."""


class RefusedError(Exception):
    """The server refused this mail, and so does not have it.

    Attributes:
        code: The reply code.
        permanent: Whether trying again is pointless (5xx; RFC 5321, 4.2.1).
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"The mail server refused the mail with {code}.")
        self.code = code
        self.permanent = 500 <= code < 600


class OutcomeUnknownError(Exception):
    """The connection broke after the mail was given over: the server may or may not have it (RFC 1047)."""


class Transport:
    """The way to a mail server. Nothing is opened when it is made.

    Parameters:
        url: ``smtp://host:25``, ``smtps://user:password@host:465`` or ``smtp+starttls://…:587``. TLS is
            always verified. A password goes over TLS only.
        timeout: Seconds to wait for each answer.

    Raises:
        DeclarationError: for another scheme, a missing host, a password without TLS.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise DeclarationError("The mail server's URL cannot be read; write smtp://host:25.") from error
        shown = f"{parts.scheme}://…@{parts.hostname}" if "@" in parts.netloc else url
        if parts.scheme not in _PORTS or not parts.hostname:
            raise DeclarationError(
                f"The mail server {shown!r} is not understood; write smtp://host:25, smtps://host or smtp+starttls://host."
            )
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise DeclarationError(
                f"The mail server {shown!r} has more than a host and a port; drop what follows."
            )
        if parts.username is not None and parts.scheme == "smtp":
            raise DeclarationError(
                f"The mail server {shown!r} would get its password in clear; use smtps:// or smtp+starttls://."
            )
        try:
            self.port = parts.port or _PORTS[parts.scheme]
        except ValueError as error:
            raise DeclarationError(f"The mail server {shown!r} has no valid port; mend it.") from error
        self.scheme, self.host, self.timeout = parts.scheme, parts.hostname, timeout
        self._login = (
            (unquote(parts.username), unquote(parts.password or "")) if parts.username is not None else None
        )

    @classmethod
    def of(cls, transport: Transport | str) -> Transport:
        """Return *transport* itself, or the one of a URL."""
        return transport if isinstance(transport, Transport) else cls(transport)

    def __repr__(self) -> str:
        return f"<Transport {self.scheme}://{self.host}:{self.port}>"

    def session(self) -> Session:
        """Return a session: a connection that is opened by the first mail and serves the ones after it."""
        return Session(self)

    def connect(self, hello: str) -> smtplib.SMTP:
        """Open a connection and greet as *hello*.

        Raises:
            OSError, smtplib.SMTPException: when the server is not there, or TLS cannot be verified.
        """
        if self.scheme == "smtps":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, hello, timeout=self.timeout, context=ssl.create_default_context()
            )
        else:
            smtp = smtplib.SMTP(self.host, self.port, hello, timeout=self.timeout)
        try:
            smtp.ehlo_or_helo_if_needed()
            if self.scheme == "smtp+starttls":
                smtp.starttls(context=ssl.create_default_context())
                smtp.ehlo_or_helo_if_needed()
            if self._login is not None:
                smtp.login(*self._login)
        except BaseException:
            smtp.close()
            raise
        return smtp


class Session:
    """One connection to the server, for a run of mails. A context manager."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):  # it has our mails; how it parts is its own affair
                self._smtp.docmd("QUIT")
            self._drop()

    def send(self, message: Message, before_data: Callable[[], bool]) -> bool:
        """Send *message*, asking *before_data* when all but the mail itself is said. Returns its answer.

        Raises:
            UnreachableError: nothing was sent, and nothing is wrong with this mail.
            RefusedError: the server does not take this mail.
            OutcomeUnknownError: nobody can tell.
        """
        try:
            return self._send(message, before_data)
        except RefusedError as error:
            self._drop() if error.code == 421 else self._reset()
            raise
        except BaseException:
            self._drop()
            raise

    def _send(self, message: Message, before_data: Callable[[], bool]) -> bool:
        if not _PLAIN.fullmatch(message.sender) or not _PLAIN.fullmatch(message.recipient):
            raise RefusedError(553)
        try:
            smtp = self._smtp = self._smtp or self._transport.connect(_hello(message.sender))
            options = ""
            if not message.recipient.isascii():
                if not smtp.has_extn("smtputf8"):
                    raise RefusedError(453)  # RFC 6531, 3.5: not to this server, perhaps to its next version
                options = " BODY=8BITMIME SMTPUTF8"
            # smtplib sends commands as ASCII until told otherwise, which only its own mail() does.
            smtp.command_encoding = "utf-8" if options else "ascii"
            code, _ = smtp.docmd("MAIL", f"FROM:<{message.sender}>{options}")
            if code != 250:
                raise UnreachableError
            code, _ = smtp.docmd("RCPT", f"TO:<{message.recipient}>")
            if code not in (250, 251):
                raise RefusedError(code)
        except (OSError, smtplib.SMTPException) as error:
            raise UnreachableError(type(error).__name__) from None
        if not before_data():
            self._reset()
            return False
        try:
            code, _ = smtp.data(message.data)
        except smtplib.SMTPDataError as error:
            raise RefusedError(error.smtp_code) from None
        except (OSError, smtplib.SMTPException) as error:
            raise OutcomeUnknownError(type(error).__name__) from None
        if code != 250:
            raise RefusedError(code)
        return True

    def _reset(self) -> None:
        try:
            if self._smtp is not None and self._smtp.docmd("RSET")[0] != 250:
                self._drop()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


def _hello(sender: str) -> str:
    """Return the name to greet with; the library would ask the DNS for one, and wait."""
    domain = sender.rpartition("@")[2]
    return f"[{domain}]" if ip_address(domain) else domain

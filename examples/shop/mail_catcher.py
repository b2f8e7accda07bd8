"""A mail catcher: a real SMTP server on a real socket that keeps what it is given and passes nothing on.

Room: examples. The demo shows its mails, the tests look into them. It speaks the protocol itself, since
a library that decodes recipients would hide what a client really said.
"""

from __future__ import annotations

import os
import socketserver
import threading
import time
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    import ssl
    from email.message import EmailMessage

_VERBS = ("EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT")


class Caught(NamedTuple):
    """A mail as it came.

    Attributes:
        sender: What stood between the angle brackets of ``MAIL FROM``.
        recipients: What stood between those of each ``RCPT TO``, in order, undecoded.
        data: The bytes, with the dots of RFC 5321, 4.5.2 taken off again.
        message: The same, parsed.
    """

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    message: EmailMessage


class Hold:
    """A verb that waits for its answer: ``reached`` is set when it came, ``go`` lets it be answered."""

    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()


class MailCatcher:
    """Catches mails until it is stopped; also a context manager.

    Parameters:
        host: Where to listen.
        port: 0 takes a free one; ``port`` tells which.
        folder: Where each mail is also written, as ``*.eml``, before it is answered for.
        tls: Speak TLS from the first byte, as ``smtps://`` does.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        folder: str | os.PathLike[str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.folder = Path(folder) if folder is not None else None
        self.messages: list[Caught] = []
        self._refused: dict[str, str] = {}
        self._held: dict[str, Hold] = {}
        self._came = threading.Condition()
        self._server = _Server((host, port), _Conversation)
        self._server.catcher = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.host = host
        self.port: int = self._server.server_address[1]

    @property
    def url(self) -> str:
        """The address to send to."""
        return f"smtp://{self.host}:{self.port}"

    def start(self) -> MailCatcher:
        """Answer from now on, in threads of its own."""
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Take no more mail. What was caught stays readable."""
        self._server.shutdown()
        self._server.server_close()

    __enter__ = start

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_for(self, count: int, timeout: float = 10) -> list[Caught]:
        """Wait until *count* mails have come, and return all that have.

        Raises:
            TimeoutError: when they have not come within *timeout* seconds.
        """
        with self._came:
            if not self._came.wait_for(lambda: len(self.messages) >= count, timeout):
                raise TimeoutError(f"{len(self.messages)} of {count} mails came within {timeout} s.")
            return list(self.messages)

    def refuse(self, verb: str, reply: str | None) -> None:
        """Answer *verb* by *reply* (``"451 later"``) until told ``None``. The end of the data is ``"."``."""
        if reply is None:
            self._refused.pop(verb, None)
        else:
            self._refused[verb] = reply

    def hold(self, verb: str) -> Hold:
        """Leave the next *verb* without an answer until the hold's ``go`` is set."""
        hold = self._held[verb] = Hold()
        return hold

    def answer(self, verb: str) -> str | None:
        """Return the refusal of *verb*, after holding it if so asked."""
        hold = self._held.pop(verb, None)
        if hold is not None:
            hold.reached.set()
            hold.go.wait(60)
        return self._refused.get(verb)

    def catch(self, sender: str, recipients: list[str], data: bytes) -> None:
        """Keep a mail."""
        message = message_from_bytes(data, policy=policy.SMTP)
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            part = self.folder / f"{time.time_ns()}-{threading.get_ident()}.part"
            part.write_bytes(data)
            part.rename(part.with_suffix(".eml"))
        with self._came:
            self.messages.append(Caught(sender, tuple(recipients), data, message))
            self._came.notify_all()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    catcher: MailCatcher

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that goes away in mid-sentence is part of what is tested."""


class _Conversation(socketserver.StreamRequestHandler):
    """One connection (RFC 5321)."""

    def handle(self) -> None:
        catcher = cast("_Server", self.server).catcher
        sender, recipients = "", list[str]()
        self._say(catcher.answer("CONNECT") or "220 catcher")
        while line := self.rfile.readline(65536):
            verb, _, said = line.decode("utf-8", "surrogateescape").rstrip("\r\n").partition(" ")
            verb = verb.upper()
            reply = catcher.answer(verb)
            if reply is not None:
                self._say(reply)
            elif verb == "MAIL":
                sender, recipients = _between_brackets(said), []
                self._say("250 ok")
            elif verb == "RCPT":
                recipients.append(_between_brackets(said))
                self._say("250 ok")
            elif verb == "DATA":
                self._say("354 go on")
                data = self._data()
                if data is None:
                    return  # hung up in mid-mail: nothing was caught
                reply = catcher.answer(".")
                if reply is None:
                    catcher.catch(sender, recipients, data)
                # "lost" is a server that took the mail and died before it could say so
                elif reply.startswith("lost"):
                    catcher.catch(sender, recipients, data)
                    return
                self._say(reply or "250 caught")
            elif verb == "EHLO":
                self._say("250-catcher\r\n250-8BITMIME\r\n250 SMTPUTF8")
            else:
                self._say("221 bye" if verb == "QUIT" else "250 ok" if verb in _VERBS else "500 what?")
                if verb == "QUIT":
                    return

    def _data(self) -> bytes | None:
        lines: list[bytes] = []
        while line := self.rfile.readline():
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)
        return None

    def _say(self, reply: str) -> None:
        self.wfile.write(reply.encode() + b"\r\n")


def _between_brackets(said: str) -> str:
    return said[said.find("<") + 1 : said.rfind(">")]

"""Webhooks: telling another machine of the host what happened in the ledger, signed, and at least once.

Room: affiliates. May import store. A message is a row of the transaction that it tells of, so neither is there without
the other. It names a sale by its number here: no order, no visitor. A redirect is not followed, an answer not read.
"""

from __future__ import annotations

import hmac
import http.client
import json
import logging
import time
import uuid
from collections.abc import Iterable
from dataclasses import field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import insert, or_, select, update

from cactuprivacy.affiliates import money
from cactuprivacy.affiliates.tables import webhook as table
from cactuprivacy.declaration import DeclarationError, declaration, settle
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row

    from cactuprivacy.store import Store

logger = logging.getLogger("cactuprivacy.affiliates")

SIGNATURE = "Cactuprivacy-Signature"
MAX_ATTEMPTS = 18  # with the waits below, about three days
MIN_SECRET = 32  # characters
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=8)
_LEASE = timedelta(minutes=5)
_LOCAL = ("localhost", "127.0.0.1", "::1")


class WebhookRefusedError(Exception):
    """A message that is not ours, was changed, or is older than the tolerance."""


@declaration
class Webhook:
    """Where the ledger's events are posted to, as JSON.

    Each has ``id`` (the same when it is sent again), ``topic`` (``sale.credited``, ``sale.reversed``, ``payout.made``,
    ``payout.voided``), ``at`` and what it is about; amounts are text. The header ``Cactuprivacy-Signature`` is
    ``t=SECONDS,v1=HEX``, with HMAC-SHA256 over the seconds, a point and the body, once for each secret.

    Parameters:
        url: An ``https://`` URL; ``http://`` on this machine alone.
        secrets: Secrets of at least 32 characters that both sides know. To rotate, give the old and the new.
        timeout: How many seconds the other side may be silent.

    Raises:
        DeclarationError: for whatever cannot be kept.
    """

    url: str
    secrets: Iterable[str] = field(repr=False)
    timeout: float = 10.0
    parts: SplitResult = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url) if isinstance(self.url, str) and self.url.isprintable() else None
        secure = parts is not None and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
        )
        if not parts or not secure or not parts.hostname or parts.username or " " in self.url:
            raise DeclarationError(
                "The webhook's url is no https:// URL without a password; write it in full."
            )
        if isinstance(self.secrets, str):
            raise DeclarationError("secrets is one text where a list is wanted; write secrets=[SECRET].")
        secrets = tuple(self.secrets)
        if not secrets or any(not isinstance(each, str) or len(each) < MIN_SECRET for each in secrets):
            raise DeclarationError(
                f"A webhook needs secrets of at least {MIN_SECRET} characters; make one with "
                'python3 -c "import secrets; print(secrets.token_urlsafe(32))".'
            )
        if isinstance(self.timeout, bool) or not 0 < self.timeout <= 60:
            raise DeclarationError(f"timeout={self.timeout!r} is no patience; give up to 60 seconds.")
        settle(self, secrets=secrets, parts=parts)

    def sign(self, body: bytes, seconds: int) -> str:
        """Return the signature's header for *body*, sent *seconds* after 1970."""
        return f"t={seconds}," + ",".join(f"v1={each}" for each in self._digests(body, seconds))

    def read(self, body: bytes, signature: str, *, tolerance: int = 300) -> dict[str, Any]:
        """Return the message in *body*: what the receiver calls.

        Parameters:
            body: The request's body, as it came.
            signature: The header ``Cactuprivacy-Signature``.
            tolerance: How many seconds it may be old, against its being played again.

        Raises:
            WebhookRefusedError: when it is not ours, or too old.
        """
        pairs = [pair.partition("=")[::2] for pair in signature[:2000].split(",")]
        times = [value for name, value in pairs if name == "t" and value.isascii() and value.isdigit()]
        seconds = int(times[0][:12]) if times else 0
        given = [value for name, value in pairs if name == "v1" and value.isascii()]
        known = self._digests(body, seconds)
        sound = any(hmac.compare_digest(one, other) for one in given for other in known)
        if not sound or abs(time.time() - seconds) > tolerance:
            raise WebhookRefusedError("The message is not signed by a secret of this webhook, or it is old.")
        found: dict[str, Any] = json.loads(body)
        return found

    def _digests(self, body: bytes, seconds: int) -> list[str]:
        message = b"%d." % seconds + body
        return [hmac.digest(secret.encode(), message, "sha256").hex() for secret in self.secrets]


class Delivered(NamedTuple):
    """What a delivery run did: how many messages were delivered, put off, and given up."""

    delivered: int = 0
    retried: int = 0
    failed: int = 0


def queue(
    connection: Connection, topic: str, moment: datetime, minor: int, currency: str, **about: Any
) -> None:
    """Put a message about *minor* units of *currency* into the outbox, in *connection*'s transaction."""
    amount = {"amount": f"{money.in_units(minor, currency):f}", "currency": currency}
    body = json.dumps({"id": uuid.uuid4().hex, "topic": topic, "at": moment.isoformat(), **about, **amount})
    connection.execute(
        insert(table).values(
            topic=topic, body=body, state="queued", attempts=0, next_at=moment, created_at=moment
        )
    )


class Messenger:
    """Delivers the outbox; any number of processes and threads may do so at once.

    Parameters:
        store: The database.
        webhook: Where to.
    """

    def __init__(self, store: Store, webhook: Webhook) -> None:
        self._store = store
        self._webhook = webhook

    def deliver_due(self, limit: int = 100, ending: Callable[[], bool] = lambda: False) -> Delivered:
        """Post up to *limit* messages that are due, oldest first, and return what became of them.

        Parameters:
            limit: How many to take at most.
            ending: Asked before each; once it says yes, the rest is left to others.
        """
        counts = Delivered()
        for _ in range(limit):
            row = None if ending() else self._take()
            if row is None:
                break
            state, code = self._post(row)
            self._finish(row, state, code)
            counts = counts._replace(**{state: getattr(counts, state) + 1})
        return counts

    def _take(self) -> Row[Any] | None:
        moment = now()
        with self._store.read() as connection:
            if connection.execute(select(table.c.id).where(_due(moment)).limit(1)).first() is None:
                return None
        with self._store.write() as connection:
            chosen = (
                select(table.c.id)
                .where(_due(moment))
                .order_by(table.c.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            number = connection.scalar(chosen)
            return connection.execute(
                update(table)
                .where(table.c.id == number, _due(moment))
                .values(lease=uuid.uuid4(), lease_until=moment + _LEASE, attempts=table.c.attempts + 1)
                .returning(table)
            ).first()

    def _post(self, row: Row[Any]) -> tuple[str, int | None]:
        parts, body = self._webhook.parts, row.body.encode()
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        code = None
        try:
            peer = kind(parts.hostname or "", parts.port, timeout=self._webhook.timeout)
            try:
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                headers = {
                    "Content-Type": "application/json",
                    SIGNATURE: self._webhook.sign(body, int(time.time())),
                }
                peer.request("POST", target, body, headers)
                code = peer.getresponse().status
            finally:
                peer.close()
        except (OSError, http.client.HTTPException) as error:
            logger.warning("The webhook could not be reached (%s); it is tried again.", type(error).__name__)
        if code is not None and 200 <= code < 300:
            return "delivered", code
        return ("failed" if row.attempts >= MAX_ATTEMPTS else "retried"), code

    def _finish(self, row: Row[Any], state: str, code: int | None) -> None:
        moment = now()
        done = {"state": state, "done_at": moment}
        if state == "retried":
            wait = min(_FIRST_WAIT * 2 ** min(row.attempts - 1, 16), _LONGEST_WAIT)
            done = {"next_at": moment + wait}
        elif state == "failed":
            logger.error("A webhook was given up after %d attempts; see affiliate_webhook.", row.attempts)
        with self._store.write() as connection:
            connection.execute(
                update(table)
                .where(table.c.id == row.id, table.c.lease == row.lease)
                .values(lease=None, lease_until=None, last_code=code, **done)
            )


def _due(moment: datetime) -> ColumnElement[bool]:
    free = or_(table.c.lease_until.is_(None), table.c.lease_until < moment)
    return (table.c.state == "queued") & (table.c.next_at <= moment) & free

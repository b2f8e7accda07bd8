"""Roster: who is an affiliate, under which codes, and in which state.

Room: affiliates. May import store and declaration. A state is never overwritten: it is the last event. Nothing
here is about visitors, and nothing about an affiliate but the codes that the host chose.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Literal, NamedTuple

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from cactuprivacy.affiliates import tables
from cactuprivacy.affiliates.claim import affiliate_code
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from cactuprivacy.store import Store

State = Literal["pending", "approved", "suspended", "refused"]

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that people misread
_RANDOM_LENGTH = 10  # 31 to the tenth: neither counted up nor guessed


class AffiliateError(Exception):
    """An affiliate that cannot be added or is not there: the message names the fault and the mend."""


class Affiliate(NamedTuple):
    """An affiliate as the roster knows it: its row, its public code, its state."""

    id: int
    code: str
    state: State


class Roster:
    """The affiliates of a site.

    Parameters:
        store: The database that they are in.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, code: str | None = None, *, aliases: Iterable[str] = ()) -> str:
        """Add a pending affiliate, and return its public code; a random one unless *code* says.

        Raises:
            AffiliateError: when a code is taken, or is none.
        """
        if isinstance(aliases, str):
            raise AffiliateError(f"aliases is one text where a list is wanted; write aliases=[{aliases!r}].")
        public = _code(
            "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM_LENGTH)) if code is None else code
        )
        others = {_code(alias) for alias in aliases} - {public}
        moment = now()
        try:
            with self._store.write() as connection:
                row_id = connection.scalar(
                    insert(tables.affiliate)
                    .values(code=public, created_at=moment)
                    .returning(tables.affiliate.c.id)
                )
                kinds = [(public, "link"), *((alias, "alias") for alias in sorted(others))]
                connection.execute(
                    insert(tables.affiliate_code),
                    [{"code": text, "affiliate_id": row_id, "kind": kind} for text, kind in kinds],
                )
                connection.execute(
                    insert(tables.affiliate_event).values(affiliate_id=row_id, state="pending", at=moment)
                )
        except IntegrityError as error:
            raise AffiliateError(
                f"{' or '.join([public, *sorted(others)])} is an affiliate's code already; choose another."
            ) from error
        return public

    def approve(self, code: str) -> None:
        """Let the affiliate behind *code* be credited from now on; nothing happens when it is already.

        Raises:
            AffiliateError: when there is none.
        """
        with self._store.write() as connection:
            affiliate = self.known(connection, code)
            if affiliate.state != "approved":
                connection.execute(
                    insert(tables.affiliate_event).values(
                        affiliate_id=affiliate.id, state="approved", at=now()
                    )
                )

    def approved(self, code: str) -> str | None:
        """Return the public code of the approved affiliate behind *code* or an alias, or ``None``."""
        with self._store.read() as connection:
            affiliate = self.find(connection, code)
        return affiliate.code if affiliate and affiliate.state == "approved" else None

    def find(self, connection: Connection, code: str) -> Affiliate | None:
        """Return the affiliate behind *code*, which is in lower case."""
        event = tables.affiliate_event
        last = (
            select(func.max(event.c.id))
            .where(event.c.affiliate_id == tables.affiliate.c.id)
            .correlate(tables.affiliate)
            .scalar_subquery()
        )
        row = connection.execute(
            select(tables.affiliate.c.id, tables.affiliate.c.code, event.c.state)
            .join_from(tables.affiliate_code, tables.affiliate)
            .join(event, event.c.id == last)
            .where(tables.affiliate_code.c.code == code)
        ).first()
        return Affiliate(*row) if row else None

    def known(self, connection: Connection, code: str) -> Affiliate:
        """Return the affiliate behind *code*.

        Raises:
            AffiliateError: when there is none.
        """
        text = _code(code)
        affiliate = self.find(connection, text)
        if affiliate is None:
            raise AffiliateError(
                f"There is no affiliate {text!r}; add it first: cactuprivacy affiliates add."
            )
        return affiliate


def _code(text: str) -> str:
    code = affiliate_code(text) if isinstance(text, str) else None
    if code is None:
        raise AffiliateError("A code is 1 to 64 letters, digits, - and _; this one is not.")
    return code

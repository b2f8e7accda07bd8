"""Roster: who is an affiliate, under which codes, and in which state.

Room: affiliates. May import store. A state is never overwritten: it is the last event, and so are the terms that
one has of its own. Nothing here is about visitors, and nothing about an affiliate but the codes that the host chose.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.exc import IntegrityError

from cactuprivacy.affiliates import chain, tables
from cactuprivacy.affiliates.claim import affiliate_code
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Table

    from cactuprivacy.affiliates.terms import Terms
    from cactuprivacy.store import Store

State = Literal["pending", "approved", "suspended", "refused"]

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that people misread
_RANDOM_LENGTH = 10  # 31 to the tenth: neither counted up nor guessed


class AffiliateError(Exception):
    """What cannot be done with an affiliate, an order or a payout: the message names the fault and the mend."""


class Affiliate(NamedTuple):
    """An affiliate as the roster knows it: its row, its public code, its state, and terms of its own if it has any."""

    id: int
    code: str
    state: State
    terms_id: int | None = None


def _of_last(table: Table) -> Any:
    return (
        select(func.max(table.c.id))
        .where(table.c.affiliate_id == tables.affiliate.c.id)
        .correlate(tables.affiliate)
        .scalar_subquery()
    )


_AFFILIATES = (
    select(
        tables.affiliate.c.id,
        tables.affiliate.c.code,
        tables.affiliate_event.c.state,
        tables.agreement.c.terms_id,
    )
    .join(tables.affiliate_event, tables.affiliate_event.c.id == _of_last(tables.affiliate_event))
    .outerjoin(tables.agreement, tables.agreement.c.id == _of_last(tables.agreement))
)
_BY_CODE = _AFFILIATES.join(
    tables.affiliate_code, tables.affiliate_code.c.affiliate_id == tables.affiliate.c.id
).where(tables.affiliate_code.c.code == bindparam("code"))


class Roster:
    """The affiliates of a site.

    Parameters:
        store: The database that they are in.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, code: str | None = None, *, aliases: Iterable[str] = (), actor: str = "owner") -> str:
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
                    insert(tables.affiliate_event).values(
                        affiliate_id=row_id, state="pending", actor=actor_name(actor), at=moment
                    )
                )
        except IntegrityError as error:
            raise AffiliateError(
                f"{' or '.join([public, *sorted(others)])} is an affiliate's code already; choose another."
            ) from error
        return public

    def enter(self, code: str, state: State, *, actor: str = "owner") -> str:
        """Bring the affiliate behind *code* into *state*, and return its public code.

        Nothing is written when it is in that state already. Only ``approved`` ones are credited and paid.

        Raises:
            AffiliateError: when there is none.
        """
        with self._store.write() as connection:
            chain.lock(connection)  # so that no sale is credited half before and half after
            affiliate = self.known(connection, code)
            if affiliate.state != state:
                connection.execute(
                    insert(tables.affiliate_event).values(
                        affiliate_id=affiliate.id, state=state, actor=actor_name(actor), at=now()
                    )
                )
        return affiliate.code

    def agree(self, code: str, terms: Terms, *, actor: str = "owner") -> None:
        """Give the affiliate behind *code* terms of its own, for sales from now on.

        Raises:
            AffiliateError: when there is none.
        """
        with self._store.write() as connection:
            chain.lock(connection)
            affiliate = self.known(connection, code)
            connection.execute(
                insert(tables.agreement).values(
                    affiliate_id=affiliate.id,
                    terms_id=terms_id(connection, terms),
                    actor=actor_name(actor),
                    at=now(),
                )
            )

    def everybody(self) -> list[Affiliate]:
        """Return all affiliates, in the order of their codes."""
        with self._store.read() as connection:
            return [
                Affiliate(*row) for row in connection.execute(_AFFILIATES.order_by(tables.affiliate.c.code))
            ]

    def approved(self, code: str) -> str | None:
        """Return the public code of the approved affiliate behind *code* or an alias, or ``None``."""
        with self._store.read() as connection:
            affiliate = self.find(connection, code)
        return affiliate.code if affiliate and affiliate.state == "approved" else None

    def find(self, connection: Connection, code: str) -> Affiliate | None:
        """Return the affiliate behind *code*, which is in lower case."""
        row = connection.execute(_BY_CODE, {"code": code}).first()
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


def terms_id(connection: Connection, terms: Terms) -> int:
    """Return the number of *terms* in the database, which keeps each snapshot once."""
    found: int | None = connection.scalar(
        select(tables.terms.c.id).where(tables.terms.c.digest == terms.digest)
    )
    if found is not None:
        return found
    added = tables.insert_once(
        connection, tables.terms, "digest", digest=terms.digest, body=terms.body, created_at=now()
    )
    return added if added is not None else terms_id(connection, terms)


def actor_name(actor: str) -> str:
    """Return who did something, as the books name them.

    Raises:
        AffiliateError: when it is no text of 1 to 64 characters.
    """
    if not isinstance(actor, str) or not 1 <= len(actor) <= 64 or not actor.isprintable():
        raise AffiliateError("Who does it is named by 1 to 64 printable characters, such as 'owner'.")
    return actor


def _code(text: str) -> str:
    code = affiliate_code(text) if isinstance(text, str) else None
    if code is None:
        raise AffiliateError("A code is 1 to 64 letters, digits, - and _; this one is not.")
    return code

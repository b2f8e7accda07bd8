from __future__ import annotations

import importlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, inspect, text
from sqlalchemy.exc import IntegrityError

from cactuprivacy import AffiliateProgram, Affiliates, KeyRing, Site
from cactuprivacy.affiliates import Terms, tables
from cactuprivacy.store import Store, metadata, now

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

importlib.import_module("cactuprivacy.optin.tables")  # the mail's tables refer to them

ALLOWED = {
    "affiliate": "id code created_at",
    "affiliate_code": "code affiliate_id kind",
    "affiliate_event": "id affiliate_id state actor at",
    "affiliate_click_day": "day affiliate_id campaign verdict n",
    "affiliate_terms": "id digest body created_at",
    "affiliate_agreement": "id affiliate_id terms_id actor at",
    "affiliate_conversion": "id order_key currency base_minor lines attribution root_id later occurred_at",
    "affiliate_refund": "id order_key refund_key currency amount_minor at",
    "affiliate_conflict": "id order_key kind digest differs at",
    "affiliate_hold": "id order_key rule kind actor at",
    "affiliate_ledger": "id affiliate_id conversion_id of_entry payout_id terms_id kind amount_minor currency idem_key "
    "occurred_at available_at reason prev_hash hash",
    "affiliate_payout": "id affiliate_id currency period cut_off amount_minor method actor at",
    "affiliate_payout_line": "entry_id payout_id affiliate_id currency",
    "affiliate_person": "affiliate_id blind_index sealed words told_event_id created_at",
    "affiliate_access": "digest affiliate_id expires_at created_at",
    "affiliate_attempt": "id network at",  # of who sends a form, for an hour, and never beside a click or an order
    "affiliate_letter": "id kind affiliate_id event_id access_digest dedupe_key message_id sealed state attempts "
    "next_at lease lease_until last_code created_at done_at",
    "affiliate_webhook": "id topic body state attempts next_at lease lease_until last_code created_at done_at",
}
PEOPLE = ("affiliate_person", "affiliate_access", "affiliate_attempt", "affiliate_letter")
CHANGING = ("affiliate", "affiliate_code", "affiliate_click_day", "affiliate_webhook", *PEOPLE)
MONEY = tuple(table for table in ALLOWED if table not in CHANGING)


def test_invariant_9_no_column_can_hold_anything_of_a_visitor(store: Store) -> None:
    store.upgrade()
    found = inspect(store.engine)

    assert {
        table: {column["name"] for column in found.get_columns(table)}
        for table in found.get_table_names()
        if table.startswith("affiliate")
    } == {table: set(columns.split()) for table, columns in ALLOWED.items()}


def test_the_revision_makes_the_tables_that_are_declared(store: Store) -> None:
    store.upgrade()
    with store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, parents: kind != "table" or name.startswith("affiliate")
            },
        )
        differences = [
            difference for difference in compare_metadata(context, metadata) if "affiliate" in str(difference)
        ]

    assert differences == []


@pytest.mark.parametrize("statement", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}"])
def test_invariant_6_the_database_refuses_to_change_what_was_added(
    program: AffiliateProgram, visitor: Callable[[str], dict[str, Any]], statement: str
) -> None:
    fill(program, visitor)
    refused = []
    for table in MONEY:
        with pytest.raises(IntegrityError, match="only ever added to"), program.store.write() as connection:
            connection.execute(text(statement.format(table, ALLOWED[table].split()[0])))
        refused.append(table)

    assert list(MONEY) == refused


def test_invariant_6_sqlite_refuses_to_replace_what_was_added(
    sqlite_store: Store, site: Site, keys: KeyRing
) -> None:
    program = AffiliateProgram(Affiliates(basis="exempt"), site=site, keys=keys, store=sqlite_store)
    program.add("alice")
    event = "REPLACE INTO affiliate_event SELECT id, affiliate_id, 'approved', actor, at FROM affiliate_event"

    with pytest.raises(IntegrityError, match="only ever added to"), sqlite_store.write() as connection:
        connection.execute(text(event))


@pytest.mark.postgres
def test_invariant_6_postgresql_refuses_truncate_too(postgres_store: Store) -> None:
    refused = []
    for table in MONEY:
        with pytest.raises(IntegrityError, match="only ever added to"), postgres_store.write() as connection:
            connection.execute(text(f"TRUNCATE {table} CASCADE"))
        refused.append(table)

    assert list(MONEY) == refused


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"currency": "EUR"}, id="another currency than the order's"),
        pytest.param({"amount_minor": -1}, id="an accrual below nought"),
        pytest.param({"conversion_id": None}, id="an accrual for no order"),
        pytest.param({"terms_id": None}, id="an accrual by no terms"),
        pytest.param({"kind": "gift"}, id="an unknown kind"),
        pytest.param({"kind": "reversal", "of_entry": 1, "amount_minor": 1}, id="a reversal above nought"),
        pytest.param({"kind": "reversal", "of_entry": None, "amount_minor": -1}, id="a reversal of nothing"),
        pytest.param(
            {"kind": "reversal", "of_entry": 1, "amount_minor": -101}, id="more reversed than earned"
        ),
        pytest.param({"kind": "payout", "payout_id": None, "amount_minor": -1}, id="an entry for no payout"),
        pytest.param({"idem_key": "sound"}, id="the same key twice"),
        pytest.param({"affiliate_id": 99}, id="nobody's entry"),
        pytest.param({"prev_hash": bytes(32)}, id="a fork of the chain"),
    ],
)
def test_the_database_refuses_an_entry_that_cannot_be(
    program: AffiliateProgram, visitor: Callable[[str], dict[str, Any]], fault: dict[str, Any]
) -> None:
    program.credit_sale(visitor("alice"), order=1, amount="10", currency="GBP")
    entry = {
        "id": 2,
        "affiliate_id": 1,
        "conversion_id": 1,
        "terms_id": 1,
        "kind": "accrual",
        "amount_minor": 1,
        "currency": "GBP",
        "idem_key": "sound",
        "occurred_at": now(),
        "available_at": now(),
        "reason": "",
        "prev_hash": b"a" * 32,
        "hash": b"b" * 32,
    }
    with program.store.write() as connection:
        connection.execute(insert(tables.ledger).values(entry))  # sound as it is
    another = {"id": 3, "idem_key": "another", "prev_hash": b"b" * 32, "hash": b"c" * 32}

    with pytest.raises(IntegrityError), program.store.write() as connection:
        connection.execute(insert(tables.ledger).values({**entry, **another, **fault}))


def test_invariant_5_the_database_refuses_to_pay_an_entry_twice(
    program: AffiliateProgram, visitor: Callable[[str], dict[str, Any]]
) -> None:
    fill(program, visitor)
    line = {"entry_id": 1, "payout_id": 1, "affiliate_id": 1, "currency": "GBP"}

    with pytest.raises(IntegrityError), program.store.write() as connection:
        connection.execute(insert(tables.payout_line).values(line))


def fill(program: AffiliateProgram, visitor: Callable[[str], dict[str, Any]]) -> None:
    """Put a row into every table of money."""
    program.agree("alice", Terms("20%"))
    program.credit_sale(visitor("alice"), order=1, amount="10", currency="GBP")
    program.credit_sale(visitor("alice"), order=1, amount="11", currency="GBP")
    program.refund(order=1, amount="1", currency="GBP", refund=1)
    program.hold(order=2)
    with time_machine.travel(now() + timedelta(days=62)):
        program.pay(f"{now():%Y-%m}")

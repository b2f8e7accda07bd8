from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, inspect, text
from sqlalchemy.exc import IntegrityError

from cactuprivacy.affiliates import tables
from cactuprivacy.store import Store, metadata, now

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cactuprivacy import AffiliateProgram

ALLOWED = {
    "affiliate": {"id", "code", "created_at"},
    "affiliate_code": {"code", "affiliate_id", "kind"},
    "affiliate_event": {"id", "affiliate_id", "state", "at"},
    "affiliate_click_day": {"day", "affiliate_id", "campaign", "verdict", "n"},
    "affiliate_conversion": {
        *("id", "order_key", "affiliate_id", "currency", "base_minor", "rate_ppm", "occurred_at"),
    },
    "affiliate_ledger": {
        *(
            "id",
            "affiliate_id",
            "conversion_id",
            "kind",
            "amount_minor",
            "currency",
            "idem_key",
            "occurred_at",
        ),
    },
}
MONEY = ("affiliate_event", "affiliate_conversion", "affiliate_ledger")


def test_invariant_9_no_column_can_hold_anything_of_a_visitor(store: Store) -> None:
    store.upgrade()
    found = inspect(store.engine)

    assert {
        table: {column["name"] for column in found.get_columns(table)}
        for table in found.get_table_names()
        if table.startswith("affiliate")
    } == ALLOWED


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


@pytest.mark.parametrize("table", MONEY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET affiliate_id = 2", "DELETE FROM {}"])
def test_invariant_6_the_database_refuses_to_change_what_was_added(
    program: AffiliateProgram, visitor: Callable[[str], dict[str, Any]], table: str, statement: str
) -> None:
    program.credit_sale(visitor("alice"), order=1, amount="10", currency="GBP")

    with pytest.raises(IntegrityError, match="only ever added to"), program.store.write() as connection:
        connection.execute(text(statement.format(table)))


@pytest.mark.postgres
def test_invariant_6_postgresql_refuses_truncate_too(postgres_store: Store) -> None:
    with pytest.raises(IntegrityError, match="only ever added to"), postgres_store.write() as connection:
        connection.execute(text("TRUNCATE affiliate_ledger"))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"currency": "EUR"}, id="another currency than the order's"),
        pytest.param({"amount_minor": -1}, id="an accrual below nought"),
        pytest.param({"conversion_id": None}, id="an accrual for no order"),
        pytest.param({"kind": "gift"}, id="an unknown kind"),
        pytest.param({"kind": "reversal", "amount_minor": 1}, id="a reversal above nought"),
        pytest.param({"idem_key": "accrual:1:1"}, id="the same key twice"),
        pytest.param({"affiliate_id": 99}, id="nobody's entry"),
    ],
)
def test_the_database_refuses_an_entry_that_cannot_be(
    program: AffiliateProgram, visitor: Callable[[str], dict[str, Any]], fault: dict[str, Any]
) -> None:
    program.credit_sale(visitor("alice"), order=1, amount="10", currency="GBP")
    entry = {
        "affiliate_id": 1,
        "conversion_id": 1,
        "kind": "accrual",
        "amount_minor": 1,
        "currency": "GBP",
        "idem_key": "another",
        "occurred_at": now(),
    }
    with program.store.write() as connection:
        connection.execute(insert(tables.ledger).values(entry))  # sound as it is

    with pytest.raises(IntegrityError), program.store.write() as connection:
        connection.execute(insert(tables.ledger).values({**entry, "idem_key": "a third", **fault}))

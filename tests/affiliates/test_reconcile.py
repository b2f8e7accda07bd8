"""Reconcile: what was changed past the database's refusals is found, whatever it was."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from selling import later, sell, this_month
from sqlalchemy import text

if TYPE_CHECKING:
    from cactuprivacy import AffiliateProgram, Store


def forge(store: Store, statement: str) -> None:
    """Change what the database refuses to change, as somebody can who may drop its triggers."""
    table = statement.split()[2 if statement.startswith("DELETE") else 1]
    if store.is_sqlite:
        forger = sqlite3.connect(str(store.url.database))  # which minds no foreign key, unless told to
        forger.execute(f"DROP TRIGGER {table}_no_update")
        forger.execute(f"DROP TRIGGER {table}_no_delete")
        forger.execute(statement)
        forger.commit()
        forger.close()
        return
    with store.write() as connection:
        connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        connection.execute(text(statement))


@pytest.fixture
def books(program: AffiliateProgram) -> AffiliateProgram:
    """Books with every kind of entry in them."""
    sell(program, 1, "alice")
    sell(program, 2, "bob", amount="50")
    program.refund(order=1, amount="25", currency="GBP", refund=1)
    with later(31):
        (payout, _) = program.pay(this_month())
        program.void_payout(payout.number)
    return program


def test_sound_books_show_no_difference(books: AffiliateProgram) -> None:
    found = books.reconcile()

    assert (6, ()) == (found.entries, found.differences)
    assert books.reconcile(head=found.head) == found


def test_empty_books_are_sound(program: AffiliateProgram) -> None:
    assert (0, (), "0" * 64) == (
        program.reconcile().entries,
        program.reconcile().differences,
        program.reconcile().head,
    )


@pytest.mark.parametrize(
    "statement, said",
    [
        ("UPDATE affiliate_ledger SET amount_minor = 999 WHERE id = 1", "Entry 1, or the sale that it is of"),
        ("UPDATE affiliate_ledger SET amount_minor = 999 WHERE id = 1", "credited with other shares"),
        ("UPDATE affiliate_ledger SET affiliate_id = 2 WHERE id = 3", "Entry 3, or the sale"),
        ("UPDATE affiliate_ledger SET reason = 'x' WHERE id = 6", "Entry 6, or the sale"),
        ("DELETE FROM affiliate_ledger WHERE id = 3", "Entry 3 is missing"),
        ("DELETE FROM affiliate_ledger WHERE id = 3", "Entry 4 does not follow"),
        ("DELETE FROM affiliate_ledger WHERE id = 3", "should be reversed by 250, and is by 0"),
        ("DELETE FROM affiliate_ledger WHERE id = 5", "Payout 2 is not in the ledger"),
        (
            "UPDATE affiliate_conversion SET base_minor = 5 WHERE id = 1",
            "Sale 1 was credited with other shares",
        ),
        (
            "UPDATE affiliate_conversion SET attribution = '[]' WHERE id = 1",
            "Sale 1 cannot be computed again",
        ),
        ("DELETE FROM affiliate_conversion WHERE id = 2", "Sale 2 has entries, and is not there"),
        ("UPDATE affiliate_terms SET body = body || ' ' WHERE id = 1", "Terms 1 were changed"),
        ("DELETE FROM affiliate_terms WHERE id = 1", "Sale 1 cannot be computed again"),
        ("UPDATE affiliate_refund SET amount_minor = 5000 WHERE id = 1", "reversed by 500, and is by 250"),
        ("UPDATE affiliate_payout SET amount_minor = 1 WHERE id = 1", "Payout 1 is 1, its lines 750"),
        ("UPDATE affiliate_payout SET amount_minor = 1 WHERE id = 1", "voided with another amount"),
        ("DELETE FROM affiliate_payout_line WHERE payout_id = 2", "Payout 2 is 500, its lines 0"),
        ("DELETE FROM affiliate_payout WHERE id = 2", "Payout 2 is in the ledger, and is not there"),
    ],
)
def test_invariant_6_what_was_changed_is_found(books: AffiliateProgram, statement: str, said: str) -> None:
    forge(books.store, statement)

    assert [said] == [said for difference in books.reconcile().differences if said in difference][:1]


def test_what_was_cut_off_is_found_by_a_head_that_was_kept(books: AffiliateProgram) -> None:
    head = books.reconcile().head
    forge(books.store, "DELETE FROM affiliate_ledger WHERE id = 6")

    assert () == books.reconcile().differences
    assert [True] == ["cut off" in difference for difference in books.reconcile(head=head).differences]

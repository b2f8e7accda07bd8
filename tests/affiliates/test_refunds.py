"""Refunds, voids and conflicts: they sum exactly, in whatever order and however often one hears of them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from selling import later, sell, this_month
from sqlalchemy import select

from cactuprivacy import AffiliateProgram, Affiliates, KeyRing, Site, Store
from cactuprivacy.affiliates import Reversal, Terms, tables
from cactuprivacy.affiliates.refunds import reversible

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"
OLD_KEY = "0ld-Tz7Wq3Np8Vb1Kc6Xm5Rj2Hs9Gd4LfYe"


def total(program: AffiliateProgram, code: str = "alice", currency: str = "GBP") -> Decimal:
    return program.statement(code).totals.get(currency, Decimal(0))


def conflicts(program: AffiliateProgram) -> list[tuple[str, str]]:
    with program.store.read() as connection:
        found = connection.execute(select(tables.conflict.c.kind, tables.conflict.c.differs)).all()
    return [tuple(row) for row in found]  # type: ignore[misc]  # two columns


def test_a_partial_refund_takes_back_its_part(program: AffiliateProgram) -> None:
    sell(program, 1, "alice", amount="100")
    reversal = program.refund(order=1, amount="25", currency="GBP", refund="r1")

    assert Reversal(Decimal("2.50"), "GBP", new=True) == reversal
    assert Decimal("7.50") == total(program)


def test_three_thirds_are_one_whole_where_floats_and_ceilings_give_102_cents(
    program: AffiliateProgram,
) -> None:
    sell(program, 1, "alice", amount="9.99")
    for refund in range(3):
        program.refund(order=1, amount="3.33", currency="GBP", refund=refund)

    assert Decimal("0.00") == total(program)


def test_row_20_a_full_refund_after_the_payout_is_carried_as_a_debt(program: AffiliateProgram) -> None:
    sell(program, 1, "alice")
    with later(31):
        program.pay(this_month())
        program.refund(order=1, amount="100", currency="GBP", refund=1)
        balance = program.statement("alice").balances["GBP"]

    assert (Decimal("-10.00"), Decimal("-10.00")) == (balance.available, balance.total)


def test_a_refund_again_changes_nothing(program: AffiliateProgram) -> None:
    sell(program, 1, "alice")
    first = program.refund(order=1, amount="25", currency="GBP", refund="r1")
    again = program.refund(order="1", amount=Decimal("25.00"), currency="gbp", refund="r1")

    assert (True, False) == (first.new, again.new)
    assert Decimal("7.50") == total(program)
    assert not conflicts(program)


@pytest.mark.parametrize("other, differs", [({"amount": "30"}, "amount"), ({"currency": "EUR"}, "currency")])
def test_the_same_refund_with_other_particulars_is_a_conflict_and_the_first_stands(
    program: AffiliateProgram, other: dict[str, Any], differs: str
) -> None:
    refund = {"order": 1, "amount": "25", "currency": "GBP", "refund": "r1"}
    sell(program, 1, "alice")
    program.refund(**refund)
    answers = [program.refund(**{**refund, **other}) for _ in range(2)]

    assert [(False, True)] * 2 == [(answer.new, answer.conflict) for answer in answers]
    assert [("refund", differs)] == conflicts(program)
    assert Decimal("7.50") == total(program)


def test_currencies_never_add_a_refund_in_another_takes_nothing_back(program: AffiliateProgram) -> None:
    sell(program, 1, "alice")
    answer = program.refund(order=1, amount="25", currency="EUR", refund="r1")

    assert (Decimal("0.00"), True) == (answer.amount, answer.conflict)
    assert [("refund", "currency than its sale")] == conflicts(program)
    assert {"GBP": Decimal("10.00")} == program.statement("alice").totals


def test_a_refund_before_its_sale_waits_for_it(program: AffiliateProgram) -> None:
    early = program.refund(order=1, amount="25", currency="GBP", refund="r1")
    sell(program, 1, "alice")

    assert Reversal(Decimal("0.00"), "GBP", new=True) == early
    assert Decimal("7.50") == total(program)


@pytest.mark.parametrize("void_first", [True, False])
def test_A16_a_cancelled_order_brings_nothing(program: AffiliateProgram, void_first: bool) -> None:
    steps = [lambda: program.void(order=1), lambda: sell(program, 1, "alice")]
    for step in steps if void_first else reversed(steps):
        step()
    again = program.void(order=1)

    assert Decimal("0.00") == total(program)
    assert Reversal(Decimal("10.00"), "GBP") == again


def test_a_free_order_with_a_flat_commission_is_taken_back_by_a_void_alone(
    make_program: Callable[..., AffiliateProgram],
) -> None:
    program = make_program(commission=Terms("0%", flat={"GBP": "5"}))
    program.approve(program.add("alice"))
    sell(program, 1, "alice", amount=0)
    program.refund(order=1, amount=0, currency="GBP", refund=1)
    before = total(program)
    program.void(order=1)

    assert [Decimal("5.00"), Decimal("0.00")] == [before, total(program)]


def test_a_refund_of_all_shares_takes_back_all_shares(make_program: Callable[..., AffiliateProgram]) -> None:
    program = make_program(model="linear")
    for code in ("alice", "bob", "dave"):
        program.approve(program.add(code))
    sell(program, 1, "alice", "bob", "dave")
    earned = [total(program, code) for code in ("alice", "bob", "dave")]
    program.refund(order=1, amount="100", currency="GBP", refund=1)

    assert [Decimal("3.34"), Decimal("3.33"), Decimal("3.33")] == earned
    assert [Decimal("0.00")] * 3 == [total(program, code) for code in ("alice", "bob", "dave")]


def test_a_refund_after_a_key_rotation_finds_its_sale_and_a_sale_its_refund(
    program: AffiliateProgram, make_program: Callable[..., AffiliateProgram]
) -> None:
    sell(program, 1, "alice")
    program.refund(order=2, amount="50", currency="GBP", refund=1)
    program.hold(order=2)
    rotated = make_program(keys=KeyRing([OLD_KEY, KEY]))
    rotated.refund(order=1, amount="50", currency="GBP", refund=1)
    sell(rotated, 2, "alice")

    assert Decimal("10.00") == total(program)
    assert not rotated.refund(order=2, amount="50", currency="GBP", refund=1).new
    assert Decimal("5.00") == program.statement("alice").balances["GBP"].held


@pytest.mark.parametrize("amount", [1.0, True])
def test_invariant_8_a_float_refund_is_a_type_error(program: AffiliateProgram, amount: Any) -> None:
    with pytest.raises(TypeError, match="give it as Decimal, text or int"):
        program.refund(order=1, amount=amount, currency="GBP", refund=1)


@pytest.mark.parametrize("name", [None, 1.0, True, ""])
def test_a_refund_needs_a_name(program: AffiliateProgram, name: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="refund="):
        program.refund(order=1, amount="1", currency="GBP", refund=name)


@given(
    accrual=st.integers(0, 10**12),
    base=st.integers(1, 10**12),
    refunds=st.lists(st.integers(0, 10**12), max_size=8),
)
def test_invariant_3_no_more_is_reversed_than_was_earned_and_all_of_it_by_a_full_refund(
    accrual: int, base: int, refunds: list[int]
) -> None:
    steps = [reversible(accrual, base, refunds[:count]) for count in range(len(refunds) + 1)]

    assert steps == sorted(steps)
    assert 0 <= steps[-1] <= accrual
    assert sum(refunds) < base or steps[-1] == accrual


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("sale"), st.integers(1, 3)),
        st.tuples(st.just("refund"), st.integers(1, 3), st.integers(1, 4), st.sampled_from(["GBP", "EUR"])),
        st.tuples(st.just("void"), st.integers(1, 3)),
        st.tuples(st.just("hold"), st.integers(1, 3), st.sampled_from("ab")),
        st.tuples(st.just("release"), st.integers(1, 3), st.sampled_from("ab")),
    ),
    max_size=12,
    unique=True,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, data=st.data())
def test_invariant_7_any_order_and_repetition_of_events_ends_in_the_same_books(
    store: Store, site: Site, keys: KeyRing, events: list[Any], data: st.DataObject
) -> None:
    """The amounts follow from the names, so that an event is the same whenever it comes."""
    program = AffiliateProgram(Affiliates(basis="exempt", model="linear"), site=site, keys=keys, store=store)
    books = []
    for _ in range(2):
        codes = [program.add() for _ in range(2)]
        for code in codes:
            program.approve(code)
        for event in data.draw(st.permutations(events + events[::2])):
            play(program, codes, *event)
        books.append(read_books(program, codes))

    assert books[0] == books[1]
    assert () == program.reconcile().differences


def play(program: AffiliateProgram, codes: list[str], kind: str, number: int, *more: Any) -> None:
    order = f"{codes[0]}-{number}"
    if kind == "sale":
        sell(program, order, *codes, amount=f"{number * 7}.{number * 13}")
    elif kind == "refund":
        program.refund(order=order, amount=f"{more[0] * 2}.01", currency=more[1], refund=f"{more}")
    elif kind == "void":
        program.void(order=order)
    elif kind == "hold":
        program.hold(order=order, rule=more[0])
    else:
        program.release(order=order, rule=more[0])


def read_books(program: AffiliateProgram, codes: list[str]) -> Any:
    statements = [program.statement(code) for code in codes]
    entry = tables.ledger.c
    with program.store.read() as connection:
        ids = [program._roster.known(connection, code).id for code in codes]
        rows = connection.execute(select(entry.idem_key).where(entry.affiliate_id.in_(ids))).scalars().all()
    orders = {key.hex(): str(n) for n in range(1, 4) for key in program._ledger.order_keys(f"{codes[0]}-{n}")}
    keys = sorted(
        (kind, orders[order], ids.index(int(who)), *more)
        for kind, order, who, *more in (key.split(":") for key in rows)
    )
    return [statement.balances for statement in statements], keys

"""Who is credited: terms of one's own, products, later orders, self-referrals; and why, as it is explained."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from selling import sell

from cactuprivacy import DeclarationError
from cactuprivacy.affiliates import AffiliateError, ExplainedTouch, Terms, sale_credited, sale_reversed

if TYPE_CHECKING:
    from collections.abc import Callable

    from cactuprivacy import AffiliateProgram

    MakeProgram = Callable[..., AffiliateProgram]
    Visitor = Callable[[str], dict[str, Any]]


def affiliates(program: AffiliateProgram, *codes: str) -> AffiliateProgram:
    for code in codes:
        program.approve(program.add(code))
    return program


def test_products_have_rates_of_their_own_and_the_rest_goes_by_the_orders(make_program: MakeProgram) -> None:
    program = affiliates(make_program(commission=Terms("10%", products={"books": "4%"})), "alice")
    credit = sell(program, 1, "alice", amount="30", items=[("books", "5"), ("books", "5"), ("pots", "8")])

    assert Decimal("2.40") == credit.amount


@pytest.mark.parametrize(
    "items, error",
    [([("books", "31")], ValueError), ([("books", 1.0)], TypeError), ([("", "1")], DeclarationError)],
)
def test_items_that_cannot_be_are_refused(
    program: AffiliateProgram, items: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        program.credit_sale(order=1, amount="30", currency="GBP", items=items)


def test_A16_an_affiliate_may_have_terms_of_its_own(program: AffiliateProgram) -> None:
    before = sell(program, 1, "alice").amount
    program.agree("alice", Terms("20%"))

    assert [Decimal("10.00"), Decimal("20.00")] == [before, sell(program, 2, "alice").amount]
    assert Decimal("10.00") == sell(program, 3, "bob").amount
    assert () == program.reconcile().differences


def test_row_25_new_terms_change_nothing_that_was_earned(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    sell(program, 1, "alice")
    dearer = make_program(commission="50%", hold_days=1)
    dearer.refund(order=1, amount="50", currency="GBP", refund=1)

    assert Decimal("5.00") == dearer.statement("alice").totals["GBP"]
    assert () == dearer.reconcile().differences


def test_invariant_4_shares_of_affiliates_with_the_same_terms_sum_to_the_commission(
    make_program: MakeProgram,
) -> None:
    program = affiliates(make_program(model="position"), "alice", "bob", "dave")
    credit = sell(program, 1, "alice", "bob", "bob", "dave", amount="99.99")

    assert Decimal("10.00") == credit.amount == sum(part for _, part in credit.shares)
    assert {"alice": "4.00", "bob": "2.00", "dave": "4.00"} == {who: f"{part}" for who, part in credit.shares}


def test_each_of_several_affiliates_is_credited_by_its_own_terms(make_program: MakeProgram) -> None:
    program = affiliates(make_program(model="linear"), "alice", "bob")
    program.agree("bob", Terms("20%"))

    assert (("bob", Decimal("10.00")), ("alice", Decimal("5.00"))) == sell(program, 1, "alice", "bob").shares
    assert () == program.reconcile().differences


def test_A10_with_the_last_click_the_last_who_may_be_credited_is(make_program: MakeProgram) -> None:
    program = affiliates(make_program(), "alice", "bob")
    program.suspend("bob")

    assert "alice" == sell(program, 1, "alice", "bob").affiliate


def test_A12_later_orders_of_a_customer_are_credited_by_the_terms_of_the_first(
    make_program: MakeProgram,
) -> None:
    program = affiliates(make_program(commission=Terms("10%", later_orders="all")), "alice", "bob")
    sell(program, 1, "alice")
    cheaper = make_program(commission=Terms("1%"))
    later = [sell(cheaper, 2, first_order="1"), sell(cheaper, 3, "bob", first_order="2")]

    assert [("alice", Decimal("10.00"))] * 2 == [(credit.affiliate, credit.amount) for credit in later]
    assert () == cheaper.reconcile().differences


def test_A12_the_promise_may_have_a_cap(make_program: MakeProgram) -> None:
    program = affiliates(make_program(commission=Terms(later_orders=2)), "alice", "bob")
    sell(program, 1, "alice")
    later = [sell(program, order, "bob", first_order="1").affiliate for order in range(2, 6)]

    assert ["alice", "alice", "bob", "bob"] == later


@pytest.mark.parametrize("first", ["1", "nowhere"])
def test_without_the_promise_a_later_order_goes_by_its_own_links(
    program: AffiliateProgram, first: str
) -> None:
    sell(program, 1, "alice")

    assert sell(program, 2, first_order=first).affiliate is None
    assert "bob" == sell(program, 3, "bob", first_order=first).affiliate


def test_row_11_a_suspended_affiliate_earns_by_no_later_order(make_program: MakeProgram) -> None:
    program = affiliates(make_program(commission=Terms(later_orders="all")), "alice")
    sell(program, 1, "alice")
    program.suspend("alice")

    assert sell(program, 2, first_order="1").affiliate is None


def test_a_later_order_again_is_the_same_answer(make_program: MakeProgram) -> None:
    program = affiliates(make_program(commission=Terms(later_orders="all")), "alice")
    sell(program, 1, "alice")
    first, again = (sell(program, 2, first_order="1") for _ in range(2))

    assert [(True, False), (False, False)] == [(each.new, each.conflict) for each in (first, again)]


def test_A13_who_buys_by_their_own_link_is_not_credited(make_program: MakeProgram) -> None:
    asked: list[tuple[str, str]] = []

    def is_self(order: str, code: str) -> bool:
        asked.append((order, code))
        return code == "alice"

    program = affiliates(make_program(is_self=is_self), "alice", "bob")

    assert sell(program, 7, "alice").affiliate is None
    assert "bob" == sell(program, 8, "bob", "alice").affiliate
    assert ("7", "alice") == asked[0]


def test_A13_an_alias_does_not_evade_the_rule(make_program: MakeProgram) -> None:
    program = make_program(is_self=lambda order, code: code == "alice")
    program.approve(program.add("alice", aliases=["17"]))

    assert sell(program, 7, "17").affiliate is None


def test_A13_the_rule_answers_yes_or_no(make_program: MakeProgram) -> None:
    program = affiliates(make_program(is_self=lambda order, code: "alice@shop.example"), "alice")

    with pytest.raises(TypeError, match="let it return True or False") as refused:
        sell(program, 7, "alice")
    assert "@" not in str(refused.value)


def test_explain_tells_why_and_nothing_of_the_visitor(make_program: MakeProgram) -> None:
    program = affiliates(make_program(), "alice", "bob")
    program.add("carol")
    sell(program, 1, "carol", "alice", "bob")
    program.refund(order=1, amount="50", currency="GBP", refund=1)
    program.hold(order=1)
    found = program.explain(order=1)

    day = date(2026, 3, 1)
    assert (
        ExplainedTouch("alice", day, "passed over", None),
        ExplainedTouch("bob", day, "credited", Decimal("10.00")),
        ExplainedTouch("carol", None, "pending", None),
    ) == found.touches
    assert (True, "claim", "last", Decimal("-5.00"), True) == (
        found.credited,
        found.rule,
        found.model,
        found.reversed,
        found.held,
    )


def test_explain_before_the_sale_is_a_dry_run(program: AffiliateProgram, visitor: Visitor) -> None:
    found = program.explain(visitor("alice"), order=1, amount="100", currency="GBP")

    assert (False, ["credited"], [Decimal("10.00")]) == (
        found.credited,
        [touch.verdict for touch in found.touches],
        [touch.amount for touch in found.touches],
    )
    assert {} == program.statement("alice").totals
    assert 0 == program.reconcile().entries


def test_explain_of_what_nobody_led_to(program: AffiliateProgram) -> None:
    found = program.explain(order=1)

    assert (False, None, ()) == (found.credited, found.rule, found.touches)


def test_a_signal_is_sent_once_for_each_event(program: AffiliateProgram, visitor: Visitor) -> None:
    told: list[tuple[str, bool]] = []

    def credited(sender: object, order: str, credit: Any) -> None:
        told.append((order, credit.new))

    def taken_back(sender: object, order: str, reversal: Any) -> None:
        told.append((order, reversal.new))

    with sale_credited.connected_to(credited), sale_reversed.connected_to(taken_back):
        for _ in range(2):
            program.credit_sale(visitor("alice"), order=1, amount="10", currency="GBP")
            program.refund(order=1, amount="1", currency="GBP", refund=1)

    assert [("1", True), ("1", True)] == told


def test_a_receiver_that_raises_does_not_undo_the_sale(
    program: AffiliateProgram, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(sender: object, **about: Any) -> None:
        raise RuntimeError("SECRET")

    with sale_credited.connected_to(broken):
        assert program.credit_sale(visitor("alice"), order=1, amount="10", currency="GBP").new
    assert "raised RuntimeError" in caplog.text
    assert "SECRET" not in caplog.text


def test_A15_states_are_events_with_who_and_when(program: AffiliateProgram) -> None:
    program.suspend("alice", actor="zoe")
    program.refuse("carol", actor="zoe")

    assert [("alice", "suspended"), ("bob", "approved"), ("carol", "refused")] == [
        (each.code, each.state) for each in program.everybody()
    ]
    with pytest.raises(AffiliateError, match="named by 1 to 64"):
        program.approve("carol", actor="")

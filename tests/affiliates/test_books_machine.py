"""The books against a model in plain Python: whatever is reported, in whichever order, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from selling import sell

from cactuprivacy import AffiliateProgram, Affiliates

if TYPE_CHECKING:
    from cactuprivacy import KeyRing, Site, Store

START = datetime(2026, 1, 10, 12, tzinfo=timezone.utc)
ORDERS = st.integers(1, 4)
MINOR = st.integers(0, 20_000)
HOLD_DAYS = 30


class Model:
    """What the books should say, computed from all that was reported: amounts in minor units, times in days."""

    def __init__(self) -> None:
        self.day = 0
        self.sales: dict[int, tuple[int, tuple[int, ...], int]] = {}  # order: base, who led there, day
        self.refunds: dict[int, dict[int, int]] = {}
        self.voided: set[int] = set()
        self.holds: set[tuple[int, str]] = set()
        self.releases: set[tuple[int, str]] = set()
        self.paid_of: dict[tuple[int, int], int] = {}  # affiliate and order: what payouts paid of it
        self.payouts: list[dict[str, Any]] = []

    def net(self, who: int, order: int) -> int:
        """Return what *who* has of *order* after its refunds: linear shares of 10 %, half to even."""
        if order not in self.sales:
            return 0
        base, led, _ = self.sales[order]
        once = sorted(set(led), key=led.index)
        if who not in once:
            return 0
        commission = round(Fraction(base, 10))
        exact = {each: Fraction(commission * led.count(each), len(led)) for each in once}
        shares = {each: int(exact[each]) for each in once}
        by_rest = sorted(once, key=lambda each: shares[each] - exact[each])
        for each in by_rest[: commission - sum(shares.values())]:
            shares[each] += 1
        refunded = sum(self.refunds.get(order, {}).values())
        if order in self.voided or (base and refunded >= base):
            return 0
        return shares[who] - (round(Fraction(shares[who] * refunded, base)) if base else 0)

    def held(self, order: int) -> bool:
        return any((order, name) in self.holds - self.releases for name in "ab")

    def ripe(self, order: int) -> bool:
        return order in self.sales and self.sales[order][2] + HOLD_DAYS <= self.day

    def due(self, who: int) -> int:
        lines = (order for order in self.sales if self.ripe(order) and not self.held(order))
        back = sum(each["amount"] for each in self.payouts if each["who"] == who and each["back"] == "due")
        return sum(self.net(who, order) - self.paid_of.get((who, order), 0) for order in lines) + back

    def pay(self, who: int, period: str, least: int) -> None:
        due = self.due(who)
        if due < max(1, least) or any(
            each["who"] == who and each["period"] == period for each in self.payouts
        ):
            return
        for each in self.payouts:
            if each["who"] == who and each["back"] == "due":
                each["back"] = "paid again"
        for order in self.sales:
            if self.ripe(order) and not self.held(order):
                self.paid_of[who, order] = self.net(who, order)
        self.payouts.append({"who": who, "period": period, "amount": due, "back": ""})

    def balance(self, who: int) -> tuple[int, int, int, int, int]:
        """Return pending, available, held, total and paid."""
        nets = {order: self.net(who, order) for order in self.sales}
        mine = [each for each in self.payouts if each["who"] == who]
        paid = sum(each["amount"] for each in mine if not each["back"])
        total = sum(nets.values()) - paid
        held = sum(net for order, net in nets.items() if self.held(order))
        pending = sum(net for order, net in nets.items() if not self.held(order) and not self.ripe(order))
        return pending, total - pending - held, held, total, paid


class BooksMachine(RuleBasedStateMachine):
    """Reports events to the books and to the model, and compares them after each."""

    def __init__(self, store: Store, site: Site, keys: KeyRing) -> None:
        super().__init__()
        self.traveller = time_machine.travel(START, tick=False)
        self.clock = self.traveller.start()
        declared = Affiliates(basis="exempt", model="linear", hold_days=HOLD_DAYS)
        self.program = AffiliateProgram(declared, site=site, keys=keys, store=store)
        self.codes = [self.program.add() for _ in range(2)]
        for code in self.codes:
            self.program.approve(code)
        self.model = Model()
        self.made: list[int] = []

    def name(self, order: int) -> str:
        return f"{self.codes[0]}/{order}"

    @rule(order=ORDERS, base=MINOR, led=st.lists(st.integers(0, 1), min_size=1, max_size=3).map(tuple))
    def sale(self, order: int, base: int, led: tuple[int, ...]) -> None:
        credit = sell(
            self.program,
            self.name(order),
            *(self.codes[who] for who in led),
            amount=f"{base // 100}.{base % 100:02}",
        )
        if order not in self.model.sales:
            self.model.sales[order] = base, led, self.model.day
            assert credit.new
        else:
            before = self.model.sales[order]
            assert (credit.new, credit.conflict) == (
                False,
                before[0] != base or not set(led) & set(before[1]),
            )

    @rule(order=ORDERS, refund=st.integers(1, 3), minor=MINOR)
    def refund(self, order: int, refund: int, minor: int) -> None:
        self.program.refund(
            order=self.name(order), amount=f"{minor // 100}.{minor % 100:02}", currency="GBP", refund=refund
        )
        self.model.refunds.setdefault(order, {}).setdefault(refund, minor)

    @rule(order=ORDERS)
    def void(self, order: int) -> None:
        self.program.void(order=self.name(order))
        self.model.voided.add(order)

    @rule(order=ORDERS, name=st.sampled_from("ab"))
    def hold(self, order: int, name: str) -> None:
        self.model.holds.add((order, name))
        assert self.model.held(order) == self.program.hold(order=self.name(order), rule=name)

    @rule(order=ORDERS, name=st.sampled_from("ab"))
    def release(self, order: int, name: str) -> None:
        self.model.releases.add((order, name))
        assert self.model.held(order) == self.program.release(order=self.name(order), rule=name)

    @rule(days=st.integers(1, 40))
    def wait(self, days: int) -> None:
        self.model.day += days
        self.clock.move_to(START + timedelta(days=self.model.day), tick=False)

    @rule(least=st.sampled_from([0, 500]))
    def pay(self, least: int) -> None:
        period = f"{START + timedelta(days=self.model.day):%Y-%m}"
        found = self.program.pay(period, minimum={"GBP": least // 100}, only=self.codes)
        for who in (0, 1):
            self.model.pay(who, period, least)
        self.made += [each.number for each in found if each.new]
        mine = {each.number: int(each.amount * 100) for each in found if each.affiliate in self.codes}
        expected = sorted(each["amount"] for each in self.model.payouts if each["period"] == period)
        assert expected == sorted(mine.values())

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.made))
        payout = self.program.void_payout(number)
        who = self.codes.index(payout.affiliate)
        for each in self.model.payouts:
            if (each["who"], each["period"]) == (who, payout.period) and not each["back"]:
                each["back"] = "due"

    @invariant()
    def balances_are_the_models(self) -> None:
        for who, code in enumerate(self.codes):
            balance = self.program.statement(code).balances.get("GBP")
            found = (
                (balance.pending, balance.available, balance.held, balance.total, balance.paid)
                if balance
                else (0, 0, 0, 0, 0)
            )
            assert self.model.balance(who) == tuple(int(part * 100) for part in found)

    def teardown(self) -> None:
        self.traveller.stop()
        assert () == self.program.reconcile().differences


def test_invariants_1_to_7_the_books_do_what_a_plain_model_does(
    store: Store, site: Site, keys: KeyRing
) -> None:
    run_state_machine_as_test(
        lambda: BooksMachine(store, site, keys),
        settings=settings(
            max_examples=25 if store.is_sqlite else 8,  # of the rules; there the statements alone are others
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )

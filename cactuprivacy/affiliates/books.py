"""Books: what an owner does with the money half of the programme: refunds, holds, payouts, statements, proof.

Room: affiliates. May import store, keys and mail's courier. An ``AffiliateProgram`` is one of these; nothing here
reads a visitor's request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cactuprivacy.affiliates import money, signals
from cactuprivacy.affiliates.figures import AffiliateFigures, report
from cactuprivacy.affiliates.ledger import Ledger
from cactuprivacy.affiliates.payouts import Payout, Payouts
from cactuprivacy.affiliates.reconcile import Reconciliation, reconcile
from cactuprivacy.affiliates.refunds import Refund, Reversal
from cactuprivacy.affiliates.roster import Roster
from cactuprivacy.affiliates.statement import Statement, Statements
from cactuprivacy.affiliates.webhooks import Delivered, Messenger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from cactuprivacy.affiliates.declaration import Affiliates
    from cactuprivacy.affiliates.roster import Affiliate
    from cactuprivacy.affiliates.terms import Terms
    from cactuprivacy.keys import KeyRing
    from cactuprivacy.mail.courier import Courier
    from cactuprivacy.store import Store


class Books:
    """The money half of an affiliate programme.

    Parameters:
        declaration: What was declared.
        store: The database.
        keys: The site's key ring.
    """

    def __init__(self, declaration: Affiliates, store: Store, keys: KeyRing) -> None:
        self.declaration = declaration
        self.store = store
        tells = declaration.webhook is not None
        self._roster = Roster(store)
        self._ledger = Ledger(
            store,
            keys,
            self._roster,
            terms=declaration.terms,
            hold_days=declaration.hold_days,
            model=declaration.model,
            is_self=declaration.is_self,
            tells=tells,
        )
        self._statements = Statements(store, self._roster)
        self._payouts = Payouts(store, self._roster, tells=tells)
        self._messenger: Messenger | None = None
        self._courier: Courier | None = None
        if declaration.webhook is not None:
            from cactuprivacy.mail.courier import Courier  # only who has a webhook needs that room

            self._messenger = Messenger(store, declaration.webhook)
            self._courier = Courier(self._messenger)

    def suspend(self, code: str, *, actor: str = "owner") -> None:
        """Neither credit nor pay the affiliate behind *code* any more, until approved again; what is owed stays.

        Raises:
            AffiliateError: when there is none.
        """
        self._roster.enter(code, "suspended", actor=actor)

    def refuse(self, code: str, *, actor: str = "owner") -> None:
        """Refuse the affiliate behind *code*: never credited, never paid.

        Raises:
            AffiliateError: when there is none.
        """
        self._roster.enter(code, "refused", actor=actor)

    def agree(self, code: str, terms: Terms, *, actor: str = "owner") -> None:
        """Give the affiliate behind *code* terms of its own, for sales from now on.

        Raises:
            AffiliateError: when there is none.
        """
        self._roster.agree(code, terms, actor=actor)

    def everybody(self) -> list[Affiliate]:
        """Return all affiliates with their states, in the order of their codes."""
        return self._roster.everybody()

    def statement(self, code: str, month: str | None = None) -> Statement:
        """Return what the affiliate behind *code* has earned.

        Parameters:
            code: The affiliate's code, or an alias.
            month: Whose lines are listed, as in ``2026-11``; this month's unless said. The sums are of all time.

        Raises:
            AffiliateError: when there is no such affiliate, or that is no month.
        """
        return self._statements.statement(code, month)

    def report(self, year: int | None = None, month: int | None = None) -> list[AffiliateFigures]:
        """Return all affiliates' exact figures of a year or a month: for the owner's eyes, not for an affiliate's.

        Parameters:
            year: As in ``2026``, in UTC; this year unless said.
            month: 1 to 12; the whole year unless said.

        Raises:
            AffiliateError: for what is no year or no month.
        """
        return report(self.store, self._roster, year, month)

    def refund(
        self, *, order: str | int, amount: Decimal | str | int, currency: str, refund: str | int
    ) -> Reversal:
        """Take back the commission on what was refunded of an order, once for each refund.

        The commission goes back in the proportion of all that was refunded so far; when that is everything, so
        does all of the commission, and never more. A refund may be reported before its sale: it waits.

        Parameters:
            order: The order, as given to ``credit_sale``.
            amount: What was refunded this time, in whole units. A float is refused.
            currency: ISO 4217; the sale's, for currencies are never added.
            refund: The refund's own number or name, by which it counts once.

        Raises:
            TypeError: for an amount in float, or an order or refund that is no text or int.
            ValueError: for an amount that the currency cannot have, and an unknown currency.
            sqlalchemy.exc.SQLAlchemyError: when the database fails. Call again later: it counts once.
        """
        reported = Refund(
            name_of("order", order),
            name_of("refund", refund),
            money.minor_units(amount, currency),
            money.currency_code(currency),
        )
        return self._refund(reported)

    def void(self, *, order: str | int) -> Reversal:
        """Take back all commission of an order that was cancelled, once; before its sale too.

        Raises:
            TypeError: for an order that is no text or int.
        """
        return self._refund(Refund(name_of("order", order), None, None, None))

    def hold(self, *, order: str | int, rule: str = "owner", actor: str = "owner") -> bool:
        """Keep back the commission of an order from payouts, and return whether it is kept back now.

        Parameters:
            order: The order; it need not be credited yet.
            rule: Why, by which it is released. What a rule has released it does not hold again: in whichever order
                the two are heard of, the outcome is the same.
            actor: Who does.

        Raises:
            AffiliateError: for a rule that is no name.
        """
        return self._ledger.hold(name_of("order", order), "hold", rule, actor)

    def release(self, *, order: str | int, rule: str = "owner", actor: str = "owner") -> bool:
        """End what *rule* holds, and return whether another one still holds the order.

        Raises:
            AffiliateError: for a rule that is no name.
        """
        return self._ledger.hold(name_of("order", order), "release", rule, actor)

    def pay(
        self,
        period: str,
        *,
        minimum: Mapping[str, Decimal | str | int] | None = None,
        method: str = "",
        actor: str = "owner",
        only: Iterable[str] | None = None,
    ) -> list[Payout]:
        """Enter as paid what is due by the end of *period*, once, and return that period's payouts.

        Due is what is past its hold period, is not held and was never paid. Who has less than the minimum, or
        less than nought, is not paid; it is carried forward. This library moves no money: pay what it returns.

        Parameters:
            period: A month, as in ``2026-11``, not one to come. Of the current one, what is due now.
            minimum: The least that is paid, by currency: ``{"GBP": "20"}``.
            method: How, in your words: ``"bank transfer 17"``.
            actor: Who pays.
            only: The codes of those to pay; all approved ones unless given.

        Raises:
            AffiliateError: for what is no month or one to come, and for an unknown affiliate.
        """
        found = self._payouts.pay(period, minimum=minimum, method=method, actor=actor, only=only)
        for payout in found:
            if payout.new:
                signals.send(signals.payout_made, self, payout=payout)
        self._hurry()
        return found

    def void_payout(self, number: int, *, reason: str = "", actor: str = "owner") -> Payout:
        """Take back a payout by an entry of its own, once: what it paid is due at the next period's payout.

        Raises:
            AffiliateError: when there is none.
        """
        payout = self._payouts.void(number, reason=reason, actor=actor)
        if payout.new:
            signals.send(signals.payout_voided, self, payout=payout)
        self._hurry()
        return payout

    def payouts(self, period: str | None = None) -> list[Payout]:
        """Return the payouts of *period*, or all of them, oldest first.

        Raises:
            AffiliateError: for what is no month.
        """
        return self._payouts.all(period)

    def reconcile(self, *, head: str | None = None) -> Reconciliation:
        """Compute the chain, all shares, reversals and payouts again, and say what differs.

        Parameters:
            head: The head of an earlier run, kept elsewhere: that it is gone is a difference too.
        """
        return reconcile(self.store, head=head)

    def deliver_due(self, limit: int = 100) -> Delivered:
        """Post up to *limit* webhook messages that are due; a programme without a webhook has none."""
        return self._messenger.deliver_due(limit) if self._messenger else Delivered()

    def close(self) -> None:
        """Let this process's courier finish the message in its hands, and end."""
        if self._courier:
            self._courier.stop()

    def _refund(self, reported: Refund) -> Reversal:
        reversal = self._ledger.refund(reported)
        if reversal.new:
            signals.send(signals.sale_reversed, self, order=reported.order, reversal=reversal)
        self._hurry()
        return reversal

    def _hurry(self) -> None:
        if self._courier:
            self._courier.wake()
            self._courier.hurry()


def name_of(option: str, name: str | int) -> str:
    """Return the name of an order or a refund as text.

    Raises:
        TypeError: when it is neither text nor int.
        ValueError: when it is empty.
    """
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise TypeError(
            f"{option}= cannot be a {type(name).__name__}; give the {option}'s number as text or int."
        )
    if name == "":
        raise ValueError(f"{option}= is empty; give the {option}'s number, by which it counts once.")
    return str(name)

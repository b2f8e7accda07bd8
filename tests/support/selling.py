"""Selling in tests of the ledger: touches without a browser, a sale in one line, and the month to pay for."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any, NamedTuple

import time_machine

from cactuprivacy import AffiliateProgram
from cactuprivacy.affiliates import Credit


class Click(NamedTuple):
    """A click on an affiliate's link, as the ledger takes it."""

    code: str
    day: date | None = date(2026, 3, 1)


def sell(
    program: AffiliateProgram,
    order: str | int,
    *codes: str,
    amount: Any = "100",
    currency: str = "GBP",
    items: Any = (),
    first_order: str | None = None,
) -> Credit:
    """Credit a sale to which the affiliates *codes* led, oldest first."""
    sale = program._sale(order, amount, currency, items)
    return program._ledger.credit(sale, [Click(code) for code in codes], first_order=first_order)


def later(days: int) -> Any:
    """Travel so many days ahead."""
    return time_machine.travel(datetime.now(timezone.utc) + timedelta(days=days))


def this_month() -> str:
    """Return the month it is."""
    return f"{datetime.now(timezone.utc):%Y-%m}"

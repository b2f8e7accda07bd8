"""What racing workers report: the same events, shuffled by a seed. Imported by processes of their own too."""

from __future__ import annotations

import random

from selling import sell

from cactuprivacy import AffiliateProgram

ORDERS = 12


def report(program: AffiliateProgram, seed: int) -> None:
    """Report sales, refunds in two parts of a half, and voids, each of them twice."""
    events = [(kind, order) for order in range(ORDERS) for kind in ("sale", "first", "second")] * 2
    random.Random(seed).shuffle(events)
    for kind, order in events:
        if kind == "sale":
            sell(program, order, "alice")
        elif order % 3 == 0:
            program.void(order=order)
        else:
            program.refund(order=order, amount="25", currency="GBP", refund=kind)

"""Signals: what happens in the ledger, told to the host's own code in the same process once it is committed.

Room: affiliates. Blinker's signals, sent by the :class:`~cactuprivacy.affiliates.AffiliateProgram`. A receiver that
raises is logged by its kind, and neither stops the others nor the caller: the sale is credited already.
"""

from __future__ import annotations

import logging
from typing import Any

from blinker import Signal

logger = logging.getLogger("cactuprivacy.affiliates")

sale_credited = Signal("A sale was credited, for the first time: receivers get order= and credit=.")
sale_reversed = Signal("A refund or a void counted: receivers get order= and reversal=.")
payout_made = Signal("A payout was made: receivers get payout=.")
payout_voided = Signal("A payout was taken back: receivers get payout=.")


def send(signal: Signal, sender: object, **about: Any) -> None:
    """Send *signal*, whatever its receivers do."""
    for receiver in list(signal.receivers_for(sender)):
        try:
            receiver(sender, **about)
        except Exception as error:  # its text is not told, for it may hold anything
            logger.error("A receiver of %s raised %s.", signal.__doc__, type(error).__name__)  # noqa: TRY400

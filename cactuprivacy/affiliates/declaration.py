"""Affiliates: the declaration of the affiliate programme.

Room: affiliates. May import declaration, ``terms`` and ``webhooks``. What is declared here the middleware enforces, the
programme pays by, and the policy states.
"""

from __future__ import annotations

import re
from dataclasses import field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, get_args

from cactuprivacy.affiliates.terms import Terms, rate_of
from cactuprivacy.affiliates.webhooks import Webhook
from cactuprivacy.declaration import DeclarationError, declaration, settle

if TYPE_CHECKING:
    from collections.abc import Callable

Basis = Literal["consent", "reward", "exempt"]
Model = Literal["last", "first", "linear", "position"]

MAX_WINDOW_DAYS = 400  # RFC 6265bis, 5.5: no browser keeps a cookie longer
_PARAMETER = re.compile(r"[A-Za-z0-9_-]{1,32}")


@declaration
class Affiliates:
    """The affiliate programme, as declared.

    Parameters:
        parameter: The name of the link's query parameter: ``"af"`` for ``?af=CODE``.
        window_days: How many days after the click a sale is still credited, 1 to 400. The cookie lives so
            long, counted from the click and never prolonged.
        basis: Why the cookie may be set. ``"consent"``, the default: the visitor agreed (ePrivacy
            Directive, art. 5(3); PECR, reg. 6). ``"reward"``: the visitor asked for a reward that
            needs it. ``"exempt"``: you hold that the law where you are does not ask for consent.
        model: Who is credited when several affiliates led a visitor here: the ``"last"``, the ``"first"``, all
            alike (``"linear"``), or 40 % for the first, 40 % for the last and the rest between
            (``"position"``).
        commission: The affiliate's share as a percentage, in text or Decimal: ``"10%"``, at most
            four decimals, rounded half to even to the currency's minor unit; or
            :class:`~cactuprivacy.affiliates.Terms` for more. What was credited stays as it was when this changes.
        hold_days: How many days after a sale its commission may first be paid, 0 to 400, so that refunds come before.
        is_self: Asked with the order and an affiliate's public code whether that affiliate is the buyer: ``True`` and
            it is not credited. You know your customers; no address of theirs comes here.
        webhook: Where the ledger's events are posted to.

    Raises:
        DeclarationError: for whatever cannot be kept.
    """

    parameter: str = "af"
    window_days: int = 30
    basis: Basis = "consent"
    commission: str | Decimal | Terms = "10%"
    model: Model = "last"
    hold_days: int = 30
    is_self: Callable[[str, str], bool] | None = None
    webhook: Webhook | None = None
    terms: Terms = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.parameter, str) or not _PARAMETER.fullmatch(self.parameter):
            raise DeclarationError(
                f"parameter={self.parameter!r} is no plain name; use up to 32 letters, digits, - and _, as in 'af'."
            )
        whole = isinstance(self.window_days, int) and not isinstance(self.window_days, bool)
        if not whole or not 1 <= self.window_days <= MAX_WINDOW_DAYS:
            raise DeclarationError(
                f"window_days={self.window_days!r} is no window that a cookie can keep (RFC 6265bis, 5.5); "
                f"give whole days from 1 to {MAX_WINDOW_DAYS}."
            )
        if self.basis not in get_args(Basis):
            raise DeclarationError(f"basis={self.basis!r} is not known; use 'consent', 'reward' or 'exempt'.")
        if self.model not in get_args(Model):
            raise DeclarationError(
                f"model={self.model!r} is not known; use 'last', 'first', 'linear' or 'position'."
            )
        self._check_commission()

    def _check_commission(self) -> None:
        if (
            isinstance(self.hold_days, bool)
            or not isinstance(self.hold_days, int)
            or not 0 <= self.hold_days <= 400
        ):
            raise DeclarationError(
                f"hold_days={self.hold_days!r} is no time to keep a commission back; give whole days from 0 to 400."
            )
        if self.is_self is not None and not callable(self.is_self):
            raise DeclarationError(
                "is_self= cannot be called; give a function of an order and an affiliate's code."
            )
        if self.webhook is not None and not isinstance(self.webhook, Webhook):
            raise DeclarationError("webhook= is no Webhook; write webhook=Webhook(url, secrets=[SECRET]).")
        if isinstance(self.commission, Terms):
            settle(self, terms=self.commission)
            return
        rate_of("commission", self.commission)  # so that the message names this option
        settle(self, terms=Terms(self.commission))

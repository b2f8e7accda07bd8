"""Affiliates: the declaration of the affiliate programme.

Room: affiliates. May import declaration and ``money``. What is declared here the middleware enforces, the
programme pays by, and the policy states.
"""

from __future__ import annotations

import re
from dataclasses import field
from decimal import Decimal
from typing import Literal, get_args

from cactuprivacy.affiliates import money
from cactuprivacy.declaration import DeclarationError, declaration, settle

Basis = Literal["consent", "reward", "exempt"]

MAX_WINDOW_DAYS = 400  # RFC 6265bis, 5.5: no browser keeps a cookie longer
_PARAMETER = re.compile(r"[A-Za-z0-9_-]{1,32}")


class InexactRateError(DeclarationError, TypeError):
    """A commission that is not exact, such as a float; also a ``TypeError``, as floats are everywhere here."""


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
        commission: The affiliate's share as a percentage, in text or Decimal: ``"10%"``, at most
            four decimals. It is rounded half to even to the currency's minor unit, once for each order.

    Raises:
        DeclarationError: for whatever cannot be kept.
    """

    parameter: str = "af"
    window_days: int = 30
    basis: Basis = "consent"
    commission: str | Decimal = "10%"
    rate_ppm: int = field(init=False, repr=False)

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
        try:
            settle(self, rate_ppm=money.parts_per_million(self.commission))
        except (TypeError, ValueError) as error:
            kind = InexactRateError if isinstance(error, TypeError) else DeclarationError
            raise kind(
                f"commission={self.commission!r} {error}; write it as text, as in '10%' or '12.5%'."
            ) from error

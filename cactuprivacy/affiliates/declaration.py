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
    from collections.abc import Callable, Sequence

Basis = Literal["consent", "reward", "exempt"]
Model = Literal["last", "first", "linear", "position"]

MAX_WINDOW_DAYS = 400  # RFC 6265bis, 5.5: no browser keeps a cookie longer
MAX_CAMPAIGNS = 50  # names in all: too few to number visitors with
_PARAMETER = re.compile(r"[A-Za-z0-9_-]{1,32}")
_CAMPAIGN = re.compile(r"[a-z0-9_-]{1,32}")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")


@declaration
class Affiliates:
    """The affiliate programme, as declared.

    Parameters:
        parameter: The name of the link's query parameter, ``"af"`` for ``?af=CODE``; or several, of which the
            first stands in links that are made from now on.
        path: Below which path links name the code instead: ``"/r"`` for ``/r/CODE/deep/link``, which leads to
            ``/deep/link``. It survives programs that strip parameters.
        legacy_path: Where links of the CactuShop kind led, ``"/aftrack.asp"`` for
            ``/aftrack.asp?ID=CODE&Req=page.asp?x=1``; they lead on to the page that they name, on this site only.
            Give the old numbers to their affiliates as aliases.
        campaigns: The campaigns that a link may name beside the code, each 1 to 32 of ``a-z0-9_-``, at most 50.
            Any other counts as none: a name that anyone may invent could number the readers of a mailing.
        campaign_parameter: The name of that parameter: ``"campaign"`` for ``?af=CODE&campaign=summer``.
        model: Who is credited when several affiliates led a visitor here: the ``"last"``, the ``"first"``, all
            alike (``"linear"``), or 40 % for the first, 40 % for the last and the rest between
            (``"position"``). For the latter two the cookie holds up to five clicks: fewer visitors share one
            value, so choose them only if you need them.
        coupon_first: Whether a coupon typed at the order wins over the link that was followed.
        clean_url: Whether a visitor who has decided about the cookie is redirected to the same URL without the
            code, so that nobody shares or bookmarks it. Consent is then asked before the app is called.
        stand_down: Paths on and below which no link counts, ``["/basket", "/checkout"]``: who is there already
            has not been led there by an affiliate.
        clicks_keep_days: How many days the daily numbers of clicks are kept, 1 to 3660.
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

    parameter: str | Sequence[str] = "af"
    window_days: int = 30
    basis: Basis = "consent"
    commission: str | Decimal | Terms = "10%"
    hold_days: int = 30
    is_self: Callable[[str, str], bool] | None = None
    webhook: Webhook | None = None
    path: str | None = None
    legacy_path: str | None = None
    campaigns: Sequence[str] = ()
    campaign_parameter: str = "campaign"
    model: Model = "last"
    coupon_first: bool = True
    clean_url: bool = False
    stand_down: Sequence[str] = ()
    clicks_keep_days: int = 730
    parameters: tuple[str, ...] = field(init=False, repr=False)
    terms: Terms = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._check_links()
        self._check_paths()
        if self.model not in get_args(Model):
            raise DeclarationError(
                f"model={self.model!r} is not known; use 'last', 'first', 'linear' or 'position'."
            )
        if not _whole(self.window_days, MAX_WINDOW_DAYS):
            raise DeclarationError(
                f"window_days={self.window_days!r} is no window that a cookie can keep (RFC 6265bis, 5.5); "
                f"give whole days from 1 to {MAX_WINDOW_DAYS}."
            )
        if not _whole(self.clicks_keep_days, 3660):
            raise DeclarationError(
                f"clicks_keep_days={self.clicks_keep_days!r} is no time to keep them; give whole days from 1 to 3660."
            )
        if self.basis not in get_args(Basis):
            raise DeclarationError(f"basis={self.basis!r} is not known; use 'consent', 'reward' or 'exempt'.")
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

    def _check_links(self) -> None:
        names = (self.parameter,) if isinstance(self.parameter, str) else tuple(self.parameter)
        for option, name in (
            *(("parameter", name) for name in names or ("",)),
            ("campaign_parameter", self.campaign_parameter),
        ):
            if not isinstance(name, str) or not _PARAMETER.fullmatch(name):
                raise DeclarationError(
                    f"{option}={name!r} is no plain name; use up to 32 letters, digits, - and _, as in 'af'."
                )
        if len({*names, self.campaign_parameter}) != len(names) + 1:
            raise DeclarationError("A parameter of the links is named twice; give each a name of its own.")
        if isinstance(self.campaigns, str):
            raise DeclarationError(
                f"campaigns is one text where a list is wanted; write campaigns=[{self.campaigns!r}]."
            )
        for name in self.campaigns:
            if not isinstance(name, str) or not _CAMPAIGN.fullmatch(name):
                raise DeclarationError(
                    f"Campaign {name!r} is no plain name; use up to 32 of a-z, 0-9, - and _."
                )
        if len(self.campaigns) > MAX_CAMPAIGNS:
            raise DeclarationError(
                f"There are {len(self.campaigns)} campaigns, enough to tell visitors apart; "
                f"declare at most {MAX_CAMPAIGNS}."
            )
        settle(self, parameters=names, campaigns=tuple(self.campaigns))

    def _check_paths(self) -> None:
        if isinstance(self.stand_down, str):
            raise DeclarationError(
                f"stand_down is one text where a list is wanted; write stand_down=[{self.stand_down!r}]."
            )
        for option, path in (
            ("path", self.path),
            ("legacy_path", self.legacy_path),
            *(("stand_down", path) for path in self.stand_down),
        ):
            plain = isinstance(path, str) and _PATH.fullmatch(path)
            if path is not None and (not plain or any(part in (".", "..") for part in path.split("/"))):
                raise DeclarationError(
                    f"{option}={path!r} is no plain path; write it as in '/checkout', of letters, digits and ._~-."
                )
        settle(self, stand_down=tuple(self.stand_down))


def _whole(number: object, most: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= most

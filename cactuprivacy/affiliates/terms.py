"""Terms: what an affiliate earns by a sale, declared; and their snapshot, by which it can be computed again.

Room: affiliates. May import declaration and ``money``. A snapshot is plain numbers in one spelling, known by its
hash: what is declared tomorrow changes nothing that was earned today.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from typing import Any, Literal

from cactuprivacy.affiliates import money
from cactuprivacy.declaration import DeclarationError, declaration, settle

Amount = Decimal | str | int
Percentage = str | Decimal

MAX_RULES = 1000
_NAME_LENGTH = 64


class InexactRateError(DeclarationError, TypeError):
    """A rate that is not exact, such as a float; also a ``TypeError``, as floats are everywhere here."""


@declaration
class Terms:
    """What an affiliate earns by a sale: a percentage, and whatever else is agreed.

    Parameters:
        percent: The share of the order's amount, in text or Decimal: ``"10%"``, at most four decimals. Each
            product's part is rounded half to even to the currency's minor unit, once for each order.
        flat: An amount for each order beside it, by currency: ``{"GBP": "5.00"}``. With ``percent="0%"`` it is all.
        tiers: Shares that follow the size of the order instead of *percent*, by currency:
            ``{"GBP": [("0", "5%"), ("100", "8%")]}`` is 8 % of all of an order from 100 pounds on. They go by the
            order and not by what an affiliate has sold before, for then the balance would hang on which of two
            orders was reported first.
        products: Shares of their own for what ``credit_sale(items=…)`` names: ``{"books": "4%"}``.
        later_orders: How many later orders of the same customer are credited by these terms as well, reported by
            ``credit_sale(first_order=…)``: a number, or ``"all"`` for as long as the customer buys.

    Raises:
        DeclarationError: for whatever cannot be kept; a float is a ``TypeError`` too.
    """

    percent: Percentage = "10%"
    flat: Mapping[str, Amount] = field(default_factory=dict, hash=False)
    tiers: Mapping[str, Sequence[tuple[Amount, Percentage]]] = field(default_factory=dict, hash=False)
    products: Mapping[str, Percentage] = field(default_factory=dict, hash=False)
    later_orders: int | Literal["all"] = 0
    body: str = field(init=False, repr=False, compare=False)
    digest: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        later = self.later_orders
        counted = isinstance(later, int) and not isinstance(later, bool) and 0 <= later <= 10**6
        if later != "all" and not counted:
            raise DeclarationError(
                f"later_orders={later!r} is no number of orders; give 0 or more, or 'all'."
            )
        plain = {
            "percent": rate_of("percent", self.percent),
            "flat": dict(sorted(_amounts("flat", _mapping("flat", self.flat)).items())),
            "tiers": {
                _currency("tiers", currency): _tiers(currency, steps)
                for currency, steps in sorted(_mapping("tiers", self.tiers).items())
            },
            "products": {
                product_name(name): rate_of(f"products[{name!r}]", rate)
                for name, rate in sorted(_mapping("products", self.products).items())
            },
            "later_orders": later,
        }
        body = json.dumps(plain, separators=(",", ":"), sort_keys=True, ensure_ascii=True)
        settle(self, body=body, digest=hashlib.sha256(body.encode()).digest())


def earned(body: str, base_minor: int, currency: str, lines: Mapping[str, int]) -> int:
    """Return the commission in minor units that a snapshot gives for an order.

    Parameters:
        body: The snapshot of the terms.
        base_minor: The order's amount in minor units.
        currency: Its ISO 4217 code.
        lines: What part of it each product is; what the snapshot has no rate for goes by the order's rate.
    """
    plain = json.loads(body)
    rate = plain["percent"]
    for threshold, step in plain["tiers"].get(currency, ()):
        if base_minor >= threshold:
            rate = step
    own = {name: minor for name, minor in lines.items() if name in plain["products"]}
    parts = [money.commission(minor, plain["products"][name]) for name, minor in own.items()]
    return (
        sum(parts)
        + money.commission(base_minor - sum(own.values()), rate)
        + int(plain["flat"].get(currency, 0))
    )


def later_orders(body: str) -> int | None:
    """Return how many later orders a snapshot credits; ``None`` for all."""
    count = json.loads(body)["later_orders"]
    return None if count == "all" else int(count)


def product_name(name: object) -> str:
    """Return the name of a product or a group of them.

    Raises:
        DeclarationError: when it is no text of 1 to 64 characters.
    """
    if not isinstance(name, str) or not 1 <= len(name) <= _NAME_LENGTH:
        raise DeclarationError(
            f"A product is named by text of 1 to {_NAME_LENGTH} characters; {name!r} is not."
        )
    return name


def _mapping(option: str, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise DeclarationError(f"{option}= is a {type(given).__name__}; give a mapping, as in the manual.")
    if len(given) > MAX_RULES:
        raise DeclarationError(
            f"{option}= has {len(given)} entries; at most {MAX_RULES} are kept with each sale."
        )
    return given


def rate_of(option: str, given: Any) -> int:
    """Return a percentage that was declared as *option* as millionths.

    Raises:
        DeclarationError: when it is none; a float is a ``TypeError`` too.
    """
    try:
        return money.parts_per_million(given)
    except (TypeError, ValueError) as error:
        kind = InexactRateError if isinstance(error, TypeError) else DeclarationError
        raise kind(f"{option}={given!r} {error}; write it as text, as in '10%' or '12.5%'.") from error


def _currency(option: str, given: Any) -> str:
    try:
        return money.currency_code(given)
    except ValueError as error:
        raise DeclarationError(
            f"{option}= names the currency {given!r}, which ISO 4217 does not have."
        ) from error


def _amounts(option: str, given: Mapping[str, Any]) -> dict[str, int]:
    return {
        _currency(option, currency): _amount(option, amount, currency) for currency, amount in given.items()
    }


def _amount(option: str, amount: Any, currency: str) -> int:
    try:
        return money.minor_units(amount, currency)
    except (TypeError, ValueError) as error:
        kind = InexactRateError if isinstance(error, TypeError) else DeclarationError
        raise kind(f"{option}[{currency!r}]: {error}") from error


def _tiers(currency: str, steps: Any) -> list[list[int]]:
    code = _currency("tiers", currency)
    if isinstance(steps, str) or not isinstance(steps, Sequence) or not steps:
        raise DeclarationError(
            f"tiers[{currency!r}] is no list of steps; write [('0', '5%'), ('100', '8%')]."
        )
    found = []
    for step in steps:
        if isinstance(step, str) or not isinstance(step, Sequence) or len(step) != 2:
            raise DeclarationError(
                f"tiers[{currency!r}] has a step that is no pair; write (from what amount, its share)."
            )
        found.append([_amount("tiers", step[0], code), rate_of(f"tiers[{currency!r}]", step[1])])
    starts = [start for start, _ in found]
    if starts[0] != 0 or starts != sorted(set(starts)):
        raise DeclarationError(
            f"tiers[{currency!r}] must start at 0 and rise; put its steps in order, each once."
        )
    return found

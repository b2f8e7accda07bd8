"""Shares: how several affiliates that led to one sale divide it, to the last minor unit.

Room: affiliates. Pure functions, no import of ours. Largest remainder (Hamilton): every part is its exact share
rounded down or up, and the parts sum to the whole.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_TOUCHES = 5


def weights(model: str, touches: int) -> tuple[int, ...]:
    """Return what each of so many *touches*, oldest first, weighs under *model*.

    ``position`` is 40 % for the first, 40 % for the last and 20 % for those between; two share alike.

    Raises:
        ValueError: for an unknown model, or none or more than five touches.
    """
    if not 1 <= touches <= MAX_TOUCHES:
        raise ValueError(f"A sale has 1 to {MAX_TOUCHES} touches, not {touches}.")
    if model == "last":
        return (0,) * (touches - 1) + (1,)
    if model == "first":
        return (1,) + (0,) * (touches - 1)
    if model == "linear" or (model == "position" and touches < 3):
        return (1,) * touches
    if model == "position":
        between = touches - 2
        return (2 * between, *(1,) * between, 2 * between)  # 40, 20 divided by those between, 40
    raise ValueError(f"There is no model {model!r}; use 'last', 'first', 'linear' or 'position'.")


def split(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Divide *amount_minor* by *weights*; the parts sum to it exactly, and a negative amount mirrors a positive.

    What is left over goes one by one to the largest remainders, of equal ones to the first.

    Raises:
        ValueError: for a negative weight, or none above nought.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("A division needs weights of nought and more, and one above nought.")
    sign = -1 if amount_minor < 0 else 1
    parts, remainders = zip(*(divmod(abs(amount_minor) * weight, total) for weight in weights), strict=True)
    left = abs(amount_minor) - sum(parts)
    lucky = sorted(range(len(weights)), key=lambda index: -remainders[index])[:left]
    return [sign * (part + (index in lucky)) for index, part in enumerate(parts)]

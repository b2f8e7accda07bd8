from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy import Affiliates, DeclarationError
from cactuprivacy.affiliates import Terms
from cactuprivacy.affiliates.terms import earned, later_orders

TIERS = {"GBP": [("0", "5%"), ("100", "8%")]}


@pytest.mark.parametrize(
    "terms, base, lines, minor",
    [
        pytest.param(Terms("10%"), 4999, {}, 500, id="percent"),
        pytest.param(Terms("0%", flat={"gbp": "5.00"}), 4999, {}, 500, id="flat alone"),
        pytest.param(Terms("10%", flat={"GBP": "0.30"}), 1000, {}, 130, id="flat beside percent"),
        pytest.param(Terms("10%", flat={"EUR": "5"}), 1000, {}, 100, id="flat in another currency"),
        pytest.param(Terms(tiers=TIERS), 9999, {}, 500, id="below the tier"),
        pytest.param(Terms(tiers=TIERS), 10000, {}, 800, id="at the tier"),
        pytest.param(
            Terms("10%", products={"books": "4%"}), 3000, {"books": 1000}, 240, id="a product's own"
        ),
        pytest.param(
            Terms("10%", products={"books": "4%"}), 3000, {"pots": 1000}, 300, id="a product without"
        ),
        pytest.param(Terms(tiers=TIERS, products={"books": "0%"}), 10000, {"books": 5000}, 400, id="both"),
    ],
)
def test_terms_give_their_commission(terms: Terms, base: int, lines: dict[str, int], minor: int) -> None:
    assert minor == earned(terms.body, base, "GBP", lines)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"percent": "ten"}, "write it as text"),
        ({"flat": {"GBP": "0,30"}}, "not a plain number"),
        ({"flat": {"QQQ": "1"}}, "ISO 4217 does not have"),
        ({"flat": "5"}, "give a mapping"),
        ({"tiers": {"GBP": "5%"}}, "no list of steps"),
        ({"tiers": {"GBP": []}}, "no list of steps"),
        ({"tiers": {"GBP": [("1", "5%")]}}, "start at 0 and rise"),
        ({"tiers": {"GBP": [("0", "5%"), ("0", "6%")]}}, "start at 0 and rise"),
        ({"tiers": {"GBP": ["0"]}}, "no pair"),
        ({"products": {"": "5%"}}, "1 to 64 characters"),
        ({"products": {"books": "105%"}}, "not between 0 and 100"),
        ({"later_orders": -1}, "give 0 or more, or 'all'"),
        ({"later_orders": True}, "give 0 or more, or 'all'"),
        ({"later_orders": "forever"}, "give 0 or more, or 'all'"),
        ({"later_order": 1}, "did you mean later_orders="),
    ],
)
def test_wrong_terms_are_refused_in_one_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        Terms(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"percent": 0.1},
        {"flat": {"GBP": 0.3}},
        {"tiers": {"GBP": [(0.0, "5%")]}},
        {"products": {"books": 0.04}},
    ],
)
def test_invariant_8_a_float_in_terms_is_a_type_error_too(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Terms(**options)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"hold_days": -1}, "from 0 to 400"),
        ({"hold_days": 1.5}, "from 0 to 400"),
        ({"is_self": "no"}, "cannot be called"),
        ({"webhook": "https://shop.example/"}, "is no Webhook"),
        ({"model": "best"}, "use 'last'"),
    ],
)
def test_a_wrong_programme_is_refused_in_one_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        Affiliates(**options)


def test_the_same_terms_have_one_digest_however_they_are_spelt() -> None:
    assert (
        Terms("10%", flat={"GBP": "5", "EUR": 1}).digest
        == Terms(Decimal("10.00"), flat={"eur": "1.00", "gbp": Decimal(5)}).digest
    )
    assert Terms("10%").digest != Terms("10.0001%").digest


@pytest.mark.parametrize("count, found", [(0, 0), (12, 12), ("all", None)])
def test_A12_how_many_later_orders_is_in_the_snapshot(count: Any, found: int | None) -> None:
    assert found == later_orders(Terms(later_orders=count).body)


@given(base=st.integers(0, 10**12), cut=st.integers(0, 10**12), rate=st.integers(0, 100))
def test_no_commission_in_percent_is_more_than_the_order(base: int, cut: int, rate: int) -> None:
    terms = Terms(f"{rate}%", products={"books": "100%"})

    assert 0 <= earned(terms.body, base, "GBP", {"books": min(cut, base)}) <= base

from __future__ import annotations

import decimal
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cactuprivacy.affiliates.money import (
    MAX_MINOR,
    commission,
    in_units,
    minor_units,
    parts_per_million,
)

MINOR = st.integers(0, MAX_MINOR)
CURRENCY = st.sampled_from(["JPY", "GBP", "BHD", "CLF"])


@pytest.mark.parametrize(
    "amount, currency, minor",
    [
        pytest.param("49.99", "GBP", 4999, id="text"),
        pytest.param(Decimal("49.99"), "GBP", 4999, id="decimal"),
        pytest.param(49, "GBP", 4900, id="an int is whole units"),
        pytest.param("0.07", "EUR", 7, id="seven cents, where a float says 7.000000000000001"),
        pytest.param("500", "JPY", 500, id="yen has no decimals"),
        pytest.param("1.234", "BHD", 1234, id="dinar has three"),
        pytest.param("1.2345", "CLF", 12345, id="unidad de fomento has four"),
        pytest.param(Decimal("49.9900"), "GBP", 4999, id="noughts at the end, as databases give them"),
        pytest.param(Decimal("1E+2"), "GBP", 10000, id="an exponent"),
        pytest.param("5", "gbp", 500, id="currency in small letters"),
        pytest.param(0, "GBP", 0, id="a free order"),
    ],
)
def test_invariant_8_minor_units_go_by_iso_4217(amount: object, currency: str, minor: int) -> None:
    assert minor == minor_units(amount, currency)  # type: ignore[arg-type]  # a table of kinds


@pytest.mark.parametrize("amount", [49.99, 49.0, True, None, b"49.99"])
def test_invariant_8_a_float_amount_is_a_type_error(amount: object) -> None:
    with pytest.raises(TypeError, match="give it as Decimal, text or int"):
        minor_units(amount, "GBP")  # type: ignore[arg-type]  # the very fault


@pytest.mark.parametrize("amount", ["1.001", Decimal("0.005")])
def test_more_decimals_than_the_currency_has_are_refused(amount: str | Decimal) -> None:
    with pytest.raises(ValueError, match="more decimals than GBP has"):
        minor_units(amount, "GBP")


@pytest.mark.parametrize(
    "amount",
    [
        *("0,91", "1 000", "1_000", "1e3", "NaN", "", " 5", "٥", "-5", "+5", ".5", "5.", "9" * 5000),
        *map(Decimal, ("NaN", "sNaN", "Infinity", "1E+999999", "-0.01")),
        10**14,
    ],
)
def test_what_is_no_plain_amount_is_refused(amount: str | Decimal | int) -> None:
    with pytest.raises(ValueError, match="amount"):
        minor_units(amount, "GBP")


def test_no_digit_is_lost_however_long_the_amount() -> None:
    amount = Decimal("1." + "0" * 60 + "1")  # longer than the default context's 28 digits

    with pytest.raises(ValueError, match="more decimals"):
        minor_units(amount, "GBP")


@pytest.mark.parametrize("currency", ["", "GB", "POUND", "£", "XXX", "QQQ", None, 826])
def test_an_unknown_currency_is_refused(currency: object) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        minor_units("1", currency)  # type: ignore[arg-type]  # the very fault


def test_a_refusal_repeats_no_amount() -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # its text is what is looked at
        minor_units("4999.123", "GBP")

    assert "4999" not in str(refused.value)


@given(minor=MINOR, currency=CURRENCY)
def test_an_amount_comes_back_exactly(minor: int, currency: str) -> None:
    amount = in_units(minor, currency)

    assert [minor, minor] == [minor_units(amount, currency), minor_units(f"{amount:f}", currency)]


@given(base=MINOR, ppm=st.integers(0, 1_000_000))
@example(base=5, ppm=100_000)  # 0.5, to 0
@example(base=15, ppm=100_000)  # 1.5, to 2
@example(base=25, ppm=100_000)  # 2.5, to 2
def test_A16_commission_is_rounded_half_to_even_once(base: int, ppm: int) -> None:
    with decimal.localcontext(decimal.Context(prec=60)):
        exact = Decimal(base) * ppm / 1_000_000
        expected = int(exact.quantize(Decimal(1), decimal.ROUND_HALF_EVEN))

    assert expected == commission(base, ppm)


@pytest.mark.parametrize(
    "percentage, ppm",
    [
        ("10%", 100_000),
        ("10 %", 100_000),
        ("12.5", 125_000),
        (Decimal("0.0001"), 1),
        ("100%", 1_000_000),
        pytest.param("0%", 0, id="A15: approval at 0 % is possible"),
    ],
)
def test_a_percentage_is_exact_in_millionths(percentage: str | Decimal, ppm: int) -> None:
    assert ppm == parts_per_million(percentage)

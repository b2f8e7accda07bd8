"""Money: exact amounts in minor units, by ISO 4217, and the one rounding that commission knows.

Room: affiliates. Pure functions, no import of ours. A float never comes in; no message repeats an amount.
"""

from __future__ import annotations

import re
from decimal import Decimal

MILLION = 1_000_000
MAX_MINOR = 10**15  # far above any order, far below what eight bytes hold once summed

# ISO 4217, list one: how many decimals a currency has where it is not two
_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT "
    "MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR "
    "SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU "
    "UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_EXPONENTS = {code: decimals for decimals, codes in _DECIMALS.items() for code in codes.split()}

_PLAIN = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,16})?")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,16})?) ?%?")


def currency_code(text: str) -> str:
    """Return a currency's ISO 4217 code in capitals.

    Raises:
        ValueError: when it is none of those in circulation.
    """
    code = text.upper() if isinstance(text, str) else ""
    if code not in _EXPONENTS:
        raise ValueError("The currency is not an ISO 4217 code; write it as in GBP.")
    return code


def minor_units(amount: Decimal | str | int, currency: str) -> int:
    """Return *amount* in the currency's minor units: ``"49.99"`` GBP is 4999, ``49`` GBP is 4900.

    Parameters:
        amount: In whole units of the currency, with a point. Text is digits alone: ``"0,91"`` and
            ``"1 000"`` mean something else elsewhere, so they are refused.
        currency: Its ISO 4217 code.

    Raises:
        TypeError: for a float, which has lost the amount already, and for what is no number.
        ValueError: for more decimals than the currency has, a negative amount, and what is not plain.
    """
    places = _EXPONENTS[currency_code(currency)]
    if isinstance(amount, bool) or not isinstance(amount, (Decimal, str, int)):
        raise TypeError(
            f"An amount cannot be a {type(amount).__name__}; give it as Decimal, text or int, such as '49.99'."
        )
    if isinstance(amount, str) and not _PLAIN.fullmatch(amount):
        raise ValueError("The amount is not a plain number; write it as in '49.99'.")
    exact = Decimal(amount)
    if not exact.is_finite() or exact.adjusted() > 15:
        raise ValueError("The amount is no sum that an order can have; give a finite one.")
    minor, rest = _scaled(exact, places)
    if rest:
        raise ValueError(
            f"The amount has more decimals than {currency_code(currency)} has ({places}); round it."
        )
    if not 0 <= minor <= MAX_MINOR:
        raise ValueError(
            "The amount is negative or beyond any order; what is paid back is a refund, not a sale."
        )
    return minor


def in_units(minor: int, currency: str) -> Decimal:
    """Return minor units as an amount with all the decimals of its currency: 4999 GBP is ``49.99``."""
    sign, digits = int(minor < 0), tuple(map(int, str(abs(minor))))
    return Decimal((sign, digits, -_EXPONENTS[currency]))  # no context, so nothing is rounded


def commission(base_minor: int, rate_ppm: int) -> int:
    """Return *rate_ppm* millionths of *base_minor*, rounded half to even to a whole minor unit."""
    return portion(base_minor, rate_ppm, MILLION)


def portion(amount: int, part: int, whole: int) -> int:
    """Return *amount* × *part* / *whole*, none of them negative, rounded half to even."""
    quotient, rest = divmod(amount * part, whole)
    return quotient + (2 * rest > whole or (2 * rest == whole and quotient % 2))


def parts_per_million(percentage: Decimal | str) -> int:
    """Return a percentage as millionths: ``"10%"`` and ``Decimal("10")`` are 100000.

    Raises:
        TypeError: for a float, and for what is neither text nor a Decimal.
        ValueError: below 0, above 100, or with more than four decimals.
    """
    if isinstance(percentage, str):
        match = _PERCENT.fullmatch(percentage)
        if match is None:
            raise ValueError("is no percentage")
        percentage = Decimal(match[1])
    if not isinstance(percentage, Decimal):
        raise TypeError(f"cannot be a {type(percentage).__name__}")
    if not percentage.is_finite() or not 0 <= percentage <= 100:
        raise ValueError("is not between 0 and 100 percent")
    ppm, rest = _scaled(percentage, 4)
    if rest:
        raise ValueError("has more than four decimals")
    return ppm


def _scaled(exact: Decimal, places: int) -> tuple[int, int]:
    """Return *exact* times ten to the *places* as a whole number and what is left over, in integers alone."""
    sign, digits, exponent = exact.as_tuple()
    number = int("".join(map(str, digits))) * (-1 if sign else 1)
    shift = int(exponent) + places
    if number == 0:
        return 0, 0
    return (number * 10**shift, 0) if shift >= 0 else divmod(number, 10**-shift)

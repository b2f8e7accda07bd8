from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from cactuprivacy import AffiliateProgram, Affiliates, DeclarationError, KeyRing, Site, Store
from cactuprivacy.affiliates import Credit
from cactuprivacy.consent import Choices

if TYPE_CHECKING:
    from collections.abc import Callable

    Visitor = Callable[[str], dict[str, Any]]

NOBODY = Credit(None, Decimal("0.00"), "GBP")


@pytest.mark.parametrize(
    "options, said",
    [
        ({"window_days": 0}, "give whole days from 1 to 400"),
        ({"window_days": 401}, "give whole days from 1 to 400"),
        ({"window_days": 1.5}, "give whole days from 1 to 400"),
        ({"window_days": True}, "give whole days from 1 to 400"),
        ({"parameter": ""}, "use up to 32 letters"),
        ({"parameter": "a=b"}, "use up to 32 letters"),
        ({"parameter": "a&b"}, "use up to 32 letters"),
        ({"parameter": "a" * 33}, "use up to 32 letters"),
        ({"basis": "maybe"}, "use 'consent', 'reward' or 'exempt'"),
        ({"commission": "ten"}, "write it as text"),
        ({"commission": "101%"}, "not between 0 and 100"),
        ({"commission": "-1%"}, "write it as text"),
        ({"commission": "1.00001%"}, "more than four decimals"),
        ({"commission": Decimal("NaN")}, "not between 0 and 100"),
        ({"window": 30}, "did you mean window_days="),
    ],
)
def test_a_wrong_declaration_is_refused_in_one_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        Affiliates(**options)


def test_invariant_8_a_float_commission_is_a_type_error_too() -> None:
    with pytest.raises(TypeError, match="cannot be a float; write it as text") as refused:
        Affiliates(commission=0.1)  # type: ignore[arg-type]  # the very fault

    assert isinstance(refused.value, DeclarationError)


def test_A9_consent_as_the_basis_needs_somebody_to_ask(
    site: Site, keys: KeyRing, sqlite_store: Store
) -> None:
    with pytest.raises(DeclarationError, match="give AffiliateProgram consent="):
        AffiliateProgram(Affiliates(), site=site, keys=keys, store=sqlite_store)


def test_a_program_takes_plain_values(tmp_path: Any) -> None:
    program = AffiliateProgram(
        Affiliates(basis="exempt"),
        site="https://shop.example",
        keys=["k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"],
        store=f"sqlite:///{tmp_path}/privacy.db",
    )

    assert program.add("alice") == "alice"
    program.store.dispose()


@pytest.mark.parametrize(
    "origin, basis, name, asks",
    [
        ("https://shop.example", "consent", "__Host-affiliate", True),
        ("https://shop.example", "reward", "__Host-affiliate", False),
        ("http://localhost:8000", "exempt", "affiliate", False),
    ],
)
def test_the_cookie_is_declared_as_it_is_set(
    make_program: Callable[..., AffiliateProgram], origin: str, basis: str, name: str, asks: bool
) -> None:
    program = make_program(site=Site(origin), basis=basis, window_days=7)
    cookie = program.cookie

    assert (name, 7 * 86400, asks) == (cookie.name, cookie.max_age, cookie.needs_consent)
    assert (cookie.same_site, cookie.http_only, cookie.path, cookie.domain) == ("Lax", True, "/", None)
    assert (cookie,) == program.cookies


@pytest.mark.parametrize(
    "basis, answer, gpc, allowed",
    [
        ("consent", True, "", True),
        ("consent", False, "", False),
        ("consent", None, "", None),
        ("consent", True, "1", False),
        ("consent", None, "1", False),
        ("consent", "no", "", None),
        ("exempt", None, "", True),
        ("exempt", False, "", False),
        ("exempt", None, "1", False),
        ("reward", None, "1", True),
        ("reward", False, "1", False),
    ],
)
def test_who_may_be_credited_by_a_cookie(
    make_program: Callable[..., AffiliateProgram], basis: str, answer: Any, gpc: str, allowed: bool | None
) -> None:
    environ = {"REQUEST_METHOD": "GET", "HTTP_SEC_GPC": gpc}

    assert allowed is make_program(answer, basis=basis).allowed(environ)


def test_a_yes_in_spite_of_the_signal_overrules_it(make_program: Callable[..., AffiliateProgram]) -> None:
    said = Choices(affiliates=True, despite_gpc=True)
    environ = {"REQUEST_METHOD": "GET", "HTTP_SEC_GPC": "1", "cactuprivacy.choices": said}

    assert True is make_program(True).allowed(environ)


def test_A11_a_claim_is_kept_with_the_order_and_credited_when_it_is_paid(
    program: AffiliateProgram, visitor: Visitor
) -> None:
    kept = program.claim(visitor("alice"))
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(days=45)):
        credit = program.credit_sale(order=7, amount="49.99", currency="GBP", claim=kept)

    assert Credit("alice", Decimal("5.00"), "GBP", new=True) == credit


def test_the_kept_claim_is_the_same_for_two_visitors(program: AffiliateProgram, visitor: Visitor) -> None:
    two = [{**visitor("alice"), "REMOTE_ADDR": address} for address in ("192.0.2.1", "198.51.100.7")]

    assert len({program.claim(environ) for environ in two}) == 1


def test_the_kept_claim_wins_over_the_cookie_of_whoever_calls_back(
    program: AffiliateProgram, visitor: Visitor
) -> None:
    kept = program.claim(visitor("alice"))

    assert (
        program.credit_sale(visitor("bob"), order=7, amount=1, currency="GBP", claim=kept).affiliate
        == "alice"
    )


@pytest.mark.parametrize("claim", [None, "", "nonsense", "h1.alice.20260101.20260101." + "A" * 43])
def test_an_order_without_a_sound_claim_credits_nobody(program: AffiliateProgram, claim: str | None) -> None:
    assert program.credit_sale(order=7, amount="49.99", currency="GBP", claim=claim) == NOBODY


@pytest.mark.parametrize("code", ["carol", "nobody"])
def test_A4_only_an_approved_affiliate_is_credited(
    program: AffiliateProgram, visitor: Visitor, code: str
) -> None:
    assert program.credit_sale(visitor(code), order=7, amount="49.99", currency="GBP") == NOBODY


def test_an_order_is_still_open_to_the_callback_when_the_first_call_had_no_claim(
    program: AffiliateProgram, visitor: Visitor
) -> None:
    program.credit_sale({"REQUEST_METHOD": "POST"}, order=7, amount="49.99", currency="GBP")
    kept = program.claim(visitor("alice"))

    assert program.credit_sale(order=7, amount="49.99", currency="GBP", claim=kept).new


@pytest.mark.parametrize("answer", [False, None])
def test_without_consent_a_cookie_that_is_left_credits_nobody(
    program: AffiliateProgram,
    visitor: Visitor,
    make_program: Callable[..., AffiliateProgram],
    answer: bool | None,
) -> None:
    withdrawn = make_program(answer)

    assert withdrawn.claim(visitor("alice")) is None
    assert withdrawn.credit_sale(visitor("alice"), order=7, amount="49.99", currency="GBP") == NOBODY


def test_A8_the_window_ends_the_claim_whatever_the_browser_keeps(
    program: AffiliateProgram, visitor: Visitor
) -> None:
    environ = visitor("alice")
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(days=31)):
        assert program.claim(environ) is None
        assert program.credit_sale(environ, order=7, amount="49.99", currency="GBP") == NOBODY


@pytest.mark.parametrize("amount", [49.99, 1.0])
def test_invariant_8_a_float_is_a_type_error_for_every_visitor(
    program: AffiliateProgram, amount: Any
) -> None:
    with pytest.raises(TypeError, match="cannot be a float"):
        program.credit_sale(order=7, amount=amount, currency="GBP")


@pytest.mark.parametrize(
    "order, error", [(None, TypeError), (1.0, TypeError), (True, TypeError), ("", ValueError)]
)
def test_an_order_needs_a_name(program: AffiliateProgram, order: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="order="):
        program.credit_sale(order=order, amount=1, currency="GBP")

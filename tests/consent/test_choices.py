"""The visitor's choices and the receipt cookie that remembers them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy import Consent
from cactuprivacy.consent import Choices

TODAY = date(2026, 11, 22)
YES = Choices(affiliates=True, day=TODAY, policy="3f9a01bc")


def request(receipt: str | None = None, **headers: str) -> dict[str, Any]:
    environ: dict[str, Any] = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    if receipt is not None:
        environ["HTTP_COOKIE"] = f"__Host-privacy-choices={receipt}"
    return environ


@pytest.fixture
def consent() -> Consent:
    return Consent("https://shop.example", policy_hash=lambda: "3f9a01bc" + "0" * 56)


def test_a_receipt_says_what_was_chosen() -> None:
    assert Choices.from_receipt(YES.receipt(), TODAY) == YES


def test_a_receipt_holds_no_identifier() -> None:
    """Two who choose alike on one day hold the same bytes."""
    assert YES.receipt() == "1.y-n.20261122.3f9a01bc"


@given(st.text(max_size=40))
def test_any_other_text_is_undecided(text: str) -> None:
    assert Choices.from_receipt(text, TODAY) == Choices()


@pytest.mark.parametrize(
    ("age_days", "held"), [(0, True), (180, True), (181, False), (-1, True), (-2, False)]
)
def test_a_choice_holds_180_days(age_days: int, held: bool) -> None:
    receipt = Choices(affiliates=True, day=TODAY - timedelta(days=age_days)).receipt()

    assert Choices.from_receipt(receipt, TODAY).affiliates is (True if held else None)


@pytest.mark.parametrize(
    "receipt", ["1.y-n.20261399.3f9a01bc", "1.y-n.२०२६११२२.3f9a01bc", "2.y-n.20261122.3f9a01bc"]
)
def test_a_receipt_of_no_day_or_another_version_is_undecided(receipt: str) -> None:
    assert Choices.from_receipt(receipt, TODAY) == Choices()


@time_machine.travel("2026-11-22T12:00+00:00", tick=False)
@pytest.mark.parametrize(
    ("receipt", "headers", "answer"),
    [
        (None, {}, None),
        ("1.y-n.20261122.3f9a01bc", {}, True),
        ("1.n-n.20261122.3f9a01bc", {}, False),
        (None, {"sec_gpc": "1"}, False),
        (None, {"sec_gpc": "0"}, None),
        ("1.y-n.20261122.3f9a01bc", {"sec_gpc": "1"}, False),
        ("1.y-g.20261122.3f9a01bc", {"sec_gpc": "1"}, True),
    ],
    ids=[
        "nothing said",
        "a yes",
        "a no",
        "GPC is a no",
        "only 1 is GPC",
        "GPC outweighs a yes from before",
        "a yes said despite GPC outweighs it",
    ],
)
def test_the_answer(
    consent: Consent, receipt: str | None, headers: dict[str, str], answer: bool | None
) -> None:
    assert consent.answer(request(receipt, **headers), "affiliates") is answer


@time_machine.travel("2026-11-22T12:00+00:00", tick=False)
def test_two_receipts_are_none(consent: Consent) -> None:
    environ = request("1.y-n.20261122.3f9a01bc; __Host-privacy-choices=1.n-n.20261122.3f9a01bc")

    assert consent.answer(environ, "affiliates") is None


@time_machine.travel("2026-11-22T12:00+00:00", tick=False)
def test_a_decision_holds_in_the_very_request_that_makes_it(consent: Consent) -> None:
    environ = request("1.y-n.20261122.3f9a01bc")
    choices = consent.decide(environ, {"affiliates": False})

    assert consent.answer(environ, "affiliates") is False
    assert choices.receipt() == "1.n-n.20261122.3f9a01bc"


@time_machine.travel("2026-11-22T12:00+00:00", tick=False)
def test_deciding_one_thing_leaves_the_other(consent: Consent) -> None:
    environ = request("1.yyn.20261122.3f9a01bc")

    assert consent.decide(environ, {"statistics": False}).receipt() == "1.ynn.20261122.3f9a01bc"

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy import AffiliateProgram, KeyRing
from cactuprivacy.affiliates import AffiliateError
from cactuprivacy.affiliates.claim import ClaimSigner, Touch, credited, today, with_touch

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeProgram = Callable[..., AffiliateProgram]
    Visitor = Callable[[str], dict[str, Any]]

LANDING = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": "af=alice"}
ORDER = {"REQUEST_METHOD": "POST", "PATH_INFO": "/checkout"}
SOLD: dict[str, Any] = {"amount": "10", "currency": "GBP"}


def value(markup: str) -> str:
    found = re.fullmatch(r'<input type="hidden" name="affiliate" value="([\w.-]+)">', markup)
    assert found
    return found[1]


@pytest.fixture
def undecided(program: AffiliateProgram, make_program: MakeProgram) -> AffiliateProgram:
    """The programme of a visitor who has not been asked, or has not answered."""
    return make_program(None)


def test_A9_without_an_answer_a_form_carries_the_claim_through_one_journey(
    undecided: AffiliateProgram,
) -> None:
    landing = value(undecided.form_field(dict(LANDING)))
    basket = value(undecided.form_field({**ORDER, "PATH_INFO": "/basket"}, handed=landing))
    kept = undecided.claim(dict(ORDER), handed=basket)

    assert undecided.credit_sale(order=1, claim=kept, **SOLD).affiliate == "alice"


def test_the_forms_value_holds_a_code_and_a_day_alone(undecided: AffiliateProgram) -> None:
    held = value(undecided.form_field({**LANDING, "HTTP_USER_AGENT": "one", "REMOTE_ADDR": "192.0.2.1"}))

    assert held.split(".")[:-1] == ["f1", "alice", f"{today():%Y%m%d}"]
    assert held == value(undecided.form_field(dict(LANDING)))


@pytest.mark.parametrize("days, counts", [(0, True), (1, True), (2, False), (-1, False)])
def test_the_forms_value_counts_on_its_day_and_the_next(
    undecided: AffiliateProgram, days: int, counts: bool
) -> None:
    held = value(undecided.form_field(dict(LANDING)))
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(days=days)):
        assert (undecided.claim(dict(ORDER), handed=held) is not None) is counts


@pytest.mark.parametrize("answer, signal", [(False, ""), (None, "1")])
def test_a_no_is_a_no_whichever_way_the_claim_would_travel(
    undecided: AffiliateProgram, make_program: MakeProgram, answer: bool | None, signal: str
) -> None:
    held = value(undecided.form_field(dict(LANDING)))
    refused = make_program(answer)

    assert refused.form_field({**LANDING, "HTTP_SEC_GPC": signal}) == ""
    assert refused.claim({**ORDER, "HTTP_SEC_GPC": signal}, handed=held) is None


def test_who_said_yes_has_the_cookie_and_needs_no_field(program: AffiliateProgram) -> None:
    assert program.form_field(dict(LANDING)) == ""


@pytest.mark.parametrize(
    "more",
    [
        {"QUERY_STRING": ""},
        {"QUERY_STRING": "af=no%20code"},
        {"REQUEST_METHOD": "POST"},
        {"HTTP_SEC_FETCH_DEST": "iframe"},
        {"HTTP_SEC_PURPOSE": "prefetch"},
        {"HTTP_USER_AGENT": "Googlebot"},
    ],
)
def test_what_is_no_click_gets_no_field(undecided: AffiliateProgram, more: dict[str, str]) -> None:
    assert undecided.form_field({**LANDING, **more}) == ""


def test_where_the_programme_stands_down_a_link_gets_no_field(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    wary = make_program(None, stand_down=["/checkout"])

    assert wary.form_field({**LANDING, "PATH_INFO": "/checkout"}) == ""
    assert wary.claim(dict(ORDER), handed=value(wary.form_field(dict(LANDING)))) is not None


@given(
    st.one_of(st.text(), st.from_regex(r"f1\.[a-z]+\.[0-9]{8}\.[A-Za-z0-9_-]{43}"), st.none(), st.integers())
)
def test_whatever_a_form_sends_is_no_claim_and_no_error(sent: Any) -> None:
    signer = ClaimSigner(KeyRing(["k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"]), 30)

    assert () == signer.take_from_form(sent)


def test_a_cookies_value_passes_for_no_forms_value(
    program: AffiliateProgram, undecided: AffiliateProgram
) -> None:
    cookie = program.signer.sign(Touch("alice", today()))

    assert undecided.claim(dict(ORDER), handed=cookie) is None


# coupons and typed codes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["cactus10", " CACTUS10 ", "alice", "17"])
def test_a_coupon_or_a_typed_code_credits_its_affiliate(program: AffiliateProgram, typed: str) -> None:
    program.add_coupon("alice", "Cactus10")

    assert program.credit_sale(order=1, coupon=typed, **SOLD).affiliate == "alice"


@pytest.mark.parametrize("first, wins", [(True, "bob"), (False, "alice")])
def test_whether_the_coupon_or_the_link_wins_is_declared(
    program: AffiliateProgram, make_program: MakeProgram, visitor: Visitor, first: bool, wins: str
) -> None:
    program.add_coupon("bob", "cactus10")
    declared = make_program(coupon_first=first)

    assert declared.credit_sale(visitor("alice"), order=1, coupon="cactus10", **SOLD).affiliate == wins


@pytest.mark.parametrize("typed", ["xmas", "", "no code!", "carol", "x" * 10_000, None])
def test_a_discount_of_nobodys_leaves_the_link_its_credit(
    program: AffiliateProgram, visitor: Visitor, typed: str | None
) -> None:
    assert program.credit_sale(visitor("alice"), order=1, coupon=typed, **SOLD).affiliate == "alice"


def test_a_coupon_credits_without_consent(undecided: AffiliateProgram) -> None:
    assert undecided.credit_sale(dict(ORDER), order=1, coupon="alice", **SOLD).affiliate == "alice"


@pytest.mark.parametrize(
    "code, coupon, said",
    [("nobody", "c10", "no affiliate"), ("alice", "17", "already"), ("alice", "a b", "letters")],
)
def test_a_coupon_that_cannot_be_is_refused(
    program: AffiliateProgram, code: str, coupon: str, said: str
) -> None:
    with pytest.raises(AffiliateError, match=said):
        program.add_coupon(code, coupon)


# models ---------------------------------------------------------------------------------------------------------

DAYS = [(today() - timedelta(days=9 - number)) for number in range(10)]


def walked(model: Any, codes: str) -> str:
    """Return the codes of a claim after one click a day by *codes*."""
    held: tuple[Touch, ...] = ()
    for code, day in zip(codes, DAYS, strict=False):
        held = with_touch(held, Touch(code, day), model)
    return "".join(touch.code for touch in held)


@pytest.mark.parametrize(
    "model, codes, held",
    [
        ("last", "abc", "c"),
        ("first", "abc", "a"),
        ("linear", "abc", "abc"),
        ("position", "aba", "aba"),
        ("linear", "abcdefg", "adefg"),
        ("position", "abcdefg", "adefg"),
    ],
)
def test_A8_the_model_says_which_clicks_are_kept(model: str, codes: str, held: str) -> None:
    assert held == walked(model, codes)


def test_a_click_counts_once_by_affiliate_and_day() -> None:
    held = (Touch("a", DAYS[0]), Touch("b", DAYS[0]))

    assert held == with_touch(held, Touch("a", DAYS[0], "summer"), "position")


def test_where_the_first_counts_more_the_order_of_one_day_is_kept() -> None:
    assert ("ba", "ab") == tuple(
        "".join(
            touch.code for touch in with_touch((Touch(codes[0], DAYS[0]),), Touch(codes[1], DAYS[0]), model)
        )
        for codes, model in (("ba", "position"), ("ba", "linear"))
    )


@pytest.mark.parametrize("model, who", [("last", "b"), ("first", "a"), ("linear", "ab"), ("position", "ab")])
def test_a_claim_from_before_another_model_was_chosen_still_counts(model: Any, who: str) -> None:
    held = (Touch("a", DAYS[0]), Touch("b", DAYS[1]))

    assert who == "".join(touch.code for touch in credited(held, model))


@given(
    st.lists(
        st.builds(
            Touch, st.from_regex(r"[a-z0-9_-]{1,64}", fullmatch=True), st.sampled_from(DAYS),
            st.from_regex(r"[a-z0-9_-]{0,32}", fullmatch=True),
        ),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_every_claim_comes_back_as_it_was_and_fits_into_a_cookie(touches: list[Touch]) -> None:
    signer = ClaimSigner(KeyRing(["k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"]), 30)
    value = signer.sign(*touches)

    assert tuple(touches) == signer.read(value) == signer.take_back(signer.hand_over(*touches))
    assert len(value) < 700

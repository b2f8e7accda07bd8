"""What the shop systems before us did with affiliates' links and claims, row by row, matched and bettered."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from sqlalchemy import inspect
from webtest import TestApp

from cactuprivacy import AffiliateAttribution, AffiliateProgram
from cactuprivacy.affiliates.claim import Touch, today

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    MakeProgram = Callable[..., AffiliateProgram]

SOLD: dict[str, Any] = {"amount": "10", "currency": "GBP"}


def shop(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"cactuses"]


def follow(program: AffiliateProgram, url: str, **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return TestApp(AffiliateAttribution(shop, program)).get(url, headers=sent)


def held(program: AffiliateProgram, response: Any) -> list[str]:
    """Return whose claim a response sets."""
    jar = response.headers.get("Set-Cookie", "").partition(";")[0]
    return [touch.code for touch in program.held({"HTTP_COOKIE": jar})]


@pytest.fixture
def shopkeeper(program: AffiliateProgram, make_program: MakeProgram) -> AffiliateProgram:
    """A programme that takes every kind of link, as one that comes from the original would."""
    return make_program(parameter=("af", "ref"), path="/r", legacy_path="/aftrack.asp", clean_url=True)


@pytest.mark.parametrize(
    "link, page",
    [
        ("/aftrack.asp?ID=alice&Req=prod.asp?id=3&x=1", "/prod.asp?id=3&x=1"),
        ("/prod.asp?id=3&af=alice&x=1", "/prod.asp?id=3&x=1"),
        ("/prod.asp?id=3&ref=alice&x=1", "/prod.asp?id=3&x=1"),
        ("/r/alice/prod.asp?id=3&x=1", "/prod.asp?id=3&x=1"),
    ],
)
def test_A1_both_styles_of_link_count_and_leave_the_url_as_it_would_be_without(
    shopkeeper: AffiliateProgram, link: str, page: str
) -> None:
    response = follow(shopkeeper, link)

    assert (303, ["alice"]) == (response.status_int, held(shopkeeper, response))
    assert response.headers["Location"].removeprefix("http://localhost") == page


def test_A1_a_made_code_is_neither_an_account_nor_counted_up(program: AffiliateProgram) -> None:
    codes = {program.add() for _ in range(20)}

    assert len(codes) == 20
    assert all(len(code) == 10 and not code.isdigit() for code in codes)


def test_A2_the_requested_page_is_on_this_site_or_the_front_page(shopkeeper: AffiliateProgram) -> None:
    for elsewhere in ("//evil.example", "https://evil.example", "/%5cevil.example", "/%0d%0aSet-Cookie:x=1"):
        response = follow(shopkeeper, f"/aftrack.asp?ID=alice&Req={elsewhere}")

        assert response.headers["Location"].removeprefix("http://localhost") == "/"


@pytest.mark.parametrize("link", ["/?af=17", "/r/17", "/aftrack.asp?ID=17", "/?ref=17"])
def test_A3_an_old_number_still_credits_its_affiliate(shopkeeper: AffiliateProgram, link: str) -> None:
    assert ["alice"] == held(shopkeeper, follow(shopkeeper, link))


@pytest.mark.parametrize("code", ["12abc", "17abc", "carol", "nobody", "17%20", "%2017", "1７"])
def test_A4_only_an_approved_affiliate_read_strictly_counts(shopkeeper: AffiliateProgram, code: str) -> None:
    for link in (f"/?af={code}", f"/aftrack.asp?ID={code}"):
        assert [] == held(shopkeeper, follow(shopkeeper, link.encode().decode("latin-1")))


def test_A5_a_click_leaves_a_number_and_no_address_referrer_or_hour(shopkeeper: AffiliateProgram) -> None:
    follow(shopkeeper, "/?af=alice", Referer="https://blog.example/?q=secret", X_Forwarded_For="2001:db8::1")
    shopkeeper.flush(20)
    columns = {
        column["name"] for column in inspect(shopkeeper.store.engine).get_columns("affiliate_click_day")
    }

    assert columns == {"day", "affiliate_id", "campaign", "verdict", "n"}
    assert [(today().isoformat(), "human", 1)] == [
        (each.period, each.verdict, each.n) for each in shopkeeper.clicks("alice", exact=True)
    ]


def test_A6_an_affiliate_cannot_inflate_the_clicks_with_programs_or_by_clicking_again(
    shopkeeper: AffiliateProgram,
) -> None:
    jar = follow(shopkeeper, "/?af=alice").headers["Set-Cookie"].partition(";")[0]
    for _ in range(3):
        follow(shopkeeper, "/?af=alice", Cookie=jar)
        follow(shopkeeper, "/?af=alice", User_Agent="python-requests/2.32")
    shopkeeper.flush(20)

    assert {"human": 1, "duplicate": 3, "bot": 3} == {
        each.verdict: each.n for each in shopkeeper.clicks("alice", exact=True)
    }


def test_A7_the_claim_outlives_the_session_and_no_hand_but_ours_makes_one(
    shopkeeper: AffiliateProgram,
) -> None:
    line = follow(shopkeeper, "/?af=alice").headers["Set-Cookie"]
    jar = line.partition(";")[0]
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(days=29)):
        assert ("alice",) == tuple(touch.code for touch in shopkeeper.held({"HTTP_COOKIE": jar}))

    assert () == shopkeeper.held({"HTTP_COOKIE": jar.replace("alice", "bob")})
    assert {"Max-Age=2592000", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"} == set(line.split("; ")[1:])


@pytest.mark.parametrize("model, wins", [("last", "bob"), ("first", "alice")])
def test_A8_one_setting_says_whether_the_first_click_or_the_last_is_credited(
    program: AffiliateProgram, make_program: MakeProgram, model: str, wins: str
) -> None:
    declared = make_program(model=model)
    jar = follow(declared, "/?af=alice").headers["Set-Cookie"].partition(";")[0]
    later = follow(declared, "/?af=bob", Cookie=jar).headers.get("Set-Cookie", jar).partition(";")[0]

    assert declared.credit_sale({"HTTP_COOKIE": later}, order=1, **SOLD).affiliate == wins


@pytest.mark.parametrize("answer", [None, False])
def test_A9_without_consent_no_cookie_is_set_and_a_typed_code_still_credits(
    program: AffiliateProgram, make_program: MakeProgram, answer: bool | None
) -> None:
    asked = make_program(answer)

    assert "Set-Cookie" not in follow(asked, "/?af=alice").headers
    assert asked.credit_sale({}, order=1, coupon="alice", **SOLD).affiliate == "alice"


# the defects of others that stand in no row above ---------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "junk; {ours}", "_g[x]=1; {ours}", 'j={{"a":1}}; {ours}', "bad,name=2; {ours}", "\xff=\xfe; {ours}",
        "{ours}; =; ;;", '"; {ours}',
    ],
)  # fmt: skip
def test_the_claim_is_read_beside_whatever_others_put_into_the_header(
    program: AffiliateProgram, header: str
) -> None:
    ours = f"{program.cookie.name}={program.signer.sign(Touch('alice', today()))}"

    assert (Touch("alice", today()),) == program.held({"HTTP_COOKIE": header.format(ours=ours)})


def test_a_claim_that_comes_twice_is_none_for_somebody_tossed_one(program: AffiliateProgram) -> None:
    ours = [f"{program.cookie.name}={program.signer.sign(Touch(code, today()))}" for code in ("alice", "bob")]

    assert () == program.held({"HTTP_COOKIE": "; ".join(ours)})


@pytest.mark.parametrize(
    "value", ["alice:session", "1.alice", "alice", "=", "1.alice.20260615..x", "\x00", "é" * 9]
)
def test_a_changed_cookie_is_no_error_and_leads_to_a_new_claim(program: AffiliateProgram, value: str) -> None:
    jar = f"{program.cookie.name}={value}".encode().decode("latin-1")
    response = follow(program, "/?af=alice", Cookie=jar)

    assert (200, ["alice"]) == (response.status_int, held(program, response))


def test_a_code_without_end_evicts_no_other_cookie(program: AffiliateProgram) -> None:
    assert "Set-Cookie" not in follow(program, "/?af=" + "a" * 4096).headers


def test_a_code_in_a_form_that_is_sent_is_no_link(program: AffiliateProgram) -> None:
    app = TestApp(AffiliateAttribution(shop, program))

    assert "Set-Cookie" not in app.post("/", {"af": "alice"}).headers


def test_one_cookie_holds_it_all_however_many_affiliates(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    for number in range(8):
        program.approve(program.add(f"partner-{number}"))
    shared = make_program(model="position")
    jar = ""
    for number in range(8):
        jar = follow(shared, f"/?af=partner-{number}", Cookie=jar).headers["Set-Cookie"].partition(";")[0]

    assert ["partner-0", "partner-4", "partner-5", "partner-6", "partner-7"] == [
        touch.code for touch in shared.held({"HTTP_COOKIE": jar})
    ]
    assert len(jar) < 700

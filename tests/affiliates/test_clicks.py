from __future__ import annotations

import logging
import os
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from webtest import TestApp

from cactuprivacy import AffiliateAttribution, AffiliateProgram, Store
from cactuprivacy.affiliates import AffiliateError
from cactuprivacy.affiliates.claim import Touch, today
from cactuprivacy.affiliates.clicks import CAPACITY, SMALL, Clicks, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    MakeProgram = Callable[..., AffiliateProgram]

CLICK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}


def shop(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else b"cactuses"]


def follow(program: AffiliateProgram, path: str, method: str = "GET", **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    app = TestApp(AffiliateAttribution(shop, program))
    return app.request(path, method=method, headers={**CLICK, **sent}, expect_errors=True)


def counted(program: AffiliateProgram, code: str = "alice") -> dict[str, int]:
    """Return the numbers of today, by verdict and campaign."""
    assert program.flush(20)
    return {
        each.verdict + ((each.campaign and f" {each.campaign}") or ""): each.n
        for each in program.clicks(code, exact=True)
        if each.period == today().isoformat()
    }


def test_A6_clicks_are_counted_by_what_made_them(program: AffiliateProgram) -> None:
    held = f"{program.cookie.name}={program.signer.sign(Touch('alice', today()))}"
    follow(program, "/?af=alice")
    follow(program, "/?af=17")
    follow(program, "/?af=alice", Cookie=held)
    follow(program, "/?af=17", Cookie=held)
    follow(program, "/?af=alice", User_Agent="Googlebot")
    follow(program, "/?af=alice", "HEAD")
    follow(program, "/?af=alice", Sec_Purpose="prefetch")
    follow(program, "/?af=alice", Sec_Fetch_Dest="iframe")

    assert counted(program) == {"human": 2, "duplicate": 2, "bot": 2, "prefetch": 1, "stuffing": 1}


@pytest.mark.parametrize("answer", [None, False])
def test_without_consent_clicks_are_counted_and_the_cookie_is_not_read(
    program: AffiliateProgram, make_program: MakeProgram, answer: bool | None
) -> None:
    held = f"{program.cookie.name}={program.signer.sign(Touch('alice', today()))}"
    refused = make_program(answer)
    follow(refused, "/?af=alice", Cookie=held)

    assert counted(refused) == {"human": 1}


@pytest.mark.parametrize("code", ["carol", "nobody", "alice%20"])
def test_A4_only_approved_affiliates_clicks_are_counted(program: AffiliateProgram, code: str) -> None:
    follow(program, f"/?af={code}")
    follow(program, f"/?af={code}", User_Agent="Googlebot")
    program.flush(20)
    with program.store.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM affiliate_click_day")) == 0


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Sec-Fetch-Site": "same-origin"}, id="back to the link after saying yes"),
        pytest.param({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, id="our own page's script"),
    ],
)
def test_our_own_pages_clicks_are_none(program: AffiliateProgram, headers: dict[str, str]) -> None:
    follow(program, "/?af=alice", **headers)

    assert counted(program) == {}


def test_a_click_is_counted_once_though_its_page_fails(program: AffiliateProgram) -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        start_response("500 Internal Server Error", [], (LookupError, LookupError(), None))
        return [b"sorry"]

    TestApp(AffiliateAttribution(app, program), lint=False).get("/?af=alice", headers=CLICK, status=500)

    assert counted(program) == {"human": 1}


@pytest.mark.parametrize("answer", [True, False, None])
@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("link", ["/r/alice/page", "/aftrack.asp?ID=alice&Req=page", "/page?af=alice"])
def test_a_click_that_is_led_on_is_counted_once(
    program: AffiliateProgram, make_program: MakeProgram, link: str, answer: bool | None, clean: bool
) -> None:
    leading = make_program(answer, path="/r", legacy_path="/aftrack.asp", clean_url=clean)
    response = follow(leading, link)
    while response.status_int == 303:  # browsers say of it what they said of the click
        response = response.follow(headers=CLICK)

    assert counted(leading) == {"human": 1}


def test_clicks_are_counted_by_campaign(program: AffiliateProgram, make_program: MakeProgram) -> None:
    campaigning = make_program(campaigns=["summer"], path="/r")
    for path in (
        "/?af=alice",
        "/?af=alice&campaign=summer",
        "/r/alice?campaign=summer",
        "/?af=alice&campaign=x",
    ):
        follow(campaigning, path)

    assert counted(campaigning) == {"human": 2, "human summer": 2}


def test_numbers_add_up_across_processes_and_flushes(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    for other in (program, make_program(), program):
        other.count_click("alice", "", "human")
        assert other.flush(20)

    assert counted(program) == {"human": 3}


def test_numbers_of_many_threads_are_all_there(program: AffiliateProgram) -> None:
    def click() -> None:
        for _ in range(200):
            program.count_click("alice", "", "human")

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted(program) == {"human": 1600}


def test_close_writes_what_is_waiting(program: AffiliateProgram) -> None:
    program.count_click("alice", "", "human")
    program.close()

    assert counted(program) == {"human": 1}


def test_after_close_counting_goes_on(program: AffiliateProgram) -> None:
    for _ in range(2):
        program.count_click("alice", "", "human")
        program.close()

    assert counted(program) == {"human": 2}


def test_a_failing_database_loses_no_number_and_no_page(
    program: AffiliateProgram, caplog: pytest.LogCaptureFixture
) -> None:
    with program.store.write() as connection:
        connection.execute(text("ALTER TABLE affiliate_click_day RENAME TO away"))
    with caplog.at_level(logging.WARNING, "cactuprivacy"):
        assert follow(program, "/?af=alice").body == b"cactuses"
        assert not program.flush(0.5)
    with program.store.write() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO affiliate_click_day"))

    assert counted(program) == {"human": 1}
    assert "alice" not in caplog.text


def test_codes_that_nobody_has_cannot_fill_the_memory(
    program: AffiliateProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program._clicks, "_write", lambda run: None)
    for number in range(CAPACITY + 10):
        program.count_click(f"made-up-{number}", "", "bot")

    assert (CAPACITY, 10) == (len(program._clicks._run.counts), program._clicks._run.dropped)
    program._clicks._run.counts.clear()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is nothing to fork here")
def test_a_forked_child_writes_its_own_numbers_alone(sqlite_store: Store, make_program: MakeProgram) -> None:
    program = make_program()
    program.add("alice")
    program.approve("alice")
    program.count_click("alice", "", "human")
    program.flush(20)
    program.count_click("alice", "", "human")  # the parent's, still waiting
    child = os.fork()
    if child == 0:
        program.count_click("alice", "", "human")
        os._exit(0 if program.flush(20) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    assert counted(program) == {"human": 3}


def test_what_is_older_than_the_programme_keeps_is_deleted(
    program: AffiliateProgram, make_program: MakeProgram
) -> None:
    brief = make_program(clicks_keep_days=30)
    for days in (31, 30, 0):
        with time_machine.travel(datetime.now(timezone.utc) - timedelta(days=days)):
            brief.count_click("alice", "", "human")
    brief.flush(20)
    brief.purge_clicks()
    found = [each.period for each in brief.clicks("alice", exact=True)]

    assert [(today() - timedelta(days=days)).isoformat() for days in (30, 0)] == found


def test_an_unknown_affiliate_is_told_so(program: AffiliateProgram) -> None:
    with pytest.raises(AffiliateError, match="There is no affiliate"):
        program.clicks("nobody")


def test_small_numbers_are_not_for_the_affiliates_eyes(program: AffiliateProgram) -> None:
    program.count_click("alice", "", "human")
    program.flush(20)

    assert () == program.clicks("alice")


def test_small_campaigns_merge_into_their_day_and_small_days_into_their_month() -> None:
    assert merged(
        [
            Clicks("2026-06-01", "", "human", 7),
            Clicks("2026-06-01", "summer", "human", 3),
            Clicks("2026-06-01", "mail", "human", 2),
            Clicks("2026-06-02", "", "human", 4),
            Clicks("2026-06-03", "", "human", 1),
            Clicks("2026-07-01", "", "human", 4),
        ]
    ) == [
        Clicks("2026-06", None, "human", 5),
        Clicks("2026-06-01", "", "human", 7),
        Clicks("2026-06-01", None, "human", 5),
    ]


@given(
    st.lists(
        st.builds(
            Clicks,
            st.sampled_from(["2026-06-01", "2026-06-02", "2026-07-01"]),
            st.sampled_from(["", "a", "b"]),
            st.sampled_from(["human", "bot"]),
            st.integers(1, 9),
        ),
        unique_by=lambda each: each[:3],
    )
)
def test_no_small_number_is_ever_told_and_no_click_twice(clicks: list[Clicks]) -> None:
    told = merged(clicks)

    assert all(each.n >= SMALL for each in told)
    assert sum(each.n for each in told) <= sum(each.n for each in clicks)
    assert len({each[:3] for each in told}) == len(told)


def test_close_leaves_no_thread_behind_when_the_database_fails(
    program: AffiliateProgram, caplog: pytest.LogCaptureFixture
) -> None:
    with program.store.write() as connection:
        connection.execute(text("ALTER TABLE affiliate_code RENAME TO away"))
    program.count_click("alice", "", "human")
    writer = program._clicks._run.thread
    program.close()

    assert writer is not None
    assert not writer.is_alive()
    assert "lost" in caplog.text

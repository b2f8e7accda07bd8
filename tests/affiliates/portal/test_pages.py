"""An affiliate's own page: opened by a mailed link alone, and nothing on it leads to a buyer."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from selling import sell
from sqlalchemy import insert
from werkzeug import Response
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import create_environ

from cactuprivacy.affiliates.clicks import click_day
from tests.affiliates.portal.conftest import ANN, ORIGIN

if TYPE_CHECKING:
    from tests.affiliates.portal.conftest import Shop

JUNE = datetime(2026, 6, 20, 9, 30, tzinfo=timezone.utc)


def at(*day: int) -> Any:
    return time_machine.travel(datetime(*day, tzinfo=timezone.utc))  # type: ignore[misc]  # a date's three numbers


def clicked(shop: Shop, code: str, day: str, n: int, verdict: str = "human") -> None:
    affiliate_id = next(each.id for each in shop.program.everybody() if each.code == code)
    with shop.store.write() as connection:
        connection.execute(
            insert(click_day).values(
                day=datetime.fromisoformat(day).date(),
                affiliate_id=affiliate_id,
                campaign="",
                verdict=verdict,
                n=n,
            )
        )


def start_response(*_: Any) -> Any:
    """Take a response's head, and write nothing."""


def words_of(page: str) -> str:
    """Return a page's text without markup, blanks as one."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main>")[2]).split())


def test_A18_the_link_is_mailed_and_opens_the_figures(shop: Shop) -> None:
    code = shop.approved()
    answer = shop.ask()
    (mail,) = shop.deliver()
    link = re.search(rf"{ORIGIN}(\S+/f/\S+)", mail.message.get_body(("plain",)).get_content())
    assert link is not None
    page = shop.client.get(link[1])

    assert (303, "/affiliates/sent", (ANN,)) == (answer.status_code, answer.location, mail.recipients)
    assert 200 == page.status_code
    assert f"{ORIGIN}/?af={code}" in page.text


def test_A18_known_and_unknown_addresses_are_answered_with_the_same_bytes(shop: Shop) -> None:
    shop.approved()
    known, unknown = shop.ask(), shop.ask("nobody@example.org")

    assert (known.status_code, known.data) == (unknown.status_code, unknown.data)
    assert known.headers.to_wsgi_list() == unknown.headers.to_wsgi_list()
    assert [(ANN,)] == [mail.recipients for mail in shop.deliver()]


@pytest.mark.parametrize("state", ["pending", "refused"])
def test_who_is_no_affiliate_gets_no_link(shop: Shop, state: str) -> None:
    shop.apply()
    if state == "refused":
        shop.program.refuse(shop.portal.applications()[0].code)
    shop.deliver()
    shop.ask()

    assert [] == shop.deliver()


def test_who_is_suspended_sees_what_is_owed(shop: Shop) -> None:
    shop.program.suspend(shop.approved())

    assert "Your links are suspended" in shop.client.get(shop.link()).text


def test_who_is_refused_after_all_sees_nothing_by_an_old_link(shop: Shop) -> None:
    code = shop.approved()
    link = shop.link()
    shop.program.refuse(code)

    assert 404 == shop.client.get(link).status_code


def test_one_address_gets_a_link_every_five_minutes_and_five_a_day(shop: Shop) -> None:
    shop.approved()
    start = datetime.now(timezone.utc)
    sent = []
    for minutes in (0, 4, 6, 12, 18, 24, 30, 36):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            shop.ask()
            sent.append(len(shop.deliver()))

    assert [1, 0, 1, 1, 1, 1, 0, 0] == sent


def test_a_link_works_for_an_hour_from_when_its_mail_left(shop: Shop) -> None:
    shop.approved()
    shop.ask()
    start = datetime.now(timezone.utc)
    with time_machine.travel(start + timedelta(hours=2)):  # the mail server was down
        (mail,) = shop.deliver()
        found = re.search(rf"{ORIGIN}(\S+/f/\S+)", mail.message.get_body(("plain",)).get_content())
        assert found is not None
        assert 200 == shop.client.get(found[1]).status_code
    with time_machine.travel(start + timedelta(hours=3, minutes=1)):
        for path in ("", "/figures.csv", "/figures.json"):
            assert 404 == shop.client.get(found[1] + path).status_code


def test_the_database_knows_a_link_by_its_hash_alone(shop: Shop) -> None:
    shop.approved()
    secret = shop.link().rpartition("/")[2]

    assert secret not in repr(shop.dump())


def test_its_reader_ends_a_link_with_a_button_of_our_page(shop: Shop) -> None:
    shop.approved()
    link = shop.link()
    stamp = shop.stamp(link)
    forged = shop.client.post(link, data={"action": "end"})
    still = shop.client.get(link)
    ended = shop.client.post(link, data={"action": "end", "stamp": stamp})

    assert (403, 200) == (forged.status_code, still.status_code)
    assert (303, "/affiliates/ended") == (ended.status_code, ended.location)
    assert 404 == shop.client.get(link).status_code


def test_a_link_opens_its_own_affiliates_figures(shop: Shop) -> None:
    ann, ben = shop.approved(), shop.approved("ben@example.org")
    page = shop.client.get(shop.link()).text

    assert ann in page
    assert ben not in page


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-00", "13", "", "2026-1", "0000-01", "٢٠٢٦-٠١", "9999-12", "x" * 9999]
)
def test_A18_month_13_is_no_page_and_no_crash(small_shop: Shop, month: str) -> None:
    small_shop.approved()
    link = small_shop.link()

    assert [404] * 3 == [
        small_shop.client.get(link + path, query_string={"month": month}).status_code
        for path in ("", "/figures.csv", "/figures.json")
    ]


def test_A18_a_page_shows_the_months_of_any_year(shop: Shop) -> None:
    with at(2025, 3, 4):
        code = shop.approved()
        for number in range(6):
            sell(shop.program, f"march-{number}", code, amount="20")
        clicked(shop, code, "2025-03-04", 60)
    with at(2026, 6, 20):
        page = words_of(shop.client.get(shop.link() + "?month=2025-03").text)

    assert "Clicks in March 2025" in page
    assert "In all: 60 , of which 10.0 % led to a sale" in page
    assert "March 60 6 12.00 GBP 0.00 0.00" in page
    assert "To be paid next 12.00 GBP" in page


def test_A18_few_sales_of_a_month_are_told_when_it_is_over_and_uncounted(shop: Shop) -> None:
    with at(2026, 5, 3):
        code = shop.approved()
        sell(shop.program, "may", code, amount="10")
    with at(2026, 6, 3):
        for number in range(4):
            sell(shop.program, f"june-{number}", code, amount="77.70")
    with at(2026, 6, 20):
        page = words_of(shop.client.get(shop.link()).text)
    with at(2026, 7, 1):
        july = words_of(shop.client.get(shop.link() + "?month=2026-06").text)

    assert "May – under 5 1.00 GBP" in page
    assert "June – – – – –" in page
    assert "To be paid next 1.00 GBP" in page
    assert "June – under 5 31.08 GBP" in july


def test_A18_five_sales_of_the_running_month_are_told_but_none_of_today(shop: Shop) -> None:
    with at(2026, 6, 3):
        code = shop.approved()
        for number in range(5):
            sell(shop.program, f"june-{number}", code, amount="10")
    with at(2026, 6, 20):
        sell(shop.program, "today", code, amount="500")
        page = words_of(shop.client.get(shop.link()).text)
    with at(2026, 6, 21):
        tomorrow = words_of(shop.client.get(shop.link()).text)

    assert "June – 5 5.00 GBP" in page
    assert "55.00" not in page
    assert "June – 6 55.00 GBP" in tomorrow


def test_A18_nothing_on_the_page_or_in_the_files_names_an_order_an_hour_or_a_day_of_a_sale(
    shop: Shop,
) -> None:
    with time_machine.travel(datetime(2026, 5, 17, 13, 37, 42, tzinfo=timezone.utc)):
        code = shop.approved()
        for number in range(7):
            sell(shop.program, f"parcel-{number}", code, amount="10")
    with at(2026, 6, 20):
        link = shop.link()
        told = [
            shop.client.get(link + path + "?month=2026-05").text
            for path in ("", "/figures.csv", "/figures.json")
        ]

    for text in told:
        assert "7.00" in text
        for secret in ("parcel-", "13:37", "05-17", "17 May"):
            assert secret not in text


def test_A18_days_of_few_clicks_and_today_are_not_told(shop: Shop) -> None:
    with at(2026, 6, 20):
        code = shop.approved()
        for day, n in (("2026-06-02", 4), ("2026-06-03", 12), ("2026-06-04", 3), ("2026-06-20", 900)):
            clicked(shop, code, day, n)
        clicked(shop, code, "2026-06-03", 31, "bot")
        page = words_of(shop.client.get(shop.link()).text)

    assert "3 June 2026 12" in page
    assert "2 June 2026" not in page
    assert "4 June 2026" not in page
    assert "In all: 19" in page
    assert "900" not in page
    assert "31 by programs" in page


def test_A18_the_chart_is_drawn_without_script_and_has_its_table(shop: Shop) -> None:
    with at(2026, 6, 20):
        code = shop.approved()
        clicked(shop, code, "2026-06-02", 50)
        clicked(shop, code, "2026-06-03", 100)
        answer = shop.client.get(shop.link())
    heights = [float(height) for height in re.findall(r'<rect[^>]* height="([\d.]+)"', answer.text)]

    assert (2, True) == (len(heights), abs(2 * heights[0] - heights[1]) < 0.2)
    assert '<svg class="chart"' in answer.text
    assert "<script" not in answer.text
    assert 'style="' not in answer.text  # the Content-Security-Policy allows one style sheet alone
    assert "Clicks by day in June 2026" in answer.text


def test_A18_payments_are_told_with_day_amount_and_month(shop: Shop) -> None:
    with at(2026, 5, 3):
        code = shop.approved()
        sell(shop.program, "may", code, amount="250")
    with at(2026, 6, 2):
        shop.program.pay("2026-05", method="bank transfer 17")
        page = words_of(shop.client.get(shop.link()).text)

    assert "2026-06-02 2026-05 25.00 GBP" in page
    assert "To be paid next 0.00 GBP" in page
    assert "Paid so far 25.00 GBP" in page
    assert "bank transfer" not in page


def test_A18_the_year_is_a_csv_file_and_json(shop: Shop) -> None:
    with at(2026, 5, 3):
        code = shop.approved()
        for number in range(5):
            sell(shop.program, number, code, amount="20.50")
        shop.program.refund(order=1, amount="20.50", currency="GBP", refund=1)
        clicked(shop, code, "2026-05-03", 40)
        clicked(shop, code, "2026-04-03", 9)
    with at(2026, 6, 20):
        link = shop.link()
        sheet, plain = shop.client.get(link + "/figures.csv"), shop.client.get(link + "/figures.json")
    rows = list(csv.DictReader(io.StringIO(sheet.text)))

    assert "text/csv" == sheet.mimetype
    assert f'attachment; filename="figures-{code}-2026.csv"' == sheet.headers["Content-Disposition"]
    assert [("2026-04", "9", ""), ("2026-05", "40", "5")] == [
        (row["month"], row["clicks"], row["sales"]) for row in rows
    ]
    assert ("10.25", "-2.05") == (rows[1]["earned"], rows[1]["reversed"])
    months = {month["month"]: month for month in json.loads(plain.text)["months"]}
    assert "10.25" == months["2026-05"]["earnings"][0]["earned"]
    for answer in (sheet, plain):
        assert "no-store" == answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["", "/apply", "/figures", "/f/" + "a" * 43, "/nowhere", "FIGURES"])
def test_every_page_leaks_nothing(small_shop: Shop, path: str) -> None:
    small_shop.approved()
    url = small_shop.link() if path == "FIGURES" else "/affiliates" + path
    headers = small_shop.client.get(url).headers

    assert ("no-store", "no-referrer") == (headers["Cache-Control"], headers["Referrer-Policy"])
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "script" not in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers


def test_no_token_stands_in_what_is_logged_as_the_route(small_shop: Shop) -> None:
    small_shop.approved()
    link, seen = small_shop.link(), []
    for path in (link, link + "/figures.csv", link + "/cut"):
        environ = create_environ(path)
        mounted = DispatcherMiddleware(Response(), {"/affiliates": small_shop.portal})
        list(mounted(environ, start_response))
        seen.append(environ["cactuprivacy.route"])

    assert ["/f/<token>", "/f/<token>/figures.csv", "/<unknown>"] == [
        route.removeprefix("/affiliates") for route in seen
    ]

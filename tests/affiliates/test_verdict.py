from __future__ import annotations

import pytest

from cactuprivacy.affiliates.verdict import verdict

BROWSER = {
    "REQUEST_METHOD": "GET",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
    "HTTP_SEC_FETCH_MODE": "navigate",
    "HTTP_SEC_FETCH_DEST": "document",
    "HTTP_SEC_FETCH_SITE": "cross-site",
}


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Twitterbot/1.0",
        "facebookexternalhit/1.1",
        "WhatsApp/2.23.20.0",
        "TelegramBot (like TwitterBot)",
        "Slackbot-LinkExpanding 1.0",
        "Mozilla/5.0 (compatible; Discordbot/2.0)",
        "SkypeUriPreview Preview/0.5",
        "curl/8.5.0",
        "python-requests/2.32",
        "Go-http-client/2.0",
        "Mozilla/5.0 (compatible; Baiduspider/2.0)",
    ],
)
def test_a_crawler_and_a_link_preview_are_bots(agent: str) -> None:
    assert verdict({**BROWSER, "HTTP_USER_AGENT": agent}) == "bot"


@pytest.mark.parametrize(
    "agent",
    [
        BROWSER["HTTP_USER_AGENT"],
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 [FBAN/FBIOS;FBAV/480.0]",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605.1.15 Instagram 340.0",
        "Mozilla/5.0 (Linux; Android 10; CUBOT_X30) AppleWebKit/537.36 Chrome/140 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Telegram-Android/11.0",
        "",
    ],
)
def test_people_in_browsers_and_in_apps_are_human(agent: str) -> None:
    assert verdict({**BROWSER, "HTTP_USER_AGENT": agent}) == "human"


def test_an_old_browser_that_says_nothing_is_human() -> None:
    assert verdict({"REQUEST_METHOD": "GET"}) == "human"


def test_who_asks_for_the_head_alone_is_a_bot() -> None:
    assert verdict({**BROWSER, "REQUEST_METHOD": "HEAD"}) == "bot"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", ""])
def test_a_form_is_no_click(method: str) -> None:
    assert verdict({**BROWSER, "REQUEST_METHOD": method}) is None


@pytest.mark.parametrize(
    "mode, dest",
    [
        ("navigate", "iframe"),
        ("navigate", "embed"),
        ("no-cors", "image"),
        ("cors", "empty"),
        ("no-cors", "script"),
    ],
)
def test_what_a_page_loads_by_itself_is_stuffing(mode: str, dest: str) -> None:
    stuffed = {**BROWSER, "HTTP_SEC_FETCH_MODE": mode, "HTTP_SEC_FETCH_DEST": dest}

    assert verdict(dict(stuffed)) == "stuffing"
    assert verdict({**stuffed, "HTTP_SEC_FETCH_SITE": "same-origin"}) is None


def test_a_prefetch_is_one_whoever_makes_it() -> None:
    assert verdict({**BROWSER, "HTTP_USER_AGENT": "Googlebot", "HTTP_SEC_PURPOSE": "prefetch"}) == "prefetch"


def test_a_user_agent_without_end_is_looked_at_in_part() -> None:
    assert verdict({**BROWSER, "HTTP_USER_AGENT": "x" * 1_000_000 + "bot"}) == "human"

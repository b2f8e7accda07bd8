"""The Flask half: init_app."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import flask
import pytest
from testkeys import KEY

from cactuprivacy import Affiliates, Cookie, DeclarationError, JsonLinesSink, Privacy, VisitLog
from cactuprivacy.flask import session_cookie

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def privacy(tmp_path: Path) -> Iterator[Privacy]:
    privacy = Privacy(
        "https://shop.example",
        operator="Cactusoft Ltd",
        contact="privacy@shop.example",
        secret_keys=[KEY],
        database=f"sqlite:///{tmp_path}/privacy.db",
        affiliates=Affiliates(),
        visits=VisitLog(sinks=[JsonLinesSink(tmp_path / "visits.jsonl")]),
    )
    yield privacy
    privacy.close()


@pytest.fixture
def app(privacy: Privacy) -> flask.Flask:
    app = flask.Flask("shop")
    app.secret_key = KEY

    @app.get("/reset/<token>")
    def reset(token: str) -> str:
        flask.session["seen"] = token[:1]
        return flask.render_template_string("{{ privacy_banner() }}")

    @app.get("/seen")
    def seen() -> str:
        return str(flask.session.get("seen"))

    privacy.init_app(app)
    return app


def test_the_session_works_and_its_cookie_is_hardened(app: flask.Flask) -> None:
    client = app.test_client()
    response = client.get("/reset/abc", base_url="https://shop.example")
    (line,) = response.headers.getlist("Set-Cookie")

    assert line.startswith("session=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(line.split("; "))
    assert client.get("/seen", base_url="https://shop.example").text == "a"


def test_the_session_cookie_is_declared_by_itself(app: flask.Flask, privacy: Privacy) -> None:
    assert "session" in {cookie["name"] for cookie in privacy.policy.document["cookies"]}


def test_a_session_cookie_of_ones_own_declaration_is_kept(tmp_path: Path) -> None:
    mine = Cookie("session", purpose="keeps your basket")
    privacy = Privacy(
        "https://shop.example",
        operator="Cactusoft Ltd",
        contact="privacy@shop.example",
        secret_keys=[KEY],
        database=f"sqlite:///{tmp_path}/privacy.db",
        cookies=[mine],
    )
    privacy.init_app(flask.Flask("shop"))

    assert mine in privacy.cookies


def test_the_visit_log_gets_the_rule_and_never_the_token(
    app: flask.Flask, privacy: Privacy, tmp_path: Path
) -> None:
    app.test_client().get("/reset/s3cr3t", base_url="https://shop.example").close()
    privacy.visits.flush(10)
    (line,) = (tmp_path / "visits.jsonl").read_text().splitlines()

    assert json.loads(line)["route"] == "/reset/<token>"
    assert "s3cr3t" not in line


def test_templates_can_ask(app: flask.Flask) -> None:
    response = app.test_client().get("/reset/abc?af=blog", base_url="https://shop.example")

    assert 'name="affiliates" value="yes"' in response.text
    assert 'value="/reset/abc?af=blog"' in response.text


def test_an_app_is_wrapped_once(app: flask.Flask, privacy: Privacy) -> None:
    with pytest.raises(DeclarationError, match="wrapped already"):
        privacy.init_app(app)


def test_a_session_cookie_set_up_for_third_parties_is_refused() -> None:
    app = flask.Flask("shop")
    app.config["SESSION_COOKIE_SAMESITE"] = "None"

    with pytest.raises(DeclarationError, match="third-party"):
        session_cookie(app)


def test_a_session_cookie_is_declared_as_the_app_configures_it() -> None:
    app = flask.Flask("shop")
    app.config.update(
        SESSION_COOKIE_NAME="basket", SESSION_COOKIE_PATH="/shop", PERMANENT_SESSION_LIFETIME=3600
    )

    cookie = session_cookie(app)

    assert (cookie.name, cookie.path, cookie.max_age) == ("basket", "/shop", 3600)

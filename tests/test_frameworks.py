"""The cookies of Django and Flask-Login: declared as configured, and the real ones work behind the guard."""

from __future__ import annotations

import datetime
import subprocess
import sys
from types import SimpleNamespace

import djangosite
import flask
import flask_login
import pytest
from testkeys import KEY
from werkzeug.test import Client

from cactuprivacy import CookieGuard, DeclarationError, Privacy
from cactuprivacy.cookie import MAX_AGE_LIMIT
from cactuprivacy.frameworks import django_cookies, remember_cookie

SITE = "https://www.shop.example"
YEAR = 365 * 24 * 3600


def settings(**more):
    return SimpleNamespace(**more)


def by_name(cookies):
    return {cookie.name: cookie for cookie in cookies}


# Django


def test_djangos_own_defaults_are_declared():
    session, csrf, messages = django_cookies()

    assert ("sessionid", 1_209_600, "Lax", True) == (
        session.name,
        session.max_age,
        session.same_site,
        session.http_only,
    )
    assert ("csrftoken", 31_449_600, "Lax", False) == (
        csrf.name,
        csrf.max_age,
        csrf.same_site,
        csrf.http_only,
    )
    assert ("messages", None, True) == (messages.name, messages.max_age, messages.http_only)


def test_what_a_settings_object_leaves_out_is_as_in_django():
    assert django_cookies()[:2] == django_cookies(settings())


def test_a_site_that_sets_its_own_is_declared_so():
    session, csrf = django_cookies(
        settings(
            SESSION_COOKIE_NAME="__Secure-s",
            SESSION_COOKIE_DOMAIN=".shop.example",
            SESSION_COOKIE_PATH="/shop",
            SESSION_COOKIE_SAMESITE="strict",
            SESSION_EXPIRE_AT_BROWSER_CLOSE=True,
            CSRF_COOKIE_NAME="token",
            CSRF_COOKIE_AGE=500 * 24 * 3600,
            CSRF_COOKIE_HTTPONLY=True,
            CSRF_COOKIE_SAMESITE=False,
        )
    )

    assert ("__Secure-s", "shop.example", "/shop", "Strict", None) == (
        *(session.name, session.domain, session.path, session.same_site, session.max_age),
    )
    assert ("token", MAX_AGE_LIMIT, True, "Lax") == (csrf.name, csrf.max_age, csrf.http_only, csrf.same_site)


@pytest.mark.parametrize(
    "more, names",
    [
        ({"CSRF_USE_SESSIONS": True}, ["sessionid"]),
        ({"INSTALLED_APPS": ["django.contrib.messages"]}, ["sessionid", "csrftoken", "messages"]),
        (
            {
                "INSTALLED_APPS": ["django.contrib.messages"],
                "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
            },
            ["sessionid", "csrftoken"],
        ),
    ],
)
def test_only_what_django_will_set_is_declared(more, names):
    assert names == [cookie.name for cookie in django_cookies(settings(**more))]


@pytest.mark.parametrize("setting", ["SESSION_COOKIE_SAMESITE", "CSRF_COOKIE_SAMESITE"])
@pytest.mark.parametrize("value", ["None", "none"])
def test_a_django_set_up_for_third_parties_is_refused(setting, value):
    with pytest.raises(DeclarationError, match=f"^{setting} is .*; set it to 'Lax' or 'Strict'"):
        django_cookies(settings(**{setting: value}))


def test_a_log_in_with_django_survives_and_nothing_else_leaves():
    djangosite.with_visitor()
    guard = CookieGuard(djangosite.application, SITE, cookies=django_cookies())
    client = Client(guard)
    client.set_cookie("_ga", "GA1.2", domain="www.shop.example")
    token = client.get("/", base_url=SITE).text.split()[-1]
    form = {"name": "ann", "password": KEY, "csrfmiddlewaretoken": token}
    entered = client.post("/enter", base_url=SITE, data=form, headers={"Referer": SITE + "/"})
    left = entered.headers.getlist("Set-Cookie")

    assert "in" == entered.text
    assert {"sessionid", "csrftoken", "messages"} == {line.partition("=")[0] for line in left}
    assert all("; Secure; " in line and line.endswith("; SameSite=Lax") for line in left)
    assert ["csrftoken"] == [line.partition("=")[0] for line in left if "HttpOnly" not in line]

    front = client.get("/", base_url=SITE)

    assert front.text.startswith("ann Welcome, thorn & all ")
    assert set() == {"_ga", "_fbp"} & {line.partition("=")[0] for line in front.headers.getlist("Set-Cookie")}
    assert client.get("/", base_url=SITE).text.startswith("ann  ")  # the message is shown once


# Flask-Login


class Visitor(flask_login.UserMixin):
    id = "ann"


@pytest.fixture
def app():
    app = flask.Flask("shop")
    app.secret_key = KEY
    manager = flask_login.LoginManager(app)
    manager.user_loader(lambda _: Visitor())

    @app.post("/enter")
    def enter():
        flask_login.login_user(Visitor(), remember=True)
        return "in", 200, {"Set-Cookie": "_ga=1; SameSite=None; Secure"}

    @app.get("/")
    def front():
        return flask_login.current_user.get_id() or "nobody"

    return app


def test_flask_logins_own_defaults_are_declared(app):
    cookie = remember_cookie(app)

    assert ("remember_token", YEAR, "/", None, "Lax", True) == (
        *(cookie.name, cookie.max_age, cookie.path, cookie.domain, cookie.same_site, cookie.http_only),
    )


@pytest.mark.parametrize("duration", [3600, datetime.timedelta(hours=1)])
def test_an_app_that_sets_its_own_is_declared_so(app, duration):
    app.config.update(
        REMEMBER_COOKIE_NAME="stay",
        REMEMBER_COOKIE_DURATION=duration,
        REMEMBER_COOKIE_DOMAIN=".shop.example",
        REMEMBER_COOKIE_PATH="/shop",
        REMEMBER_COOKIE_SAMESITE="Strict",
    )
    cookie = remember_cookie(app)

    assert ("stay", 3600, "/shop", "shop.example", "Strict") == (
        *(cookie.name, cookie.max_age, cookie.path, cookie.domain, cookie.same_site),
    )


def test_a_remember_token_set_up_for_third_parties_is_refused(app):
    app.config["REMEMBER_COOKIE_SAMESITE"] = "None"

    with pytest.raises(DeclarationError, match=r"^REMEMBER_COOKIE_SAMESITE is 'None'"):
        remember_cookie(app)


@pytest.fixture
def privacy(tmp_path):
    privacy = Privacy(
        SITE,
        operator="Cactusoft Ltd",
        contact="privacy@shop.example",
        secret_keys=[KEY],
        database=f"sqlite:///{tmp_path}/privacy.db",
    )
    yield privacy
    privacy.close()


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")  # Flask-Login 0.6.3's
def test_who_asked_flask_login_to_be_remembered_is_and_nothing_else_leaves(app, privacy):
    privacy.init_app(app)
    client = app.test_client()
    entered = client.post("/enter", base_url=SITE)
    left = {line.partition("=")[0]: line for line in entered.headers.getlist("Set-Cookie")}

    assert {"session", "remember_token"} == left.keys()
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(left["remember_token"].split("; "))

    client.delete_cookie("session", domain="www.shop.example")  # the browser was closed

    assert "ann" == client.get("/", base_url=SITE).text


def test_without_a_login_manager_none_is_declared(privacy):
    privacy.init_app(flask.Flask("shop"))

    assert "remember_token" not in by_name(privacy.cookies)


def test_a_declaration_of_ones_own_is_kept(app, privacy):
    mine = remember_cookie(app)
    privacy.declare(mine)
    privacy.init_app(app)

    assert mine is by_name(privacy.cookies)["remember_token"]


def test_neither_framework_is_imported_before_it_is_asked_for():
    script = (
        "import sys, cactuprivacy.frameworks; print({'django', 'flask', 'flask_login'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "set()" == found.stdout.strip()

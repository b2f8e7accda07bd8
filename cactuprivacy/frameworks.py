"""Frameworks: the cookies that Django and Flask-Login set by themselves, declared as they are configured.

Room: beside the policy, above the clauses. May import ``cookie`` and what lies below it; imports a framework
only when asked for its cookies, and then reads its settings, nothing else. Flask's own session cookie is
declared by ``Privacy.init_app``.
"""

from __future__ import annotations

import importlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cactuprivacy.cookie import MAX_AGE_LIMIT, Cookie
from cactuprivacy.declaration import DeclarationError

if TYPE_CHECKING:
    from flask import Flask

# What Django takes where a setting is missing from an object of one's own (django.conf.global_settings).
_DJANGO = {
    "SESSION_COOKIE_NAME": "sessionid",
    "SESSION_COOKIE_AGE": 14 * 24 * 3600,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "CSRF_COOKIE_NAME": "csrftoken",
    "CSRF_COOKIE_AGE": 364 * 24 * 3600,
    "CSRF_COOKIE_SAMESITE": "Lax",
    "MESSAGE_STORAGE": "django.contrib.messages.storage.fallback.FallbackStorage",
    "INSTALLED_APPS": (),
}


def django_cookies(settings: Any = None) -> tuple[Cookie, ...]:
    """Return the cookies that Django itself sets: its session's, its forms' and, where used, its messages'.

    They are ``sessionid``, ``csrftoken`` (left out with ``CSRF_USE_SESSIONS``; scripts may read it if
    ``CSRF_COOKIE_HTTPONLY`` does not forbid it) and, with ``django.contrib.messages``, ``messages``.

    Parameters:
        settings: An object with Django's ``SESSION_COOKIE_*``, ``CSRF_COOKIE_*`` and so on; without it
            ``django.conf.settings``, once they are configured.

    Raises:
        DeclarationError: when one of them is set up to be a third party's.
    """
    if settings is None:
        settings = importlib.import_module("django.conf").settings

    def said(name: str) -> Any:
        return getattr(settings, name, _DJANGO.get(name))

    def cookie(prefix: str, name: str, purpose: str, max_age: int | None) -> Cookie:
        return Cookie(
            name,
            purpose=purpose,
            max_age=min(max_age, MAX_AGE_LIMIT) if max_age else None,
            path=said(f"{prefix}_PATH") or "/",
            domain=said(f"{prefix}_DOMAIN") or None,
            same_site=_same_site(f"{prefix}_SAMESITE", said(f"{prefix}_SAMESITE")),
            http_only=bool(said(f"{prefix}_HTTPONLY")),
        )

    age = None if said("SESSION_EXPIRE_AT_BROWSER_CLOSE") else said("SESSION_COOKIE_AGE")
    purpose = "keeps your session, such as that you are logged in"
    cookies = [cookie("SESSION_COOKIE", said("SESSION_COOKIE_NAME"), purpose, age)]
    if not said("CSRF_USE_SESSIONS"):
        purpose = "keeps other sites from sending forms in your name"
        cookies.append(cookie("CSRF_COOKIE", said("CSRF_COOKIE_NAME"), purpose, said("CSRF_COOKIE_AGE")))
    if "django.contrib.messages" in said("INSTALLED_APPS") and "session" not in said("MESSAGE_STORAGE"):
        cookies.append(cookie("SESSION_COOKIE", "messages", "shows you once what has just been done", None))
    return tuple(cookies)


def remember_cookie(app: Flask) -> Cookie:
    """Return the cookie by which Flask-Login knows who asked to stay logged in, as *app* configures it.

    Raises:
        DeclarationError: when it is set up to be a third party's.
    """
    config = app.config
    duration = config.get("REMEMBER_COOKIE_DURATION", timedelta(days=365))
    seconds = int(duration.total_seconds() if isinstance(duration, timedelta) else duration)
    return Cookie(
        config.get("REMEMBER_COOKIE_NAME", "remember_token"),
        purpose="keeps you logged in when you asked for it",
        max_age=min(seconds, MAX_AGE_LIMIT),
        path=config.get("REMEMBER_COOKIE_PATH") or "/",
        domain=config.get("REMEMBER_COOKIE_DOMAIN") or None,
        same_site=_same_site("REMEMBER_COOKIE_SAMESITE", config.get("REMEMBER_COOKIE_SAMESITE")),
        http_only=config.get("REMEMBER_COOKIE_HTTPONLY", True),
    )


def _same_site(setting: str, said: Any) -> Any:
    """Return what a setting means: unset, it is what the guard writes, ``Lax``."""
    same_site = said.capitalize() if isinstance(said, str) else said or "Lax"
    if same_site == "None":
        raise DeclarationError(
            f"{setting} is {said!r}, which makes the cookie a third party's; set it to 'Lax' or 'Strict'."
        )
    return same_site

"""The Flask half of Privacy: what ``init_app`` adds to what any WSGI app gets.

Room: roof. Imported only by ``Privacy.init_app``, so that nobody else needs Flask. It tells the visit log
the matched route, declares Flask's session cookie and Flask-Login's token, and gives the templates
``privacy_banner()``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask, request

from cactuprivacy.cookie import MAX_AGE_LIMIT, Cookie
from cactuprivacy.declaration import DeclarationError
from cactuprivacy.frameworks import remember_cookie

if TYPE_CHECKING:
    from cactuprivacy.privacy import Privacy

_NAME = "cactuprivacy"


def init_app(privacy: Privacy, app: Flask) -> None:
    """Wrap *app* in *privacy*.

    Raises:
        DeclarationError: when the app is wrapped already, or its session cookie is set up to be a third party's.
    """
    if _NAME in app.extensions:
        raise DeclarationError("This Flask app is wrapped already; call init_app once.")
    app.extensions[_NAME] = privacy
    declared = {cookie.name for cookie in privacy.cookies}
    if app.config["SESSION_COOKIE_NAME"] not in declared:
        privacy.declare(session_cookie(app))
    if hasattr(app, "login_manager") and (remember := remember_cookie(app)).name not in declared:
        privacy.declare(remember)
    app.url_value_preprocessor(_tell_route)
    app.context_processor(lambda: {"privacy_banner": lambda: privacy.banner(request.environ)})
    app.wsgi_app = privacy(app.wsgi_app)  # type: ignore[method-assign]  # Flask's documented way


def session_cookie(app: Flask) -> Cookie:
    """Return the declaration of Flask's session cookie, as *app* is configured."""
    same_site: Any = app.config["SESSION_COOKIE_SAMESITE"] or "Lax"
    return Cookie(
        app.config["SESSION_COOKIE_NAME"],
        purpose="keeps your session on this site, such as what is in your basket",
        max_age=min(int(app.permanent_session_lifetime.total_seconds()), MAX_AGE_LIMIT),
        path=app.config["SESSION_COOKIE_PATH"] or app.config["APPLICATION_ROOT"],
        domain=app.config["SESSION_COOKIE_DOMAIN"] or None,
        same_site=same_site,
        http_only=app.config["SESSION_COOKIE_HTTPONLY"],
    )


def _tell_route(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    if request.url_rule is not None:
        request.environ["cactuprivacy.route"] = request.url_rule.rule

"""The policy page and its JSON, as a WSGI app to mount at ``/privacy``.

Room: policy. Shows a :class:`~cactuprivacy.policy.document.Policy` and nothing else; GET and HEAD only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from cactuprivacy.policy.document import Policy
    from cactuprivacy.wsgi.pages import Pages


class PolicyPage:
    """Serves the policy: ``/`` for people, ``/policy.json`` for programs.

    Parameters:
        policy: Returns the policy in force.
        pages: Renders our pages.
        choices: The address of the page of choices.
    """

    def __init__(
        self, policy: Callable[[], Policy], pages: Pages, *, choices: str = "/privacy/choices"
    ) -> None:
        self._policy = policy
        self._pages = pages
        self._choices = choices
        pages.environment.filters["life"] = life

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        request = Request(environ)
        return self._respond(request)(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.path not in ("", "/", "/policy.json"):
            return Response("There is no such page here.\n", status=404)
        if request.method not in ("GET", "HEAD"):
            return Response("This page can only be read.\n", status=405, headers={"Allow": "GET, HEAD"})
        policy = self._policy()
        if request.path == "/policy.json":
            response = Response(policy.json(), mimetype="application/json")
        else:
            response = self._pages.page(
                "policy.html",
                headers={"X-Robots-Tag": "all", "Referrer-Policy": "same-origin"},
                policy=policy.document,
                hash=policy.hash,
                json=(request.script_root or "/privacy") + "/policy.json",
                choices=self._choices,
            )
        response.headers["Cache-Control"] = "no-cache"
        response.set_etag(policy.hash)
        return response.make_conditional(request)


def life(seconds: int | None) -> str:
    """Return a cookie's life in words: whole days where it is, else hours or minutes."""
    if seconds is None:
        return "until you close the browser"
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds % unit == 0:
            count = seconds // unit
            return f"{count} {name}{'' if count == 1 else 's'}"
    raise AssertionError  # one second divides everything

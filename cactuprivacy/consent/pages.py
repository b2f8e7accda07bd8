"""The page where a visitor chooses, and the banner that asks on the first layer.

Room: consent. A WSGI app to mount, at ``/privacy/choices`` by default. Yes and no are equal, nothing is
ticked beforehand, no script is needed, and withdrawing takes as many clicks as agreeing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from cactuprivacy.consent.choices import PURPOSES, Consent, Purpose
from cactuprivacy.wsgi.fetch import fetch_context, is_our_own_form
from cactuprivacy.wsgi.redirects import same_site_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from cactuprivacy.wsgi.pages import Pages

MAX_FORM_BYTES = 4096


class ChoicesPage:
    """The page of choices as a WSGI app.

    Parameters:
        consent: Whose choices.
        pages: Renders our pages.
        purposes: What is asked; what the site does not do it does not ask about.
        path: Where the app is mounted, for the banner's form.
    """

    def __init__(
        self,
        consent: Consent,
        pages: Pages,
        *,
        purposes: Sequence[Purpose] = PURPOSES,
        path: str = "/privacy/choices",
    ) -> None:
        self._consent = consent
        self._pages = pages
        self._purposes = tuple(purposes)
        self._path = path

    def banner(self, environ: WSGIEnvironment) -> Markup:
        """Return the first layer for the app's own pages: a question, or nothing when it need not be asked.

        Need not be asked: who has answered, who sends ``Sec-GPC: 1``, and on a site without affiliates.
        """
        asked = "affiliates" in self._purposes and self._consent.answer(environ, "affiliates") is None
        if not asked:
            return Markup("")
        here = Request(environ)
        back = here.script_root + here.path
        if environ.get("QUERY_STRING"):
            back += "?" + environ["QUERY_STRING"]
        return Markup(  # noqa: S704  # rendered with autoescape
            self._pages.render("banner.html", path=self._path, back=same_site_path(back))
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        try:
            response = self._respond(Request(environ))
        except HTTPException as error:
            response = Response(error.description or "", status=error.code, mimetype="text/plain")
            if isinstance(error, MethodNotAllowed):
                response.headers["Allow"] = "GET, HEAD, POST"
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.path not in ("", "/"):
            raise NotFound
        if request.method == "POST":
            return self._decide(request)
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed
        environ = request.environ
        return self._pages.page(
            "choices.html",
            # The browser then names our origin on the form's POST, instead of "null".
            headers={"Referrer-Policy": "same-origin"},
            path=request.script_root or self._path,
            purposes=self._purposes,
            answers={purpose: self._consent.answer(environ, purpose) for purpose in self._purposes},
            choices=self._consent.choices(environ),
            gpc=fetch_context(environ).gpc,
            saved="saved" in request.args,
        )

    def _decide(self, request: Request) -> Response:
        request.max_content_length = MAX_FORM_BYTES
        request.max_form_memory_size = MAX_FORM_BYTES
        request.max_form_parts = 20
        if not is_our_own_form(request.environ, self._consent.site.origin):
            return Response("This form was not sent from our own page; nothing was changed.\n", status=403)
        answers: dict[Purpose, bool] = {}
        for purpose in self._purposes:
            said = request.form.get(purpose)
            if said is not None:
                if said not in ("yes", "no"):
                    return Response("A choice is yes or no; nothing was changed.\n", status=422)
                answers[purpose] = said == "yes"
        choices = self._consent.decide(request.environ, answers)
        back = same_site_path(request.form.get("next"), (request.script_root or self._path) + "?saved")
        response = Response(status=303, headers={"Location": back, "Cache-Control": "no-store"})
        response.headers.add(
            "Set-Cookie", self._consent.cookie.line(choices.receipt(), secure=self._consent.site.secure)
        )
        return response

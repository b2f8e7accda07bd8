"""PageApp: what all our own small apps of pages and forms have in common: routes, methods, limits, and failing softly.

Room: wsgi. Knows no clause. An app has its map of routes, and for each endpoint a method ``_get_<endpoint>``, and
``_post_<endpoint>`` where something can be sent; HEAD is GET, and what is read (GET, HEAD) is to change nothing.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, ClassVar

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed, UnsupportedMediaType

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.routing import Map

    from cactuprivacy.wsgi.pages import Pages

MAX_FORM_BYTES = 8192
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class PageApp:
    """Serves pages of our own, as a WSGI app to mount.

    Parameters:
        pages: Renders the pages, ``trouble.html`` among them.
        path: Where the app is mounted, for a server that does not say.
    """

    routes: ClassVar[Map]
    #: Errors for which the page is served later: a database that is down.
    unavailable: ClassVar[tuple[type[Exception], ...]] = ()
    #: Of those, the ones whose text holds no value of a row.
    telling: ClassVar[tuple[type[Exception], ...]] = ()
    logger: ClassVar[logging.Logger]

    def __init__(self, pages: Pages, *, path: str) -> None:
        self._pages = pages
        self._path = path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        request = Request(environ)
        request.max_content_length = request.max_form_memory_size = MAX_FORM_BYTES
        request.max_form_parts = 20
        # From here on: a path that is none of ours may still hold half a token.
        environ["cactuprivacy.route"] = self._base(request) + "/<unknown>"
        try:
            response = self._respond(request)
        except HTTPException as error:
            response = self._trouble(request, error.code or 500, error.get_headers(environ))
        except self.unavailable as error:
            # Where, but not what: a database's error quotes the values of its statement.
            self.logger.error(  # noqa: TRY400  # for that reason
                "%s cannot be served (%s).\n%s",
                self._base(request),
                error if isinstance(error, self.telling) else type(error).__name__,
                "".join(traceback.format_tb(error.__traceback__)),
            )
            response = self._trouble(request, 503, [("Retry-After", "60")])
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        rule, values = self.routes.bind_to_environ(request.environ).match(return_rule=True)
        found = self._look_up(values)
        request.environ["cactuprivacy.route"] = self._base(request) + self._public(rule.rule, values)
        handlers = {"GET": getattr(self, f"_get_{rule.endpoint}")}
        handlers["HEAD"] = handlers["GET"]
        if hasattr(self, f"_post_{rule.endpoint}"):
            handlers["POST"] = getattr(self, f"_post_{rule.endpoint}")
        if request.method not in handlers:
            raise MethodNotAllowed(list(handlers))
        if request.method == "POST" and request.mimetype not in _FORMS:
            raise UnsupportedMediaType
        response: Response = handlers[request.method](request, found)
        return response

    def _look_up(self, values: Mapping[str, Any]) -> Any:
        """Return what the path names, which is handed to the endpoint."""
        return values.get("token")

    def _public(self, rule: str, _values: Mapping[str, Any]) -> str:
        """Return the route as it may be logged: without what is a secret in it."""
        return rule

    def _trouble(self, request: Request, status: int, headers: Iterable[tuple[str, str]] = ()) -> Response:
        kept = {name: value for name, value in headers if name in ("Allow", "Retry-After")}
        if 300 <= status < 400 or request.method == "HEAD":
            return Response(status=status, headers=kept)
        return self._pages.page("trouble.html", status=status, headers=kept, code=status)

    def _see(self, request: Request, path: str) -> Response:
        headers = {"Location": self._base(request) + path, "Cache-Control": "no-store"}
        return Response(status=303, headers={**headers, "Referrer-Policy": "no-referrer"})

    def _base(self, request: Request) -> str:
        return request.script_root or self._path

"""Pages of our own: one layout, strict headers, nothing from a third party, no script needed.

Room: wsgi. A room that serves pages makes one :class:`Pages` for its template folder; the look is in
``templates/layout.html`` and ``templates/style.css`` here and nowhere else.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup
from werkzeug import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEMPLATES = Path(__file__).parent / "templates"


class Pages:
    """Renders a room's templates inside the layout that all our pages share.

    Parameters:
        room: The package with the room's ``templates`` folder, such as ``"cactuprivacy.optin"``.
        site_name: Who speaks: it stands in the head and the foot of each page.
        home: The address of the site's front page.
        policy: The address of the policy page, or ``None`` when there is none to link.
        templates: A folder whose templates win over ours: ``layout.html``, and below a folder of the room's
            name those of the room (``optin/form.html``).
    """

    def __init__(
        self,
        room: str,
        *,
        site_name: str,
        home: str = "/",
        policy: str | None = None,
        templates: str | None = None,
    ) -> None:
        self._style = (_TEMPLATES / "style.css").read_text()
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        own = [FileSystemLoader([Path(templates, room.rpartition(".")[2]), templates])] if templates else []
        self.environment = Environment(
            loader=ChoiceLoader([*own, PackageLoader(room), PackageLoader("cactuprivacy.wsgi")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.globals.update(
            style=Markup(self._style),  # noqa: S704  # our own file
            site_name=site_name,
            home=home,
            policy=policy,
        )

    def render(self, template: str, **values: Any) -> str:
        """Return the text of a template."""
        return self.environment.get_template(template).render(**values)

    def page(
        self, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        """Return a page that leaks nothing: no cache, no referrer, no index, no frame, nothing foreign."""
        response = Response(self.render(template, **values), status=status, mimetype="text/html")
        response.headers.update(
            {
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Robots-Tag": "noindex, nofollow, noarchive",
                "Content-Security-Policy": self._policy,
                "X-Content-Type-Options": "nosniff",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Content-Language": "en",
                **(headers or {}),
            }
        )
        return response

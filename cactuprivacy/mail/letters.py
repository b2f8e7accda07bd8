"""Letters: the kinds of mail there are, their wording and their headers.

Room: mail. The wording is in ``templates/``; a folder of the site's own wins over it. Nothing that a visitor
typed stands in any of them, or a form of ours would be a way to send strangers a stranger's words.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    select_autoescape,
)

from cactuprivacy.mail.message import Letter, MessageRefusedError

if TYPE_CHECKING:
    from datetime import datetime


class Letters:
    """Writes the letters of a site.

    Parameters:
        operator: Who speaks.
        home: The address of the front page.
        templates: A folder whose ``mail/*.txt`` and ``mail/*.html`` win over ours.
    """

    def __init__(self, *, operator: str, home: str, templates: str | None = None) -> None:
        own = [FileSystemLoader(Path(templates, "mail"))] if templates else []
        self._environment = Environment(
            loader=ChoiceLoader([*own, PackageLoader("cactuprivacy.mail")]),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(operator=operator, home=home)

    def confirmation(
        self, *, title: str, wording: str, link: str, hours: int, asked_at: datetime, host: str
    ) -> Letter:
        """Return the letter that asks whether a sign-up was meant.

        It answers a person, so it has no ``Precedence`` (which would keep it from people's inboxes), and no
        machine is to answer it (RFC 3834, 5).

        Parameters:
            title: Of the list.
            wording: What was agreed to, word for word.
            link: To the page with the one button.
            hours: How long it works.
            asked_at: When, in UTC.
            host: On which site.
        """
        return self.notice(
            "confirm",
            f"Please confirm: {title}",
            link,
            title=title,
            wording=wording,
            hours=hours,
            asked_at=asked_at,
            host=host,
        )

    def announcement(
        self, *, title: str, list_id: str, subject: str, text: str, link: str, host: str
    ) -> Letter:
        """Return the letter of an announcement, with the removal statement in each part.

        Sources: RFC 2919 (List-Id), RFC 2369 (List-Unsubscribe), RFC 8058 (one click).

        Parameters:
            title: Of the list.
            list_id: ``news.shop.example``.
            subject: One line.
            text: Plain text; its addresses become links in the HTML part, undecorated.
            link: By which this one recipient leaves.
            host: On which site they asked for it.
        """
        return self._letter(
            "announcement",
            subject,
            link,
            (
                ("List-Id", f"<{list_id}>"),
                ("List-Unsubscribe", f"<{link}>"),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
                ("Precedence", "list"),
            ),
            {"title": title, "text": text.strip(), "subject": subject, "host": host},
        )

    def notice(self, name: str, subject: str, link: str, **values: Any) -> Letter:
        """Return the letter of the template *name*, which answers one person and which no machine is to answer.

        Parameters:
            name: Of the templates ``<name>.txt`` and ``<name>.html``.
            subject: One line.
            link: Where it leads.
            values: What the templates name besides.
        """
        headers = (("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All"))
        return self._letter(name, subject, link, headers, values)

    def _letter(
        self,
        name: str,
        subject: str,
        link: str,
        headers: tuple[tuple[str, str], ...],
        values: dict[str, Any],
    ) -> Letter:
        text, html = (
            self._environment.get_template(f"{name}.{kind}").render(link=link, **values)
            for kind in ("txt", "html")
        )
        if link not in text or link not in html:
            raise MessageRefusedError(
                f"The template {name} left out the link; each part needs {{{{ link }}}}."
            )
        return Letter(subject, text, html, headers)

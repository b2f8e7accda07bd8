"""Forms: which submissions of ours are a person's on our own page.

Room: optin. Pure checks of a request; no database. A sign-up form carries a signed stamp, so a program that
posts blindly is turned away, and a field that people do not see. The host may also put a sign-up box of its
own on any of its pages, without a stamp: then the browser itself must say that the page was ours.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from itsdangerous import BadData

from cactuprivacy.optin.evidence import wording_digest
from cactuprivacy.wsgi.fetch import fetch_context, is_our_own_form

if TYPE_CHECKING:
    from werkzeug import Request

    from cactuprivacy.keys import KeyRing
    from cactuprivacy.optin.lists import MailingList
    from cactuprivacy.site import Site

STAMP_SECONDS = 12 * 3600  # how long a page of ours may stay open before its form is sent
TRAP = "website"  # a field that only programs fill in


class Verdict(enum.Enum):
    """What to do with a submission."""

    GOOD = "a person's, on our own page"
    TRAPPED = "a program's: answered like the others, and forgotten"
    FOREIGN = "not from a page of ours, or from one that was open too long"
    REWORDED = "from a page with other words than today's"


class Forms:
    """Stamps our forms and judges what comes back.

    Parameters:
        keys: Sign the stamps.
        site: Whose pages are ours.
    """

    def __init__(self, keys: KeyRing, site: Site) -> None:
        self._sign_up = keys.stamps("sign-up form")
        self._confirm = keys.stamps("confirmation page")
        self._site = site

    def stamp(self, mailing_list: MailingList) -> str:
        """Return the stamp of a fresh sign-up form: list, wording and time, readable, signed."""
        return str(self._sign_up.dumps([mailing_list.slug, wording_digest(mailing_list).hex()]))

    def judge(self, request: Request, mailing_list: MailingList) -> Verdict:
        """Judge a sign-up: what a browser calls cross-site is refused, whatever stamp it brings."""
        if fetch_context(request.environ).site == "cross-site":
            return Verdict.FOREIGN
        stamp = request.form.get("stamp")
        if stamp is None:
            if not is_our_own_form(request.environ, self._site.origin):
                return Verdict.FOREIGN
        else:
            try:
                stamped = self._sign_up.loads(stamp, max_age=STAMP_SECONDS)
            except BadData:
                return Verdict.FOREIGN
            if not isinstance(stamped, list) or stamped[:1] != [mailing_list.slug]:
                return Verdict.FOREIGN
            if stamped[1:] != [wording_digest(mailing_list).hex()]:
                return Verdict.REWORDED
        return Verdict.TRAPPED if request.form.get(TRAP) else Verdict.GOOD

    def page_stamp(self, digest: bytes) -> str:
        """Return the stamp of a fresh confirmation page, for the token with *digest*."""
        return str(self._confirm.dumps(digest.hex()))

    def page_stamp_holds(self, stamp: str | None, digest: bytes) -> bool:
        """Tell whether the button of a confirmation page of ours was pressed."""
        try:
            return stamp is not None and self._confirm.loads(stamp, max_age=STAMP_SECONDS) == digest.hex()
        except BadData:
            return False

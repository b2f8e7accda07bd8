"""Visitors: what one request says about whom its visitor was led here by, and whether that may be used.

Room: affiliates. May import consent, keys, cookie, site, wsgi. Reads the request and the key ring; knows no database,
and puts nothing on a visitor's device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from cactuprivacy.affiliates.claim import ClaimSigner, Touch, credited, today
from cactuprivacy.affiliates.links import Links
from cactuprivacy.affiliates.verdict import verdict
from cactuprivacy.consent import Choices
from cactuprivacy.cookie import Cookie
from cactuprivacy.declaration import DeclarationError
from cactuprivacy.wsgi import fetch_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import WSGIEnvironment

    from cactuprivacy.affiliates.declaration import Affiliates
    from cactuprivacy.affiliates.links import Link
    from cactuprivacy.keys import KeyRing
    from cactuprivacy.site import Site

FORM_FIELD = "affiliate"  # the name of the hidden field


class Visitors:
    """Answers of a request who led its visitor here.

    Parameters:
        declaration: What was declared of the programme.
        site: The site.
        keys: The site's key ring.
        consent: Asked with the environ whether the visitor agreed: yes, no, or ``None`` while undecided.

    Raises:
        DeclarationError: when consent is the basis and nobody can be asked about it.
    """

    def __init__(
        self,
        declaration: Affiliates,
        site: Site,
        keys: KeyRing,
        consent: Callable[[WSGIEnvironment], bool | None] | None,
    ) -> None:
        if declaration.basis == "consent" and consent is None:
            raise DeclarationError(
                "Affiliates(basis='consent') needs somebody to ask; give AffiliateProgram "
                "consent=lambda environ: …, or declare basis='reward' or 'exempt'."
            )
        self.cookie = claim_cookie(declaration, site)
        self.cookie.check(site)
        self.links = Links(declaration)
        self.signer = ClaimSigner(keys, declaration.window_days)
        self._basis = declaration.basis
        self._model = declaration.model
        self._consent = consent

    def allowed(self, environ: WSGIEnvironment) -> bool | None:
        """Tell whether this visitor may be credited by a cookie: yes, no, or ``None`` while undecided."""
        if self._basis != "reward" and _refused_by_signal(environ):
            return False
        answer = self._consent(environ) if self._consent else None
        if answer is not True and answer is not False:  # a host's own callable may say anything
            answer = None
        return True if answer is None and self._basis != "consent" else answer

    def held(self, environ: WSGIEnvironment) -> tuple[Touch, ...]:
        """Return the valid touches in the request's cookie, whoever may use them."""
        return self.signer.read(self.cookie.read(environ.get("HTTP_COOKIE", "")))

    def touch(self, environ: WSGIEnvironment, link: Link) -> Touch | None:
        """Return the touch that *link* makes, ``None`` when this is no person's click, or where no link counts."""
        if verdict(environ) != "human" or self.links.stands_down(environ, link):
            return None
        return Touch(link.code, today(), link.campaign)

    def usable(self, environ: WSGIEnvironment, handed: str | None = None) -> tuple[Touch, ...]:
        """Return the touches that this request may be credited to: its cookie's, else those of a form's value."""
        allowed = self.allowed(environ)
        # Reading the cookie for this needs the same yes as setting it (ePrivacy Directive, art. 5(3)).
        held = self.held(environ) if allowed else ()
        if not held and allowed is not False:  # a no is a no, whichever way the claim would travel
            held = self.signer.take_from_form(handed)
        return credited(held, self._model)

    def form_value(self, environ: WSGIEnvironment, handed: str | None = None) -> str | None:
        """Return the claim of this very request as a form's value; see ``AffiliateProgram.form_field``."""
        if self.allowed(environ) is not None:  # who said yes has the cookie, and who said no has none
            return None
        if self.signer.take_from_form(handed):
            return handed
        link = self.links.followed(environ)
        touch = link and self.touch(environ, link)
        return self.signer.put_in_form(touch) if touch else None

    def form_field(self, environ: WSGIEnvironment, handed: str | None = None) -> Markup:
        """Return the same as a hidden field's markup."""
        value = self.form_value(environ, handed)
        field = Markup('<input type="hidden" name="{}" value="{}">')
        return field.format(FORM_FIELD, value) if value else Markup("")


def claim_cookie(declaration: Affiliates, site: Site) -> Cookie:
    """Return the declaration of the claim's cookie on *site*."""
    one = declaration.model in ("last", "first")
    holds = "their code and the day" if one else "the codes and days of at most five such links"
    more = ", the campaign" if declaration.campaigns else ""
    return Cookie(
        "__Host-affiliate" if site.secure else "affiliate",
        purpose=f"credits the partner whose link you followed, should you buy; it holds {holds}{more}, "
        "and nothing that tells you from other visitors",
        max_age=declaration.window_days * 24 * 3600,
        needs_consent=declaration.basis == "consent",
    )


def _refused_by_signal(environ: WSGIEnvironment) -> bool:
    """Tell whether ``Sec-GPC: 1`` refuses, which a yes that was given in spite of it overrules."""
    if not fetch_context(environ).gpc:
        return False
    choices = environ.get("cactuprivacy.choices")
    return not (isinstance(choices, Choices) and choices.affiliates and choices.despite_gpc)

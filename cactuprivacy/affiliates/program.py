"""AffiliateProgram: what a host calls while its affiliate programme runs.

Room: affiliates. May import consent, store, keys, cookie, site. The middleware asks it about one request at a
time; the host calls ``claim`` when an order is made and ``credit_sale`` when it is sold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cactuprivacy.affiliates import money
from cactuprivacy.affiliates.claim import Claim, ClaimSigner
from cactuprivacy.affiliates.ledger import Credit, Ledger, Sale, Statement
from cactuprivacy.affiliates.roster import Roster
from cactuprivacy.consent import Choices
from cactuprivacy.cookie import Cookie
from cactuprivacy.declaration import DeclarationError
from cactuprivacy.keys import KeyRing
from cactuprivacy.site import Site
from cactuprivacy.store import Store
from cactuprivacy.wsgi import fetch_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    from _typeshed.wsgi import WSGIEnvironment

    from cactuprivacy.affiliates.declaration import Affiliates


class AffiliateProgram:
    """The running affiliate programme of a site.

    Parameters:
        declaration: What was declared.
        site: The site, or its origin.
        keys: The site's key ring, or its secrets, newest first.
        store: The database, or its URL.
        consent: Asked with the environ whether the visitor agreed to be credited by a cookie: yes, no, or
            ``None`` while undecided. ``Sec-GPC: 1`` counts as a no before it is asked, unless the
            visitor's receipt (``consent``) says yes in spite of it.

    Raises:
        DeclarationError: when consent is the basis and nobody can be asked about it.
    """

    def __init__(
        self,
        declaration: Affiliates,
        *,
        site: Site | str,
        keys: KeyRing | Iterable[str | bytes],
        store: Store | str,
        consent: Callable[[WSGIEnvironment], bool | None] | None = None,
    ) -> None:
        if declaration.basis == "consent" and consent is None:
            raise DeclarationError(
                "Affiliates(basis='consent') needs somebody to ask; give AffiliateProgram "
                "consent=lambda environ: …, or declare basis='reward' or 'exempt'."
            )
        self.declaration = declaration
        self.site = Site.of(site)
        self.store = Store.of(store)
        self.cookie = claim_cookie(declaration, self.site)
        self.cookie.check(self.site)
        self.signer = ClaimSigner(KeyRing.of(keys), declaration.window_days)
        self._consent = consent
        self._roster = Roster(self.store)
        self._ledger = Ledger(self.store, KeyRing.of(keys), self._roster)

    @property
    def cookies(self) -> tuple[Cookie, ...]:
        """The cookies that the programme sets, which is the claim's."""
        return (self.cookie,)

    def add(self, code: str | None = None, *, aliases: Iterable[str] = ()) -> str:
        """Add an affiliate, who is pending until approved, and return the public code.

        Parameters:
            code: 1 to 64 letters, digits, - and _, in any case. It stands in links for everyone to see, so
                let it be no account number; ``None`` makes a random one.
            aliases: Further codes that mean the same affiliate, such as the number in older links.

        Raises:
            AffiliateError: when a code is taken, or is none.
        """
        return self._roster.add(code, aliases=aliases)

    def approve(self, code: str) -> None:
        """Let the affiliate behind *code* be credited from now on.

        Raises:
            AffiliateError: when there is none.
        """
        self._roster.approve(code)

    def approved(self, code: str) -> str | None:
        """Return the public code of the approved affiliate behind *code* or an alias, or ``None``."""
        return self._roster.approved(code)

    def allowed(self, environ: WSGIEnvironment) -> bool | None:
        """Tell whether this visitor may be credited by a cookie: yes, no, or ``None`` while undecided."""
        if self.declaration.basis != "reward" and _refused_by_signal(environ):
            return False
        answer = self._consent(environ) if self._consent else None
        if answer is not True and answer is not False:  # a host's own callable may say anything
            answer = None
        return True if answer is None and self.declaration.basis != "consent" else answer

    def held(self, environ: WSGIEnvironment) -> Claim | None:
        """Return the valid claim in the request's cookie, whoever may use it."""
        return self.signer.read(self.cookie.read(environ.get("HTTP_COOKIE", "")))

    def claim(self, environ: WSGIEnvironment) -> str | None:
        """Return the visitor's claim as signed text to store with the order they make in this request.

        A payment may be confirmed much later, by a request that is not the visitor's: hand the text back
        then, as ``credit_sale(claim=…)``. It holds a code and two days, nothing of the visitor.
        """
        held = self._usable(environ)
        return self.signer.hand_over(held) if held else None

    def credit_sale(
        self,
        environ: WSGIEnvironment | None = None,
        *,
        order: str | int,
        amount: Decimal | str | int,
        currency: str,
        claim: str | None = None,
    ) -> Credit:
        """Credit the affiliate who led to a sale, once for each order, however often it is called.

        The same order again changes nothing; with another amount, currency or affiliate the first stands
        and the answer says ``conflict``. An order is remembered by a keyed hash: take an old secret key out of
        ``secret_keys`` only when its orders will not be reported again.

        Parameters:
            environ: The visitor's request; their cookie is read from it.
            order: The order's number or name, unique on the site.
            amount: What the commission is a share of, in whole units: ``"49.99"``. A float is refused.
            currency: ISO 4217, ``"GBP"``.
            claim: What :meth:`claim` returned when the order was made; it is used instead of the cookie.

        Returns:
            Whom it brought how much; ``Credit.affiliate`` is ``None`` when nobody is credited.

        Raises:
            TypeError: for an amount in float, or an order that is no text or int.
            ValueError: for an amount that the currency cannot have, and an unknown currency.
            sqlalchemy.exc.SQLAlchemyError: when the database fails. Call again later: it counts once.
        """
        if isinstance(order, bool) or not isinstance(order, (str, int)):
            raise TypeError(
                f"order= cannot be a {type(order).__name__}; give the order's number as text or int."
            )
        if order == "":
            raise ValueError("order= is empty; give the order's number, by which it counts once.")
        sale = Sale(str(order), money.minor_units(amount, currency), money.currency_code(currency))
        found = self.signer.take_back(claim) if claim is not None else self._usable(environ)
        return self._ledger.credit(sale, found and found.code, self.declaration.rate_ppm)

    def statement(self, code: str) -> Statement:
        """Return what the affiliate behind *code* has earned.

        Raises:
            AffiliateError: when there is none.
        """
        return self._ledger.statement(code)

    def _usable(self, environ: WSGIEnvironment | None) -> Claim | None:
        held = self.held(environ) if environ is not None else None
        # Reading the cookie for this needs the same yes as setting it (ePrivacy Directive, art. 5(3)).
        return held if held and environ is not None and self.allowed(environ) else None


def claim_cookie(declaration: Affiliates, site: Site) -> Cookie:
    """Return the declaration of the claim's cookie on *site*."""
    return Cookie(
        "__Host-affiliate" if site.secure else "affiliate",
        purpose="credits the partner whose link you followed, should you buy; it holds their code and "
        "the day, and nothing that tells you from other visitors",
        max_age=declaration.window_days * 24 * 3600,
        needs_consent=declaration.basis == "consent",
    )


def _refused_by_signal(environ: WSGIEnvironment) -> bool:
    """Tell whether ``Sec-GPC: 1`` refuses, which a yes that was given in spite of it overrules."""
    if not fetch_context(environ).gpc:
        return False
    choices = environ.get("cactuprivacy.choices")
    return not (isinstance(choices, Choices) and choices.affiliates and choices.despite_gpc)

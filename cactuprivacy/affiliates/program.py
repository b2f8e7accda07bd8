"""AffiliateProgram: what a host calls while its affiliate programme runs.

Room: affiliates. May import consent, store, keys, cookie, site. The middleware asks it about one request at a
time; the host calls ``claim`` when an order is made and ``credit_sale`` when it is sold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cactuprivacy.affiliates import money, signals
from cactuprivacy.affiliates.books import Books, name_of
from cactuprivacy.affiliates.claim import Claim, ClaimSigner
from cactuprivacy.affiliates.explain import Explanation, explain
from cactuprivacy.affiliates.ledger import Credit, Sale
from cactuprivacy.affiliates.terms import product_name
from cactuprivacy.consent import Choices
from cactuprivacy.cookie import Cookie
from cactuprivacy.declaration import DeclarationError
from cactuprivacy.keys import KeyRing
from cactuprivacy.site import Site
from cactuprivacy.store import Store
from cactuprivacy.wsgi import fetch_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from decimal import Decimal

    from _typeshed.wsgi import WSGIEnvironment

    from cactuprivacy.affiliates.declaration import Affiliates
    from cactuprivacy.affiliates.ledger import Touch


class AffiliateProgram(Books):
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
        super().__init__(declaration, Store.of(store), KeyRing.of(keys))
        self.site = Site.of(site)
        self.cookie = claim_cookie(declaration, self.site)
        self.cookie.check(self.site)
        self.signer = ClaimSigner(KeyRing.of(keys), declaration.window_days)
        self._consent = consent

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

    def approve(self, code: str, *, actor: str = "owner") -> None:
        """Let the affiliate behind *code* be credited and paid from now on.

        Raises:
            AffiliateError: when there is none.
        """
        self._roster.enter(code, "approved", actor=actor)

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
        items: Iterable[tuple[str, Decimal | str | int]] = (),
        claim: str | None = None,
        coupon: str | None = None,
        first_order: str | int | None = None,
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
            items: What part of *amount* each product is, for terms with ``products``: ``[("books", "12.00")]``.
                Products without a rate of their own need not be named, and are not kept.
            claim: What :meth:`claim` returned when the order was made; it is used instead of the cookie.
            coupon: What the customer typed, if it may be an affiliate's code.
            first_order: The first order of the same customer, for terms with ``later_orders``: this one is then
                credited as that one was, by its terms.

        Returns:
            Whom it brought how much; ``Credit.affiliate`` is ``None`` when nobody is credited.

        Raises:
            TypeError: for an amount in float, or an order that is no text or int.
            ValueError: for an amount that the currency cannot have, an unknown currency, and items above the amount.
            sqlalchemy.exc.SQLAlchemyError: when the database fails. Call again later: it counts once.
        """
        sale = self._sale(order, amount, currency, items)
        first = None if first_order is None else name_of("first_order", first_order)
        touches = self._touches_for(environ, claim, coupon)
        credit = self._ledger.credit(sale, touches, rule=_rule(touches, coupon), first_order=first)
        if credit.new:
            signals.send(signals.sale_credited, self, order=sale.order, credit=credit)
            self._hurry()
        return credit

    def explain(
        self,
        environ: WSGIEnvironment | None = None,
        *,
        order: str | int,
        amount: Decimal | str | int | None = None,
        currency: str | None = None,
        items: Iterable[tuple[str, Decimal | str | int]] = (),
        claim: str | None = None,
        coupon: str | None = None,
    ) -> Explanation:
        """Tell why an order was credited to whom; before it is, whom it would be. Nothing is written.

        Parameters:
            environ: For a dry run, the visitor's request.
            order: The order's number or name.
            amount: For a dry run, what the commission would be a share of.
            currency: Its currency.
            items: As for :meth:`credit_sale`.
            claim: As for :meth:`credit_sale`.
            coupon: As for :meth:`credit_sale`.

        Raises:
            TypeError: for an amount in float, or an order that is no text or int.
            ValueError: for an amount that the currency cannot have.
        """
        name = name_of("order", order)
        sale = None if amount is None else self._sale(order, amount, currency or "", items)
        touches = self._touches_for(environ, claim, coupon)
        rule, model = _rule(touches, coupon), self.declaration.model
        return explain(self.store, self._ledger, name, sale, touches, rule, model)

    def _sale(
        self,
        order: str | int,
        amount: Decimal | str | int,
        currency: str,
        items: Iterable[tuple[str, Decimal | str | int]],
    ) -> Sale:
        base = money.minor_units(amount, currency)
        lines: dict[str, int] = {}
        for product, part in items:
            name = product_name(product)
            lines[name] = lines.get(name, 0) + money.minor_units(part, currency)
        if sum(lines.values()) > base:
            raise ValueError("The items are more than the order's amount; give each its part of it.")
        return Sale(name_of("order", order), base, money.currency_code(currency), lines)

    def _touches_for(
        self, environ: WSGIEnvironment | None, claim: str | None, coupon: str | None
    ) -> tuple[Touch, ...]:
        found = self.signer.take_back(claim) if claim is not None else self._usable(environ)
        return (found,) if found else ()

    def _usable(self, environ: WSGIEnvironment | None) -> Claim | None:
        held = self.held(environ) if environ is not None else None
        # Reading the cookie for this needs the same yes as setting it (ePrivacy Directive, art. 5(3)).
        return held if held and environ is not None and self.allowed(environ) else None


def _rule(touches: Sequence[Touch], coupon: str | None) -> str:
    """Return what led to a sale: a coupon is one touch, with its own code."""
    typed = coupon is not None and len(touches) == 1 and touches[0].code == coupon.strip().lower()
    return "coupon" if typed else "claim"


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

"""AffiliateProgram: what a host calls while its affiliate programme runs.

Room: affiliates. May import store, keys, site. The middleware asks it about one request at a
time; the host calls ``claim`` when an order is made and ``credit_sale`` when it is sold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cactuprivacy.affiliates import money, signals
from cactuprivacy.affiliates.books import Books, name_of
from cactuprivacy.affiliates.claim import Touch, credited, today
from cactuprivacy.affiliates.clicks import ClickCounter, Clicks
from cactuprivacy.affiliates.coupons import add_coupon, typed_code
from cactuprivacy.affiliates.explain import Explanation, explain
from cactuprivacy.affiliates.orders import Credit, Sale
from cactuprivacy.affiliates.terms import product_name
from cactuprivacy.affiliates.visitor import Visitors
from cactuprivacy.keys import KeyRing
from cactuprivacy.site import Site
from cactuprivacy.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from decimal import Decimal

    from _typeshed.wsgi import WSGIEnvironment
    from markupsafe import Markup

    from cactuprivacy.affiliates.declaration import Affiliates
    from cactuprivacy.affiliates.verdict import Verdict
    from cactuprivacy.cookie import Cookie


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
        super().__init__(declaration, Store.of(store), KeyRing.of(keys))
        self.site = Site.of(site)
        self.visitors = Visitors(declaration, self.site, KeyRing.of(keys), consent)
        self.links = self.visitors.links
        self.cookie = self.visitors.cookie
        self.signer = self.visitors.signer
        self._clicks = ClickCounter(self.store, self._roster, declaration.clicks_keep_days)

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

    def add_coupon(self, code: str, coupon: str) -> str:
        """Make *coupon* a code that credits the affiliate behind *code* when it is typed at the order.

        Returns it in lower case, which is how codes are compared.

        Raises:
            AffiliateError: when there is no such affiliate, and when the coupon's code is taken or is none.
        """
        return add_coupon(self.store, self._roster, code, coupon)

    def link(self, code: str, path: str = "/") -> str:
        """Return the link to *path* that the affiliate behind *code* puts on their pages."""
        return f"{self.site.origin}{path}{'&' if '?' in path else '?'}{self.declaration.parameters[0]}={code}"

    def allowed(self, environ: WSGIEnvironment) -> bool | None:
        """Tell whether this visitor may be credited by a cookie: yes, no, or ``None`` while undecided."""
        return self.visitors.allowed(environ)

    def held(self, environ: WSGIEnvironment) -> tuple[Touch, ...]:
        """Return the valid touches in the request's cookie, whoever may use them."""
        return self.visitors.held(environ)

    def claim(self, environ: WSGIEnvironment, *, handed: str | None = None) -> str | None:
        """Return the visitor's claim as signed text to store with the order they make in this request.

        A payment may be confirmed much later, by a request that is not the visitor's: hand the text back
        then, as ``credit_sale(claim=…)``. It holds codes, campaigns and days, nothing of the visitor.

        Parameters:
            environ: The visitor's request; their cookie is read from it.
            handed: What the order's form sent in the field that :meth:`form_field` wrote, for visitors who have
                not decided about the cookie.
        """
        touches = self.visitors.usable(environ, handed)
        return self.signer.hand_over(*touches) if touches else None

    def form_field(self, environ: WSGIEnvironment, *, handed: str | None = None) -> Markup:
        """Return a hidden field that carries the claim from page to page of one journey, without a cookie.

        It is empty for who said yes, and so has the cookie, for who said no, and for who followed no link. It
        holds a code and a day, signed, and counts on that day and the next. It stores nothing, but decorates
        what is sent: whether that needs consent where you are is for your own lawyer to say (ICO, guidance of
        29 April 2026; EDPB, Guidelines 2/2023).

        Parameters:
            environ: The visitor's request, on the page that the link led to.
            handed: On later pages: what the form before sent in the field ``affiliate``.
        """
        return self.visitors.form_field(environ, handed)

    def clicks(self, code: str, *, exact: bool = False) -> tuple[Clicks, ...]:
        """Return how often the links of the affiliate behind *code* were followed, by day, a second behind.

        Parameters:
            code: The affiliate's code or an alias.
            exact: Whether numbers below five are told, for the owner's eyes; else they are merged.

        Raises:
            AffiliateError: when there is no such affiliate.
        """
        return self._clicks.of(code, exact=exact)

    def count_click(self, code: str, campaign: str, verdict: Verdict) -> None:
        """Count that a link was followed; the middleware calls this. Never waits for the database."""
        self._clicks.count(code, campaign, verdict)

    def flush(self, seconds: float) -> bool:
        """Wait up to *seconds* until every click so far is written; tell whether it is."""
        return self._clicks.flush(seconds)

    def purge_clicks(self) -> int:
        """Delete the numbers of days that are older than ``clicks_keep_days``; return how many.

        The thread that writes them does it once a day as well.
        """
        return self._clicks.purge()

    def close(self) -> None:
        """Write the clicks that are waiting, and stop this process's threads."""
        self._clicks.close()
        super().close()

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
                Name groups of products and not what was bought, for the names are kept with the order.
            claim: What :meth:`claim` returned when the order was made; it is used instead of the cookie.
            coupon: What the customer typed at the order, a coupon or an affiliate's code; any other text is none.
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
        """Return whom a sale is credited to, oldest touch first: by coupon or by link, as was declared."""
        if self.declaration.coupon_first:
            return self._typed(coupon) or self._linked(environ, claim)
        return self._linked(environ, claim) or self._typed(coupon)

    def _typed(self, coupon: str | None) -> tuple[Touch, ...]:
        text = typed_code(coupon)
        return (Touch(text, today()),) if text and self.approved(text) else ()

    def _linked(self, environ: WSGIEnvironment | None, claim: str | None) -> tuple[Touch, ...]:
        if claim is not None:
            return credited(self.signer.take_back(claim), self.declaration.model)
        return self.visitors.usable(environ) if environ is not None else ()


def _rule(touches: Sequence[Touch], coupon: str | None) -> str:
    """Return what led to a sale: a coupon is one touch, with its own code."""
    typed = typed_code(coupon)
    return "coupon" if typed and [typed] == [touch.code for touch in touches] else "claim"

"""The pages of the portal, as a WSGI app: apply, ask for the link to one's figures, see them.

Room: affiliates, portal. Only this module speaks HTTP. What is read (GET, HEAD) changes no row; what is posted
is answered alike for every address, so that nobody learns who is an affiliate.
"""

from __future__ import annotations

import logging
import re
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import msgspec
from itsdangerous import BadData
from sqlalchemy.exc import SQLAlchemyError
from werkzeug import Response
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule

from cactuprivacy.affiliates.figures import FIRST_YEAR, LAST_YEAR, Figures, figures_of
from cactuprivacy.affiliates.portal.access import MINUTES
from cactuprivacy.affiliates.portal.chart import chart
from cactuprivacy.affiliates.portal.contacts import MAX_WORDS
from cactuprivacy.affiliates.portal.limits import network_of
from cactuprivacy.affiliates.spreadsheet import as_csv
from cactuprivacy.affiliates.statement import this_month
from cactuprivacy.mail.addresses import MAX_CHARACTERS, AddressRefusedError, MailAddress, parse
from cactuprivacy.store import StoreNotReadyError
from cactuprivacy.vault import SealBrokenError
from cactuprivacy.wsgi import client_address, fetch_context
from cactuprivacy.wsgi.page_app import PageApp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug import Request

    from cactuprivacy.affiliates.portal.access import Access
    from cactuprivacy.affiliates.portal.contacts import Contacts
    from cactuprivacy.affiliates.program import AffiliateProgram
    from cactuprivacy.affiliates.roster import Roster
    from cactuprivacy.affiliates.spreadsheet import Cell
    from cactuprivacy.keys import KeyRing
    from cactuprivacy.mail import Courier
    from cactuprivacy.vault import Vault
    from cactuprivacy.wsgi import TrustedProxies
    from cactuprivacy.wsgi.pages import Pages

STAMP_SECONDS = 12 * 3600  # how long a page of ours may stay open before its form is sent
TRAP = "website"  # a field that only programs fill in
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_HEADER = ("month", "clicks", "currency", "sales", "earned", "reversed", "paid")
_TOO_LONG_OPEN = "This form was open too long, or is not on a page of ours. Please press the button again."
_NO_ADDRESS = "That does not look like a mail address we can write to. Is there a slip in it?"
_NO_WORDS = f"Please tell us where you would put our links, in at most {MAX_WORDS} letters."


class PortalPages(PageApp):
    """Serves the portal.

    Parameters:
        program: The running programme.
        roster: Who is an affiliate.
        keys: Sign the forms.
        vault: Makes the keyed hashes of networks.
        contacts: Takes applications.
        access: Mails links, and opens them.
        courier: Told when a mail was queued.
        pages: Renders the pages.
        trusted_proxies: Our own proxies, in whose word about the client we believe.
        path: Where the app is mounted, for a server that does not say.
    """

    routes = Map(
        [
            Rule("/", endpoint="home"),
            Rule("/apply", endpoint="apply"),
            Rule("/applied", endpoint="applied"),
            Rule("/figures", endpoint="link"),
            Rule("/sent", endpoint="sent"),
            Rule("/ended", endpoint="ended"),
            Rule("/f/<token>", endpoint="figures"),
            Rule("/f/<token>/figures.csv", endpoint="csv"),
            Rule("/f/<token>/figures.json", endpoint="json"),
        ],
        strict_slashes=False,
        merge_slashes=False,
    )
    unavailable = (SQLAlchemyError, StoreNotReadyError, SealBrokenError)
    telling = (StoreNotReadyError,)
    logger = logging.getLogger("cactuprivacy.affiliates")

    def __init__(
        self,
        program: AffiliateProgram,
        roster: Roster,
        *,
        keys: KeyRing,
        vault: Vault,
        contacts: Contacts,
        access: Access,
        courier: Courier,
        pages: Pages,
        trusted_proxies: TrustedProxies,
        path: str,
    ) -> None:
        super().__init__(pages, path=path)
        self._program = program
        self._roster = roster
        self._vault = vault
        self._contacts = contacts
        self._access = access
        self._courier = courier
        self._trusted_proxies = trusted_proxies
        self._stamps = keys.stamps("affiliate form")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        answer = super().__call__(environ, start_response)
        self._courier.wake()
        return answer

    def _get_home(self, request: Request, _: None) -> Response:
        return self._page(request, "portal.html", window=self._program.declaration.window_days)

    def _get_apply(self, request: Request, _: None, status: int = 200, problem: str = "") -> Response:
        return self._form(request, "apply.html", "apply", status, problem, max_words=MAX_WORDS)

    def _post_apply(self, request: Request, _: None) -> Response:
        if not self._is_ours(request, "apply"):
            return self._get_apply(request, None, 403, _TOO_LONG_OPEN)
        address = self._address(request)
        if address is None:
            return self._get_apply(request, None, 422, _NO_ADDRESS)
        words = " ".join(request.form.get("words", "").split())
        if not 1 <= len(words) <= MAX_WORDS or not words.isprintable():
            return self._get_apply(request, None, 422, _NO_WORDS)
        trapped = bool(request.form.get(TRAP))
        if not trapped and not self._contacts.apply(address, words, network=self._network(request)):
            return self._too_many(request)
        self._courier.hurry()
        return self._see(request, "/applied")

    def _get_applied(self, request: Request, _: None) -> Response:
        return self._page(request, "applied.html", sender=self._program.declaration.applications)

    def _get_link(self, request: Request, _: None, status: int = 200, problem: str = "") -> Response:
        return self._form(request, "link.html", "link", status, problem, minutes=MINUTES)

    def _post_link(self, request: Request, _: None) -> Response:
        if not self._is_ours(request, "link"):
            return self._get_link(request, None, 403, _TOO_LONG_OPEN)
        address = self._address(request)
        if address is None:
            return self._get_link(request, None, 422, _NO_ADDRESS)
        if not request.form.get(TRAP) and not self._access.ask(address, network=self._network(request)):
            return self._too_many(request)
        self._courier.hurry()
        return self._see(request, "/sent")

    def _get_sent(self, request: Request, _: None) -> Response:
        return self._page(request, "link_sent.html", sender=self._program.declaration.applications)

    def _get_ended(self, request: Request, _: None) -> Response:
        return self._page(request, "ended.html")

    def _get_figures(self, request: Request, token: str, status: int = 200) -> Response:
        code = self._access.opens(token)
        if code is None:
            return self._page(request, "ended.html", status=404)
        month = _month(request.args.get("month", this_month()))
        figures = self._figures(code, int(month[:4]))
        return self._page(
            request,
            "figures.html",
            status=status,
            figures=figures,
            link=self._program.link(figures.affiliate),
            here=f"{self._base(request)}/f/{token}",
            stamp=self._stamps.dumps("figures"),
            **_shown(figures, month),
        )

    def _post_figures(self, request: Request, token: str) -> Response:
        if not self._is_ours(request, "figures") or request.form.get("action") != "end":
            return self._get_figures(request, token, 403)
        self._access.end(token)
        return self._see(request, "/ended")

    def _get_csv(self, request: Request, token: str) -> Response:
        figures = self._downloaded(request, token)
        rows: list[tuple[Cell, ...]] = []
        for month in figures.months:
            rows += [(month.month, month.clicks, *astuple(each)) for each in month.earnings]
            if month.clicks and not month.earnings:
                rows.append((month.month, month.clicks, None, None, None, None, None))
        return self._file(as_csv(_HEADER, rows), "text/csv", figures, "csv")

    def _get_json(self, request: Request, token: str) -> Response:
        figures = self._downloaded(request, token)
        text = msgspec.json.format(msgspec.json.encode(figures), indent=2).decode()
        return self._file(text, "application/json", figures, "json")

    def _downloaded(self, request: Request, token: str) -> Figures:
        code = self._access.opens(token)
        if code is None:
            raise NotFound
        return self._figures(code, int(_month(request.args.get("month", this_month()))[:4]))

    def _figures(self, code: str, year: int) -> Figures:
        return figures_of(self._program.store, self._roster, code, year)

    def _file(self, text: str, kind: str, figures: Figures, ending: str) -> Response:
        name = f"figures-{figures.affiliate}-{figures.year}.{ending}"
        return Response(
            text,
            mimetype=kind,
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Robots-Tag": "noindex, nofollow, noarchive",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            },
        )

    def _page(self, request: Request, template: str, **values: Any) -> Response:
        return self._pages.page(template, base=self._base(request), **values)

    def _form(
        self, request: Request, template: str, name: str, status: int, problem: str, **values: Any
    ) -> Response:
        return self._page(
            request,
            template,
            status=status,
            problem=problem,
            about_address=problem == _NO_ADDRESS,
            typed=request.form.get("email", "")[:MAX_CHARACTERS] if problem else "",
            words=request.form.get("words", "")[:MAX_WORDS] if problem else "",
            stamp=self._stamps.dumps(name),
            trap=TRAP,
            **values,
        )

    def _is_ours(self, request: Request, name: str) -> bool:
        """Tell whether a form comes from a page of ours: stamped, and by no browser's word from another site."""
        if fetch_context(request.environ).site == "cross-site":
            return False
        try:
            return bool(self._stamps.loads(request.form.get("stamp", ""), max_age=STAMP_SECONDS) == name)
        except BadData:
            return False

    @staticmethod
    def _address(request: Request) -> MailAddress | None:
        try:
            return parse(request.form.get("email", ""))
        except AddressRefusedError:
            return None

    def _network(self, request: Request) -> bytes | None:
        return network_of(client_address(request.environ, self._trusted_proxies), self._vault)

    def _too_many(self, request: Request) -> Response:
        return self._trouble(request, 429, [("Retry-After", "3600")])


def _month(text: str) -> str:
    """Return what a visitor says is a month, if it is one."""
    match = _MONTH.fullmatch(text)
    if match is None or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        raise NotFound
    return text


def _shown(figures: Figures, month: str) -> dict[str, Any]:
    """Return what the page shows of *figures*, in the words and numbers of its template."""
    year, number = int(month[:4]), int(month[5:])
    days = {int(day[8:]): n for day, n in figures.days.items() if day[:7] == month}
    last = max((*days, 28))
    labels = [str(day) if day == 1 or day % 5 == 0 else "" for day in range(1, last + 1)]
    return {
        "month": month,
        "month_name": f"{_MONTHS[number - 1]} {year}",
        "names": _MONTHS,
        "months": [each for each in figures.months if each.month <= max(month, this_month())],
        "chosen": figures.months[number - 1],
        "days": days,
        "days_chart": chart(labels, [days.get(day, 0) for day in range(1, last + 1)]) if days else None,
        "not_counted": {kind: told[month] for kind, told in figures.others.items() if month in told},
        "before": f"{year - 1:04}-12" if year > FIRST_YEAR else None,
        "after": f"{year + 1:04}-01" if f"{year + 1:04}-01" <= this_month() else None,
    }

"""The pages of the mailing lists, as a WSGI app: sign up, confirm, leave.

Room: optin. Only this module and ``forms`` speak HTTP. What is read (GET, HEAD) changes no row; what is
posted is answered alike for every address, so that nobody learns who is on a list.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule

from cactuprivacy.mail.addresses import MAX_CHARACTERS, AddressRefusedError, parse
from cactuprivacy.mail.tokens import token_digest
from cactuprivacy.optin.forms import TRAP, Forms, Verdict
from cactuprivacy.optin.subscription import Standing, Subscriptions
from cactuprivacy.optin.tokens import read_leave_token
from cactuprivacy.store import StoreNotReadyError
from cactuprivacy.vault import SealBrokenError
from cactuprivacy.wsgi import client_address
from cactuprivacy.wsgi.page_app import PageApp

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug import Request, Response

    from cactuprivacy.keys import KeyRing
    from cactuprivacy.mail import Courier
    from cactuprivacy.optin.lists import MailingList
    from cactuprivacy.site import Site
    from cactuprivacy.wsgi import TrustedProxies
    from cactuprivacy.wsgi.pages import Pages

_ROUTES = Map(
    [
        Rule("/confirmed", endpoint="confirmed"),
        Rule("/left", endpoint="left"),
        Rule("/c/<token>", endpoint="confirm"),
        Rule("/u/<token>", endpoint="leave"),
        Rule("/<slug>", endpoint="form"),
        Rule("/<slug>/sent", endpoint="sent"),
    ],
    strict_slashes=False,
    merge_slashes=False,
)


class Endpoints(PageApp):
    """Serves the pages of the lists.

    Parameters:
        lists: The declared lists by slug.
        site: Whose pages they are.
        keys: Sign forms and leave links.
        subscriptions: What the pages change.
        courier: Told when a mail was queued.
        pages: Renders the pages.
        trusted_proxies: Our own proxies, in whose word about the client we believe.
        path: Where the app is mounted, for a server that does not say.
    """

    routes = _ROUTES
    unavailable = (SQLAlchemyError, StoreNotReadyError, SealBrokenError)
    telling = (StoreNotReadyError,)
    logger = logging.getLogger("cactuprivacy.optin")

    def __init__(
        self,
        lists: Mapping[str, MailingList],
        *,
        site: Site,
        keys: KeyRing,
        subscriptions: Subscriptions,
        courier: Courier,
        pages: Pages,
        trusted_proxies: TrustedProxies,
        path: str,
    ) -> None:
        super().__init__(pages, path=path)
        self._lists = lists
        self._site = site
        self._keys = keys
        self._subscriptions = subscriptions
        self._courier = courier
        self._trusted_proxies = trusted_proxies
        self._forms = Forms(keys, site)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        answer = super().__call__(environ, start_response)
        self._courier.wake()
        return answer

    def _look_up(self, values: Mapping[str, Any]) -> Any:
        if "slug" not in values:
            return values.get("token")
        mailing_list = self._lists.get(values["slug"])
        if mailing_list is None:
            raise NotFound
        return mailing_list

    def _public(self, rule: str, values: Mapping[str, Any]) -> str:
        return rule.replace("<slug>", values.get("slug", ""))

    def _get_form(
        self, request: Request, mailing_list: MailingList, status: int = 200, problem: str = ""
    ) -> Response:
        typed = request.form.get("email", "")[:MAX_CHARACTERS] if problem else ""
        return self._pages.page(
            "form.html",
            status=status,
            problem=problem,
            typed=typed,
            **self._form_values(request, mailing_list),
        )

    def _post_form(self, request: Request, mailing_list: MailingList) -> Response:
        verdict = self._forms.judge(request, mailing_list)
        if verdict is Verdict.FOREIGN:
            problem = (
                "This form was open too long, or is not on a page of ours. Please press the button again."
            )
            return self._get_form(request, mailing_list, 403, problem)
        if verdict is Verdict.REWORDED:
            problem = "Our wording has changed since you opened the page. Please read it, then press again."
            return self._get_form(request, mailing_list, 422, problem)
        try:
            address = parse(request.form.get("email", ""))
        except AddressRefusedError:
            problem = "That does not look like a mail address we can write to. Is there a slip in it?"
            return self._get_form(request, mailing_list, 422, problem)
        if verdict is Verdict.GOOD:
            self._subscriptions.sign_up(
                mailing_list,
                address,
                source="signup_box",
                page=self._page_of(request),
                origin=client_address(request.environ, self._trusted_proxies),
            )
            self._courier.hurry()
        return self._see(request, f"/{mailing_list.slug}/sent")

    def _get_sent(self, _request: Request, mailing_list: MailingList) -> Response:
        return self._pages.page("sent.html", list=mailing_list)

    def _get_confirm(self, request: Request, secret: str, status: int = 200) -> Response:
        link = self._subscriptions.look(secret)
        digest = token_digest(secret)
        if link.standing is Standing.UNKNOWN or digest is None:
            raise NotFound
        mailing_list = self._lists[link.slug]
        if link.standing is Standing.ACTIVE:
            return self._pages.page("confirmed.html", list=mailing_list)
        if link.standing is Standing.GONE:
            return self._gone(request, mailing_list)
        return self._pages.page(
            "confirm.html",
            status=status,
            list=mailing_list,
            masked=link.masked,
            stamp=self._forms.page_stamp(digest),
        )

    def _post_confirm(self, request: Request, secret: str) -> Response:
        digest = token_digest(secret)
        if digest is None:
            raise NotFound
        if not self._forms.page_stamp_holds(request.form.get("stamp"), digest):
            return self._get_confirm(request, secret, 403)
        link = self._subscriptions.confirm(secret)
        if link.standing is Standing.UNKNOWN:
            raise NotFound
        if link.standing is Standing.GONE:
            return self._gone(request, self._lists[link.slug])
        return self._see(request, "/confirmed")

    def _get_confirmed(self, _request: Request, _: None) -> Response:
        return self._pages.page("confirmed.html", list=None)

    def _get_leave(self, _request: Request, token: str, status: int = 200) -> Response:
        _, slug = self._subscription_of(token)
        return self._pages.page("leave.html", status=status, list=self._lists.get(slug))

    def _post_leave(self, request: Request, token: str) -> Response:
        uid, _ = self._subscription_of(token)
        # RFC 8058, 3.1: no cookie, no redirect, and nothing that a mail program could not answer
        if request.form.get("List-Unsubscribe") == "One-Click":
            self._subscriptions.unsubscribe(uid, "one-click")
            return self._pages.page("left.html")
        if request.form.get("action") == "unsubscribe":
            self._subscriptions.unsubscribe(uid, "link")
            return self._see(request, "/left")
        return self._get_leave(request, token, 422)

    def _get_left(self, _request: Request, _: None) -> Response:
        return self._pages.page("left.html")

    def _subscription_of(self, token: str) -> tuple[uuid.UUID, str]:
        uid = read_leave_token(self._keys, token)
        slug = self._subscriptions.knows(uid) if uid is not None else None
        if uid is None or slug is None:
            raise NotFound
        return uid, slug

    def _gone(self, request: Request, mailing_list: MailingList) -> Response:
        values = self._form_values(request, mailing_list)
        return self._pages.page("gone.html", status=410, problem="", typed="", **values)

    def _form_values(self, request: Request, mailing_list: MailingList) -> dict[str, Any]:
        return {
            "list": mailing_list,
            "action": f"{self._base(request)}/{mailing_list.slug}",
            "stamp": self._forms.stamp(mailing_list),
            "trap": TRAP,
        }

    def _page_of(self, request: Request) -> str:
        """The path of the page that held the form, where the browser says so and it is ours."""
        referrer = urlsplit(request.headers.get("Referer", ""))
        ours = f"{referrer.scheme}://{referrer.netloc}" == self._site.origin
        return referrer.path[:2048] if ours else self._base(request) + request.path

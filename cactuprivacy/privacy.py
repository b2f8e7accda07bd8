"""Privacy: the declaration of what a site does, and its composition around an app.

Room: roof, above everything. It makes the parts, hands them to each other and puts the layers in their
order; what a clause *does* is in the clause's own room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from markupsafe import Markup
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from cactuprivacy.affiliates import AffiliateAttribution, AffiliatePortal, AffiliateProgram
from cactuprivacy.consent import Consent, Purpose
from cactuprivacy.consent.choices import receipt_cookie
from cactuprivacy.consent.pages import ChoicesPage
from cactuprivacy.cookie import Cookie
from cactuprivacy.cookies import CookieGuard
from cactuprivacy.cookies.guard import Mode, Redirects
from cactuprivacy.cookies.hosts import declared_exempt, declared_hosts
from cactuprivacy.declaration import DeclarationError, explains_options, one_of
from cactuprivacy.keys import KeyRing
from cactuprivacy.optin import OptIn
from cactuprivacy.people import People
from cactuprivacy.policy import Policy, state
from cactuprivacy.policy.page import PolicyPage
from cactuprivacy.site import Site
from cactuprivacy.store import Store
from cactuprivacy.visits import Visits
from cactuprivacy.wsgi import Middleware, TrustedProxies
from cactuprivacy.wsgi.pages import Pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask

    from cactuprivacy.affiliates import Affiliates
    from cactuprivacy.cookies.hosts import AllowHosts, Exempt
    from cactuprivacy.optin import MailingList
    from cactuprivacy.visits import VisitLog


class Privacy:
    """What a site does with its visitors' data, declared once, and kept by the middlewares around its app.

    Parameters:
        site: The site's origin, ``"https://shop.example"``. Everyone else is a third party.
        operator: Who answers for the site; stands on the policy page.
        contact: An e-mail address or a URL where people ask for their rights.
        secret_keys: Secrets of at least 32 bytes, newest first: the newest signs, all verify.
        database: A SQLAlchemy URL or a :class:`~cactuprivacy.Store`.
        cookies: The app's own cookies. What is not declared neither leaves nor enters.
        allow_hosts: The other hosts that pages may deal with, by purpose: ``{"image": ["images.example"]}``; the
            policy page names them. The purposes are those of :class:`~cactuprivacy.CookieGuard`.
        evict: Whether visitors' browsers are made to forget undeclared cookies that they bring. Not where other
            programs set cookies of their own on the same host, or on a domain above it.
        exempt: Paths on and below which, or a function of the environ for whose ``True``, other hosts are not
            kept out. The policy page says so.
        mode: ``"report"`` logs what cookies, headers and pages would be stopped, and stops nothing; the policy page
            says so. ``"strict"``, for tests, raises where the app sends what is refused.
        redirects: ``"refuse"`` stops redirects to hosts that were not let in; ``"report"`` logs them.
        affiliates: The affiliate programme; without it no link is credited.
        visits: The visit log; without it no visit is recorded.
        mailing_lists: The mailing lists; without them no address is kept.
        mail: The mail server, ``"smtp://localhost:25"``; needed by the mailing lists, and by
            affiliates who apply.
        domains: Further domains of ours, from which mail may be sent.
        trusted_proxies: The networks of our own proxies, whose word about the client is believed.
        policy_path: Where the policy page is mounted; the page of choices is below it.
        list_path: Where the opt-in pages are mounted.
        affiliates_path: Where affiliates apply and see their figures, if the programme takes applications.
        templates: A folder with templates of your own that win over ours.

    Raises:
        DeclarationError: for whatever cannot be kept, in one sentence that names the fault and the mend.
    """

    @explains_options
    def __init__(
        self,
        site: Site | str,
        *,
        operator: str,
        contact: str,
        secret_keys: KeyRing | Iterable[str | bytes],
        database: Store | str,
        cookies: Iterable[Cookie] = (),
        allow_hosts: AllowHosts | None = None,
        exempt: Exempt = (),
        evict: bool = False,
        mode: Mode = "enforce",
        redirects: Redirects = "report",
        affiliates: Affiliates | None = None,
        visits: VisitLog | None = None,
        mailing_lists: Sequence[MailingList] = (),
        mail: str | None = None,
        domains: Sequence[str] = (),
        trusted_proxies: TrustedProxies | Iterable[str] = (),
        policy_path: str = "/privacy",
        list_path: str = "/list",
        affiliates_path: str = "/affiliates",
        templates: str | Path | None = None,
    ) -> None:
        self.site = site if isinstance(site, Site) else Site(site, tuple(domains))
        self.operator = _said("operator", operator)
        self.contact = _said("contact", contact)
        self.keys = KeyRing.of(secret_keys)
        self.store = Store.of(database)
        self.people = People()
        self._policy_path = _mount("policy_path", policy_path)
        self._list_path = _mount("list_path", list_path)
        self._affiliates_path = _mount("affiliates_path", affiliates_path)
        if len({policy_path, list_path, affiliates_path, self._choices_path}) < 4:
            raise DeclarationError(
                f"policy_path={policy_path!r}, list_path={list_path!r} and affiliates_path={affiliates_path!r} meet, "
                "so that one page would hide another; give each its own."
            )
        self._templates = str(templates) if templates else None
        self._trusted_proxies = TrustedProxies.of(trusted_proxies)
        self._allow_hosts = declared_hosts(allow_hosts or {})
        self._exempt = declared_exempt(exempt)
        self._evict = evict
        one_of("mode", mode, get_args(Mode))
        one_of("redirects", redirects, get_args(Redirects))
        self._mode: Mode = mode
        self._redirects: Redirects = redirects
        self._affiliates = affiliates
        self._visits = visits
        self._lists = tuple(mailing_lists)

        self.consent = Consent(self.site, policy_hash=lambda: self.policy.hash)
        self._program = self._make_program()
        self._visit_log = self._make_visit_log()
        self._opt_in = self._make_opt_in(mail)
        self._portal = self._make_portal(mail)
        self._cookies: dict[str, Cookie] = {}
        for cookie in (
            receipt_cookie(self.site),
            *(self._program.cookies if self._program else ()),
            *cookies,
        ):
            self.declare(cookie)
        self._choices_page = ChoicesPage(
            self.consent, self._pages("consent"), purposes=self._purposes(), path=self._choices_path
        )

    def _make_program(self) -> AffiliateProgram | None:
        if self._affiliates is None:
            return None
        return AffiliateProgram(
            self._affiliates,
            site=self.site,
            keys=self.keys,
            store=self.store,
            consent=lambda environ: self.consent.answer(environ, "affiliates"),
        )

    def _make_visit_log(self) -> Visits | None:
        if self._visits is None:
            return None
        return Visits(
            self._visits,
            store=self.store,
            site=self.site,
            trusted_proxies=self._trusted_proxies,
            objects=lambda environ: self.consent.answer(environ, "statistics") is False,
        )

    def _make_opt_in(self, mail: str | None) -> OptIn | None:
        if not self._lists:
            return None
        if mail is None:
            raise DeclarationError(
                "There are mailing lists but no mail server; give mail='smtp://localhost:25'."
            )
        opt_in = OptIn(
            self._lists,
            site=self.site,
            keys=self.keys,
            store=self.store,
            mail=mail,
            operator=self.operator,
            path=self._list_path,
            policy=self._policy_path,
            templates=self._templates,
            trusted_proxies=self._trusted_proxies,
        )
        self.people.register("mailing lists", opt_in)
        return opt_in

    def _make_portal(self, mail: str | None) -> AffiliatePortal | None:
        if self._program is None or self._program.declaration.applications is None:
            return None
        if mail is None:
            raise DeclarationError(
                "Affiliates may apply but there is no mail server to answer by; give mail='smtp://localhost:25'."
            )
        portal = AffiliatePortal(
            self._program,
            keys=self.keys,
            mail=mail,
            operator=self.operator,
            path=self._affiliates_path,
            policy=self._policy_path,
            templates=self._templates,
            trusted_proxies=self._trusted_proxies,
        )
        self.people.register("affiliates", portal)
        return portal

    @property
    def affiliates(self) -> AffiliateProgram:
        """The running affiliate programme.

        Raises:
            DeclarationError: when none was declared.
        """
        if self._program is None:
            raise DeclarationError(
                "No affiliate programme was declared; give Privacy affiliates=Affiliates(…)."
            )
        return self._program

    @property
    def affiliate_portal(self) -> AffiliatePortal:
        """The running pages and mails for affiliates.

        Raises:
            DeclarationError: when the programme takes no applications.
        """
        if self._portal is None:
            raise DeclarationError(
                "The affiliate programme takes no applications; declare Affiliates(applications='affiliates@…')."
            )
        return self._portal

    @property
    def visits(self) -> Visits:
        """The running visit log, with its pipeline, sinks and statistics.

        Raises:
            DeclarationError: when none was declared.
        """
        if self._visit_log is None:
            raise DeclarationError("No visit log was declared; give Privacy visits=VisitLog(…).")
        return self._visit_log

    @property
    def mailing_lists(self) -> OptIn:
        """The running mailing lists.

        Raises:
            DeclarationError: when none was declared.
        """
        if self._opt_in is None:
            raise DeclarationError(
                "No mailing list was declared; give Privacy mailing_lists=[MailingList(…)]."
            )
        return self._opt_in

    @property
    def cookies(self) -> tuple[Cookie, ...]:
        """Every cookie that may leave the site, the middlewares' own too."""
        return tuple(self._cookies.values())

    @property
    def policy(self) -> Policy:
        """The policy that all of this amounts to."""
        return state(
            site=self.site,
            operator=self.operator,
            contact=self.contact,
            cookies=self.cookies,
            allow_hosts=self._allow_hosts,
            exempt=self._exempt,
            enforced=self._mode != "report",
            affiliates=self._affiliates,
            visits=self._visits,
            mailing_lists=self._lists,
            stores=self.people.stores,
        )

    def declare(self, cookie: Cookie) -> None:
        """Declare one more cookie of the app, before it is wrapped.

        Raises:
            DeclarationError: when the name is taken, or the site cannot carry the cookie.
        """
        cookie.check(self.site)
        if cookie.name in self._cookies:
            raise DeclarationError(f"Cookie {cookie.name!r} is declared twice; keep one of the two.")
        self._cookies[cookie.name] = cookie

    def banner(self, environ: WSGIEnvironment) -> Markup:
        """Return the question about the affiliate cookie for the app's own pages.

        It is nothing when it need not be asked: of who came by no affiliate's link, who has answered, and who
        sends ``Sec-GPC: 1``.
        """
        if self._program is None or self._program.links.followed(environ) is None:
            return Markup("")
        return self._choices_page.banner(environ)

    def __call__(self, app: WSGIApplication) -> Middleware:
        """Return *app* wrapped in everything that was declared. Any WSGI app will do."""
        wrapped: WSGIApplication = _Doors(
            app,
            {
                f"{self._policy_path}/choices": self._choices_page,
                self._policy_path: PolicyPage(
                    lambda: self.policy, self._pages("policy"), choices=self._choices_path
                ),
                **({self._list_path: self._opt_in} if self._opt_in else {}),
                **({self._affiliates_path: self._portal} if self._portal else {}),
            },
            on_request=[part.wake for part in (self._opt_in, self._portal) if part],
        )
        if self._program:
            wrapped = AffiliateAttribution(wrapped, self._program)
        guarded = CookieGuard(
            wrapped,
            self.site,
            cookies=self.cookies,
            allow_hosts=self._allow_hosts,
            exempt=self._exempt,
            evict=self._evict,
            mode=self._mode,
            redirects=self._redirects,
        )
        return self._visit_log.layer(guarded) if self._visit_log else guarded

    def init_app(self, app: Flask) -> None:
        """Wrap a Flask app, declare its session cookie and Flask-Login's token, and tell the visit log its routes."""
        from cactuprivacy.flask import init_app

        init_app(self, app)

    def close(self) -> None:
        """Write and send what is waiting, and let go of files, threads and connections of this process."""
        if self._visit_log:
            self._visit_log.close()
        if self._program:
            self._program.close()
        if self._opt_in:
            self._opt_in.close()
        if self._portal:
            self._portal.close()
        self.store.dispose()

    @property
    def _choices_path(self) -> str:
        return f"{self._policy_path}/choices"

    def _purposes(self) -> list[Purpose]:
        purposes: list[Purpose] = []
        if self._affiliates and self._affiliates.basis == "consent":
            purposes.append("affiliates")
        if self._visits:
            purposes.append("statistics")
        return purposes

    def _pages(self, room: str) -> Pages:
        return Pages(
            f"cactuprivacy.{room}",
            site_name=self.operator,
            policy=self._policy_path,
            templates=self._templates,
        )


class _Doors(DispatcherMiddleware):
    """Our own pages beside the app. Each process's first request also wakes what mail an earlier one left."""

    def __init__(
        self,
        app: WSGIApplication,
        mounts: dict[str, WSGIApplication],
        *,
        on_request: Sequence[Callable[[], None]],
    ) -> None:
        super().__init__(app, mounts)
        self._on_request = on_request

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for wake in self._on_request:
            wake()
        return super().__call__(environ, start_response)


def _said(option: str, text: str) -> str:
    if not text.strip():
        raise DeclarationError(f"{option}= is empty; it is printed on the policy page, so say who and how.")
    return text.strip()


def _mount(option: str, path: str) -> str:
    if not path.startswith("/") or path != path.rstrip("/") or path == "" or "//" in path:
        raise DeclarationError(f"{option}={path!r} is no path to mount at; write it as in '/privacy'.")
    return path

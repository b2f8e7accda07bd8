"""A privacy policy your WSGI app cannot break.

Room: the front door. The public names and nothing else; each is imported when it is first used, so that
importing a cookie guard does not import a database.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cactuprivacy.affiliates import AffiliateAttribution as AffiliateAttribution
    from cactuprivacy.affiliates import AffiliatePortal as AffiliatePortal
    from cactuprivacy.affiliates import AffiliateProgram as AffiliateProgram
    from cactuprivacy.affiliates import Affiliates as Affiliates
    from cactuprivacy.consent import Consent as Consent
    from cactuprivacy.cookie import Cookie as Cookie
    from cactuprivacy.cookies import CookieGuard as CookieGuard
    from cactuprivacy.declaration import DeclarationError as DeclarationError
    from cactuprivacy.keys import KeyRing as KeyRing
    from cactuprivacy.optin import MailingList as MailingList
    from cactuprivacy.optin import OptIn as OptIn
    from cactuprivacy.privacy import Privacy as Privacy
    from cactuprivacy.site import Site as Site
    from cactuprivacy.store import Store as Store
    from cactuprivacy.visits import JsonLinesSink as JsonLinesSink
    from cactuprivacy.visits import SqlSink as SqlSink
    from cactuprivacy.visits import VisitLog as VisitLog
    from cactuprivacy.visits import VisitLogger as VisitLogger
    from cactuprivacy.wsgi import Middleware as Middleware
    from cactuprivacy.wsgi import TrustedProxies as TrustedProxies

_ROOMS = {
    "AffiliateAttribution": "affiliates",
    "AffiliatePortal": "affiliates",
    "AffiliateProgram": "affiliates",
    "Affiliates": "affiliates",
    "Consent": "consent",
    "Cookie": "cookie",
    "CookieGuard": "cookies",
    "DeclarationError": "declaration",
    "JsonLinesSink": "visits",
    "KeyRing": "keys",
    "MailingList": "optin",
    "Middleware": "wsgi",
    "OptIn": "optin",
    "Privacy": "privacy",
    "Site": "site",
    "SqlSink": "visits",
    "Store": "store",
    "TrustedProxies": "wsgi",
    "VisitLog": "visits",
    "VisitLogger": "visits",
}

__all__ = sorted(_ROOMS)  # a test holds it against the imports above


def __getattr__(name: str) -> object:
    try:
        room = _ROOMS[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(importlib.import_module(f"{__name__}.{room}"), name)


def __dir__() -> list[str]:
    return __all__

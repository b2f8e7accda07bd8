"""Clause 3: no third-party cookie is placed or read.

Room: cookies. ``syntax`` (cookie headers, read as browsers do), ``context`` (whose page a request is from),
``rules`` (what may leave and enter), ``targets``, ``hosts``, ``content_policy`` and ``doors`` (whom else pages
may deal with), ``verdict`` (what was decided, and why), ``refusals`` (who is told), ``eviction`` (what a browser is
made to forget), ``markup`` (whom a page turns to), ``guard`` (the middleware).
Knows no other clause.
"""

from cactuprivacy.cookies.guard import CookieGuard as CookieGuard
from cactuprivacy.cookies.refusals import CookieRefusedError as CookieRefusedError
from cactuprivacy.cookies.refusals import cookie_refused as cookie_refused
from cactuprivacy.cookies.rules import Rules as Rules
from cactuprivacy.cookies.verdict import Verdict as Verdict

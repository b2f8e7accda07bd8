"""Cookie: what a first-party cookie of ours is, declared once; how it is written and how it is read.

Room: ground floor. May import site and declaration. The clause that judges *other people's* cookies is
the package ``cookies``; here is only the declaration that it, the affiliate claim, the visitor's choices
and the policy page all share.
"""

from __future__ import annotations

import re
from email.utils import formatdate
from typing import TYPE_CHECKING, Literal, get_args

from cactuprivacy.declaration import DeclarationError, declaration, settle
from cactuprivacy.site import domain_name, registrable_domain, within

if TYPE_CHECKING:
    from cactuprivacy.site import Site

MAX_AGE_LIMIT = 400 * 24 * 3600  # seconds; RFC 6265bis, 5.5: browsers keep no cookie longer

SameSite = Literal["Lax", "Strict"]

# RFC 9110, 5.6.2
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# RFC 6265bis, 4.1.1: cookie-octet. What remains without them is none; on long values this is four times a regexp.
_OCTETS = bytes({*range(0x21, 0x7F)} - {*b'",;\\'})
# The same characters: RFC 6265bis, 4.1.1 allows more, but at a blank or a comma some reader cuts the line.
_PATH = re.compile(r"/[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")

# RFC 6265bis, 4.1.3: what a name's prefix promises
PREFIXES = ("__Host-Http-", "__Host-", "__Http-", "__Secure-")


def is_token(text: str) -> bool:
    """Tell whether *text* is a token (RFC 9110, 5.6.2), as a cookie's name must be."""
    return _TOKEN.fullmatch(text) is not None


def is_cookie_value(text: str) -> bool:
    """Tell whether *text* is a run of cookie-octets, bare or inside one pair of quotes (RFC 6265bis, 4.1.1)."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return text.isascii() and not text.encode().translate(None, _OCTETS)


def is_cookie_path(text: str) -> bool:
    """Tell whether *text* is a path that every reader of a ``Set-Cookie`` reads alike."""
    return _PATH.fullmatch(text) is not None


def prefix_of(name: str) -> str | None:
    """Return the prefix that *name* claims, compared without case (RFC 6265bis, 5.4), or ``None``."""
    lower = name.lower()
    for prefix in PREFIXES:
        if lower.startswith(prefix.lower()):
            return prefix
    return None


@declaration
class Cookie:
    """A first-party cookie that the site declares; one that is not declared neither leaves nor enters.

    Parameters:
        name: The exact name. ``__Host-`` and ``__Secure-`` promise what RFC 6265bis, 4.1.3 says.
        purpose: What it is for, in the visitor's words; it is printed on the policy page.
        max_age: Its life in seconds, at most 400 days; ``None`` is until the browser closes.
        path: The path that it is sent to.
        domain: A domain to share it with, at most the site's registrable one. ``None``, the default,
            is this host alone.
        same_site: ``"Lax"`` or ``"Strict"``. There is no ``None``: that is the third-party grant.
        http_only: Whether scripts are kept from reading it.
        needs_consent: Whether it may be set only after the visitor agreed.

    Raises:
        DeclarationError: when no browser would keep the promise.
    """

    name: str
    purpose: str
    max_age: int | None = None
    path: str = "/"
    domain: str | None = None
    same_site: SameSite = "Lax"
    http_only: bool = True
    needs_consent: bool = False

    def __post_init__(self) -> None:
        named = f"Cookie {self.name!r}"
        for option in ("name", "purpose", "path", "domain"):
            said = getattr(self, option)
            if not isinstance(said, str) and not (option == "domain" and said is None):
                raise DeclarationError(f"{named} cannot have {option}={said!r}; give a text.")
        if not is_token(self.name) or self.name.startswith("$"):  # $: RFC 2965's, never read as a cookie
            raise DeclarationError(
                f"{named} has no valid name (RFC 9110, 5.6.2); use letters, digits, - and _."
            )
        if not self.purpose.strip():
            raise DeclarationError(f"{named} has no purpose; say in purpose= what it does for the visitor.")
        if self.max_age is not None and not (type(self.max_age) is int and 0 < self.max_age <= MAX_AGE_LIMIT):
            raise DeclarationError(
                f"{named} cannot live {self.max_age!r} seconds (RFC 6265bis, 5.5); "
                f"give max_age= between 1 and {MAX_AGE_LIMIT} (400 days), or None for the session."
            )
        if not is_cookie_path(self.path):
            raise DeclarationError(
                f"{named} has no valid path {self.path!r}; begin it with /, without blanks, commas and quotes."
            )
        if self.same_site not in get_args(SameSite):
            raise DeclarationError(
                f"{named} cannot have SameSite={self.same_site}: that makes it a third-party cookie; "
                "use 'Lax' or 'Strict'."
            )
        prefix = prefix_of(self.name)
        if prefix is not None:
            if not self.name.startswith(prefix):
                raise DeclarationError(
                    f"{named} spells its prefix wrongly (RFC 6265bis, 5.4); write {prefix}."
                )
            if prefix.startswith("__Host-") and self.domain is not None:
                raise DeclarationError(
                    f"{named} cannot have a Domain (RFC 6265bis, 4.1.3.2); drop domain=, or drop the prefix."
                )
            if prefix.startswith("__Host-") and self.path != "/":
                raise DeclarationError(
                    f"{named} cannot have the path {self.path!r} (RFC 6265bis, 4.1.3.2); drop path=, or the prefix."
                )
            if "Http-" in prefix and not self.http_only:
                raise DeclarationError(
                    f"{named} must be http_only (RFC 6265bis, 4.1.3); drop http_only=False."
                )
        if self.domain is not None:
            settle(self, domain=domain_name(self.domain.removeprefix(".")))

    def check(self, site: Site) -> None:
        """Refuse the cookie when *site* cannot carry it.

        Raises:
            DeclarationError: for a prefix on http, and for a domain that is not the site's own.
        """
        if prefix_of(self.name) and not site.secure:
            raise DeclarationError(
                f"Cookie {self.name!r} has a prefix, which browsers refuse on {site.origin}; drop the prefix here."
            )
        if self.domain is not None and (
            not within(site.host, self.domain) or registrable_domain(self.domain) is None
        ):
            raise DeclarationError(
                f"Cookie {self.name!r} cannot have the domain {self.domain!r} on {site.host} "
                "(RFC 6265bis, 5.7); drop domain=, or name a domain of your own above the host."
            )

    def line(self, value: str, *, secure: bool) -> str:
        """Return the ``Set-Cookie`` value that sets this cookie, just as declared.

        Raises:
            ValueError: when *value* holds what a cookie cannot (RFC 6265bis, 4.1.1).
        """
        if not is_cookie_value(value):
            raise ValueError(
                f"The value for cookie {self.name!r} holds characters that a cookie cannot; encode it."
            )
        return self._line(value, self.max_age, secure)

    def expiry_line(self, *, secure: bool) -> str:
        """Return the ``Set-Cookie`` value that makes browsers forget this cookie."""
        return self._line("", 0, secure)

    def _line(self, value: str, max_age: int | None, secure: bool) -> str:
        parts = [f"{self.name}={value}"]
        if max_age is not None:
            parts.append(f"Max-Age={max_age}")
        if max_age == 0:  # for what still reads Expires alone
            parts.append("Expires=" + formatdate(0, usegmt=True))
        if self.domain is not None:
            parts.append(f"Domain={self.domain}")
        parts.append(f"Path={self.path}")
        if secure:
            parts.append("Secure")
        if self.http_only:
            parts.append("HttpOnly")
        parts.append(f"SameSite={self.same_site}")
        return "; ".join(parts)

    def read(self, header: str) -> str | None:
        """Return this cookie's value from a ``Cookie`` header.

        ``None`` when it is missing, when it comes twice (one of the two is somebody else's doing) or when
        its value holds what no cookie of ours can. Splits at ``;`` and trims space and tab only, as
        browsers do (RFC 6265bis, 5.6), so that no other parser can be led to another answer.
        """
        if self.name not in header:
            return None
        found = [
            value.strip(" \t")
            for name, equals, value in (pair.partition("=") for pair in header.split(";"))
            if equals and name.strip(" \t") == self.name
        ]
        return found[0] if len(found) == 1 and is_cookie_value(found[0]) else None

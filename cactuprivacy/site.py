"""Site: who we are, and so what is first-party.

Room: ground floor. May import :mod:`cactuprivacy.declaration` only; every other room may ask it.
Everything is judged against this configured site, never against a request's ``Host`` header, which a
stranger chooses.
"""

from __future__ import annotations

import functools
import ipaddress
from dataclasses import field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import idna

from cactuprivacy.declaration import DeclarationError, declaration, settle

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_DEFAULT_PORTS = {"http": 80, "https": 443}


@functools.cache
def _public_suffixes() -> PublicSuffixList:
    # Loading takes about 0.2 s, so only who asks for a registrable domain pays, once.
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def domain_name(text: str) -> str:
    """Return *text* as a lower-case A-label host name (IDNA 2008, UTS 46 mapping).

    Raises:
        DeclarationError: when it is not a host name.
    """
    name = text.strip().lower().rstrip(".")
    try:
        if not name.isascii():
            name = idna.encode(name, uts46=True).decode("ascii")
        labels = name.split(".")
        if not all(
            label.replace("-", "").replace("_", "").isalnum() and len(label) <= 63 for label in labels
        ):
            raise DeclarationError(f"{text!r} is not a domain name; write it as in shop.example.")
    except idna.IDNAError as error:
        raise DeclarationError(f"{text!r} is not a domain name; write it as in shop.example.") from error
    return name


def ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return *host* as an IP address, with or without brackets, or ``None`` when it is a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def registrable_domain(host: str) -> str | None:
    """Return the part of *host* that one can register, by the Public Suffix List (private section too).

    ``None`` for an IP address, and for a host that is itself a public suffix.
    """
    if ip_address(host) is not None:
        return None
    found = _public_suffixes().privatesuffix(host)
    return str(found) if found else None


def within(host: str, domain: str) -> bool:
    """Tell whether *host* is *domain* or below it, at a dot boundary (RFC 6265bis, 5.1.3)."""
    return host == domain or (host.endswith("." + domain) and ip_address(host) is None)


@declaration
class Site:
    """The site that makes the promises: its origin, and the further domains that are its own.

    Parameters:
        origin: Scheme, host and, when it is not the default one, port: ``"https://shop.example"``.
            ``http`` is for localhost only; there cookies go without ``Secure`` and without prefix.
        domains: Further domains of ours, from which mail may be sent. The origin's registrable
            domain is always ours.

    Raises:
        DeclarationError: when the origin is no origin, is ``http`` outside localhost, or is a public
            suffix, under which strangers live.
    """

    origin: str
    domains: tuple[str, ...] = ()
    scheme: str = field(init=False)
    host: str = field(init=False)
    port: int = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.origin, str):
            raise DeclarationError(
                f"The site {self.origin!r} is not an origin; write it as https://shop.example."
            )
        try:
            parts = urlsplit(self.origin)
        except ValueError as error:
            raise DeclarationError(
                f"The site {self.origin!r} is not an origin; write it as https://shop.example."
            ) from error
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise DeclarationError(
                f"The site {self.origin!r} is not an origin; write it as https://shop.example."
            )
        if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
            raise DeclarationError(
                f"The site {self.origin!r} must be an origin alone; drop all but scheme, host and port."
            )
        try:
            port = parts.port or _DEFAULT_PORTS[parts.scheme]
        except ValueError as error:
            raise DeclarationError(
                f"The site {self.origin!r} has no valid port; drop it or mend it."
            ) from error
        address = ip_address(parts.hostname)
        host = str(address) if address else domain_name(parts.hostname)
        local = host == "localhost" or host.endswith(".localhost") or bool(address and address.is_loopback)
        if parts.scheme == "http" and not local:
            raise DeclarationError(
                f"The site {self.origin!r} uses http, which cannot keep a cookie secret; use https://{host}."
            )
        if not local and (address or registrable_domain(host) is None):
            raise DeclarationError(
                f"The site's host {host!r} is not a domain of your own (an address or a public suffix); "
                "use a name below one that you registered."
            )
        shown = f"[{host}]" if address and address.version == 6 else host
        netloc = shown if port == _DEFAULT_PORTS[parts.scheme] else f"{shown}:{port}"
        settle(
            self,
            origin=f"{parts.scheme}://{netloc}",
            domains=tuple(domain_name(domain) for domain in self.domains),
            scheme=parts.scheme,
            host=host,
            port=port,
        )

    @classmethod
    def of(cls, site: Site | str) -> Site:
        """Return *site* itself, or the site of an origin given as text."""
        return site if isinstance(site, Site) else cls(site)

    @property
    def secure(self) -> bool:
        """Whether the site is served by https, so that its cookies are ``Secure`` and prefixed."""
        return self.scheme == "https"

    @functools.cached_property
    def own_domains(self) -> frozenset[str]:
        """The domains below which everything is ours, that is the registrable one and those declared."""
        return frozenset({registrable_domain(self.host) or self.host, *self.domains})

    def owns(self, host: str) -> bool:
        """Tell whether *host* (lower-case, A-labels) is one of our own domains or below one."""
        return any(within(host, domain) for domain in self.own_domains)

"""Content policy: what our own policy headers tell browsers to keep from strangers.

Room: cookies. Pure: header values made from the declaration, once, when the guard is made; no request
comes here. Sources: CSP 3, Permissions Policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cactuprivacy.site import ip_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cactuprivacy.site import Site

# The features by which embedded or loaded strangers would recognise a visitor: those that browsers know today,
# as Chromium complains on the console of every page about one that is retired (attribution-reporting and its
# kin, all of which need a stranger's script or frame). The last mention of a feature is the one that counts
# (RFC 9651, 3.2), so that no parser is needed to have the last word.
PERMISSIONS = (
    "Permissions-Policy",
    (
        "browsing-topics=(), private-state-token-issuance=(), private-state-token-redemption=(), "
        "storage-access=()"
    ),
)

_DIRECTIVES = {
    "script": "script-src",
    "style": "style-src",
    "image": "img-src",
    "font": "font-src",
    "media": "media-src",
    "frame": "frame-src",
    "connect": "connect-src",
}


def content_policy(site: Site, allowed: Mapping[str, tuple[str, ...]]) -> str:
    """Return the Content-Security-Policy that keeps a page's dealings to *site* and those let in.

    Whatever is the app's own affair (inline, ``eval``, ``data:``) is allowed here. Chromium holds
    ``form-action`` also against the redirect that answers a form, so ``navigate`` hosts stand in it.
    """
    own = " ".join(
        ["'self'"]
        + [
            f"{domain}:* *.{domain}:*"
            for domain in sorted(site.own_domains)
            if not ip_address(domain)  # which has no grammar there; 'self' is it
        ]
    )

    def source(*purposes: str) -> str:
        return " ".join([own, *dict.fromkeys(host for name in purposes for host in allowed.get(name, ()))])

    lax = "'unsafe-inline' 'unsafe-eval' data: blob:"
    return "; ".join(
        [
            f"default-src {own} {lax}",
            *(
                f"{directive} {source(purpose)} {lax}"
                for purpose, directive in _DIRECTIVES.items()
                if purpose in allowed
            ),
            f"base-uri {own}",
            f"form-action {source('form', 'navigate')}",
            f"frame-ancestors {source('embedder')}",
        ]
    )

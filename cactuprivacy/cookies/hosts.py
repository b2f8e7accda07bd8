"""Hosts: which strangers a site's pages may deal with, declared per purpose; everybody else is kept out.

Room: cookies. Imports ``declaration`` and ``site`` only. The one way to let a host in: the guard's policy
for browsers and the statement on the policy page are both written from what is declared here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cactuprivacy.cookies.targets import UNREADABLE, host_of
from cactuprivacy.declaration import DeclarationError
from cactuprivacy.site import domain_name, ip_address, registrable_domain

if TYPE_CHECKING:
    from cactuprivacy.site import Site

#: What a host can be let in for, and how the policy page says so.
PURPOSES = {
    "script": "load scripts from",
    "style": "load style sheets from",
    "image": "load images from",
    "font": "load fonts from",
    "media": "load sound and video from",
    "frame": "show pages in a frame from",
    "connect": "exchange data with",
    "form": "send forms to",
    "navigate": "send you on to",
    "report": "have your browser report errors to",
    "embedder": "be shown inside pages of",
}

# For which of them a page of ours asks the host by itself.
_LOADS = ("script", "style", "image", "font", "media", "frame", "connect")

AllowHosts = Mapping[str, Sequence[str]]
Exempt = Sequence[str] | Callable[[dict[str, Any]], bool]


def declared_hosts(allow_hosts: AllowHosts) -> dict[str, tuple[str, ...]]:
    """Return *allow_hosts* checked and in a normal form: purposes in a fixed order, hosts as A-labels.

    Parameters:
        allow_hosts: Host names by purpose, ``{"image": ["images.example"]}``. ``"*.images.example"`` is every
            host below that domain, and not the domain itself (CSP 3, 2.4.1).

    Raises:
        DeclarationError: for a purpose that does not exist, and for what is no host name.
    """
    if not isinstance(allow_hosts, Mapping):
        raise DeclarationError(
            "allow_hosts= takes hosts by purpose; write it as in {'image': ['images.example']}."
        )
    for purpose in allow_hosts:
        if purpose not in PURPOSES:
            near = difflib.get_close_matches(str(purpose), PURPOSES, n=1, cutoff=0.5)
            mend = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(PURPOSES)}."
            raise DeclarationError(f"allow_hosts= has no purpose {purpose!r}; {mend}")
        if isinstance(allow_hosts[purpose], str):
            raise DeclarationError(
                f"allow_hosts= wants a list of hosts; write {{{purpose!r}: [{allow_hosts[purpose]!r}]}}."
            )
    return {
        purpose: tuple(sorted({_host(host) for host in allow_hosts[purpose]}))
        for purpose in PURPOSES
        if allow_hosts.get(purpose)
    }


def _host(text: str) -> str:
    wildcard = "*." if text.startswith("*.") else ""
    name = text[len(wildcard) :]
    # A header is written from this, so that nothing may part its directives.
    if any(char in "/:@*;,'\" " or ord(char) < 0x21 for char in name):
        raise DeclarationError(
            f"allow_hosts= holds {text!r}, which is no host alone; write it as in images.example, without "
            "scheme, port and path."
        )
    name = domain_name(name)
    if ip_address(name) or registrable_domain(name) is None:
        raise DeclarationError(
            f"allow_hosts= holds {text!r}, an address or a domain under which everybody lives; name one host."
        )
    return wildcard + name


def declared_exempt(exempt: Exempt) -> tuple[str, ...] | Callable[[dict[str, Any]], bool]:
    """Return *exempt* checked: paths, or a function of the environ.

    Raises:
        DeclarationError: for what is no path below the root.
    """
    if callable(exempt):
        return exempt
    if isinstance(exempt, str):
        raise DeclarationError(f"exempt= wants a list of paths; write exempt=[{exempt!r}].")
    for path in exempt:
        if not path.startswith("/") or path == "/" or path.endswith("/"):
            raise DeclarationError(
                f"exempt= holds {path!r}, which is no path below the root; write '/embed'."
            )
    return tuple(exempt)


class Hosts:
    """Tells ours and those let in from strangers.

    Parameters:
        site: Who we are: its registrable domain, its further domains, and all below them.
        allowed: What :func:`declared_hosts` returned.
    """

    def __init__(self, site: Site, allowed: Mapping[str, tuple[str, ...]]) -> None:
        self._owns = site.owns
        loads = [host for purpose in _LOADS for host in allowed.get(purpose, ())]
        self._let_in = {purpose: _matcher(hosts) for purpose, hosts in allowed.items()}
        self._let_in["load"] = _matcher(loads)

    def strange(self, url: str, purpose: str) -> bool:
        """Tell whether *url* leads to a stranger who was not let in for *purpose*.

        ``"load"`` is any of the purposes for which a page asks a host by itself.
        """
        host = host_of(url)
        if host is None:
            return False
        if host == UNREADABLE:
            return True
        if self._owns(host):
            return False
        exact, below = self._let_in.get(purpose, _NOBODY)
        return host not in exact and not host.endswith(below)


_NOBODY: tuple[frozenset[str], tuple[str, ...]] = (frozenset(), ())


def _matcher(hosts: Sequence[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    return (
        frozenset(host for host in hosts if host[:1] != "*"),
        tuple(host[1:] for host in hosts if host[:1] == "*"),
    )

"""Hosts: which strangers a site's pages may deal with, declared per purpose; everybody else is kept out.

Room: cookies. Imports ``declaration`` and ``site`` only. The one way to let a host in: the guard's policy
for browsers and the statement on the policy page are both written from what is declared here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

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

ByPurpose = Mapping[str, Sequence[str]]
AllowHosts = Mapping[str, Sequence[str] | ByPurpose]
Exempt = Sequence[str] | Callable[[dict[str, Any]], bool]


class LetIn(NamedTuple):
    """Who was let in, in a normal form: hosts by purpose, on every page, and beyond that below some paths."""

    everywhere: dict[str, tuple[str, ...]]
    below: dict[str, dict[str, tuple[str, ...]]]

    def at(self, path: str) -> dict[str, tuple[str, ...]]:
        """Return who was let in on the pages below *path*, one of those declared."""
        more = self.below[path]
        return {
            purpose: tuple(sorted({*self.everywhere.get(purpose, ()), *more.get(purpose, ())}))
            for purpose in PURPOSES
            if purpose in self.everywhere or purpose in more
        }


def declared_hosts(allow_hosts: AllowHosts | LetIn) -> LetIn:
    """Return *allow_hosts* checked and in a normal form: purposes in a fixed order, hosts as A-labels.

    Parameters:
        allow_hosts: Host names by purpose, ``{"image": ["images.example"]}``. ``"*.images.example"`` is every
            host below that domain, and not the domain itself (CSP 3, 2.4.1). A path in place of a purpose
            lets in more on the pages at and below it: ``{"/map": {"image": ["tiles.example"]}}``.

    Raises:
        DeclarationError: for a purpose that does not exist, and for what is no host name or path.
    """
    if isinstance(allow_hosts, LetIn):
        return allow_hosts
    if not isinstance(allow_hosts, Mapping):
        raise DeclarationError(
            "allow_hosts= takes hosts by purpose; write it as in {'image': ['images.example']}."
        )
    below = {path: more for path, more in allow_hosts.items() if str(path).startswith("/")}
    declared_exempt(tuple(below))
    return LetIn(
        _by_purpose({purpose: hosts for purpose, hosts in allow_hosts.items() if purpose not in below}),
        {path: _by_purpose(below[path]) for path in sorted(below)},
    )


def _by_purpose(given: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, Mapping):
        raise DeclarationError(
            "allow_hosts= takes hosts by purpose for a path; write {'/map': {'image': ['images.example']}}."
        )
    for purpose in given:
        if purpose not in PURPOSES:
            near = difflib.get_close_matches(str(purpose), PURPOSES, n=1, cutoff=0.5)
            mend = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(PURPOSES)}."
            raise DeclarationError(f"allow_hosts= has no purpose {purpose!r}; {mend}")
        if isinstance(given[purpose], (str, Mapping)) or not isinstance(given[purpose], Iterable):
            raise DeclarationError(
                f"allow_hosts= wants a list of hosts; write {{{purpose!r}: [{str(given[purpose])!r}]}}."
            )
    return {
        purpose: tuple(sorted({_host(host) for host in given[purpose]}))
        for purpose in PURPOSES
        if given.get(purpose)
    }


def _host(text: str) -> str:
    if not isinstance(text, str):
        raise DeclarationError(
            f"allow_hosts= holds {text!r}, which is no host; write it as in images.example."
        )
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
    if isinstance(exempt, str) or not isinstance(exempt, Iterable):
        raise DeclarationError(f"exempt= wants a list of paths; write exempt=[{str(exempt)!r}].")
    for path in exempt:
        if not isinstance(path, str) or not path.startswith("/") or path == "/" or path.endswith("/"):
            raise DeclarationError(f"{path!r} is no path below the root; write it as in '/embed'.")
    return tuple(exempt)


class Hosts:
    """Tells ours and those let in from strangers.

    Parameters:
        site: Who we are: its registrable domain, its further domains, and all below them.
        allowed: Who was let in, by purpose.
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

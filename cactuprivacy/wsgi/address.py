"""Client address: where a request comes from, as far as no stranger can choose it.

Room: wsgi. Reads the environ only. Nothing a client sends is believed: a forwarding header counts only when
the peer itself is a proxy that was named, and then from the right, until the first address that is none of ours.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Literal

from cactuprivacy.declaration import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed.wsgi import WSGIEnvironment

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_KEY = "cactuprivacy.client_address"
_MAX_HOPS = 32

# RFC 7239, 4: forwarded-pair = token "=" ( token / quoted-string ); no two alternatives start alike, so linear
_PAIR = re.compile(
    r"""\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+\-.^_`|~0-9A-Za-z:\[\]]+))\s*"""
)


class TrustedProxies:
    """The proxies of ours in front of the app, whose word about the client is believed.

    Parameters:
        networks: Their addresses or networks (``"10.0.0.0/8"``, ``"::1"``), and ``"unix"`` for a peer on
            a unix socket. None, the default: the peer is the client.
        header: The header that they write, ``"X-Forwarded-For"`` or ``"Forwarded"`` (RFC 7239). Only the
            one is read: the other one passes through your proxy just as the client sent it.

    Raises:
        DeclarationError: for what is no network, and for another header.
    """

    def __init__(
        self,
        networks: Iterable[str] = (),
        *,
        header: Literal["X-Forwarded-For", "Forwarded"] = "X-Forwarded-For",
    ) -> None:
        if isinstance(networks, str):
            raise DeclarationError(f"trusted_proxies is one text; write trusted_proxies=[{networks!r}].")
        if header not in ("X-Forwarded-For", "Forwarded"):
            raise DeclarationError(
                f"header={header!r} is not understood; use 'X-Forwarded-For' or 'Forwarded'."
            )
        self._unix = False
        self._networks = []
        for network in networks:
            if network == "unix":
                self._unix = True
                continue
            try:
                self._networks.append(ipaddress.ip_network(network))
            except ValueError as error:
                raise DeclarationError(
                    f"{network!r} is no network of proxies ({error}); write it as in 10.0.0.0/8, or 'unix'."
                ) from error
        self._hops = _forwarded_for if header == "X-Forwarded-For" else _forwarded

    @classmethod
    def of(cls, proxies: TrustedProxies | Iterable[str]) -> TrustedProxies:
        """Return *proxies* itself, or the proxies of a list of networks."""
        return proxies if isinstance(proxies, TrustedProxies) else cls(proxies)

    def trusts(self, address: Address | None) -> bool:
        """Tell whether *address* is one of the proxies; ``None`` is a peer on a unix socket."""
        if address is None:
            return self._unix
        return any(address.version == network.version and address in network for network in self._networks)

    def client(self, environ: WSGIEnvironment) -> str | None:
        """Return the client's address in its normal form, or ``None`` when it cannot be known."""
        address = _parse(str(environ.get("REMOTE_ADDR") or ""))
        if not (self._networks or self._unix) or not self.trusts(address):
            return str(address) if address else None
        for hops, hop in enumerate(self._hops(environ)):
            address = _parse(hop)
            if address is None or hops >= _MAX_HOPS:  # unknown, _hidden, garbage: nobody that we could name
                return None
            if not self.trusts(address):
                break
        return str(address) if address else None


def client_address(environ: WSGIEnvironment, proxies: TrustedProxies) -> str | None:
    """Return the client's address, computed once a request by the outermost layer that asks."""
    if _KEY not in environ:
        environ[_KEY] = proxies.client(environ)
    address: str | None = environ[_KEY]
    return address


def _parse(text: str) -> Address | None:
    """Return the address in *text*: with a port, brackets, a zone or an IPv4 inside IPv6, or none at all."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _forwarded_for(environ: WSGIEnvironment) -> Iterator[str]:
    # Servers join repeated headers by commas, so the whole is one list.
    return (
        reversed(str(environ.get("HTTP_X_FORWARDED_FOR") or "").split(","))
        if "HTTP_X_FORWARDED_FOR" in environ
        else iter(())
    )


def _forwarded(environ: WSGIEnvironment) -> Iterator[str]:
    header = str(environ.get("HTTP_FORWARDED") or "")
    hops: list[str] = []
    element: str | None = ""
    position = 0
    while position < len(header):
        if header[position] in ",;":
            if header[position] == ",":
                hops.append(element or "")
                element = ""
            position += 1
            continue
        pair = _PAIR.match(header, position)
        if pair is None:  # not the grammar: nothing left of here can be told apart
            hops.append("")
            return reversed(hops[-1:])
        name, quoted, token = pair.groups()
        if name.lower() == "for":
            element = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else token
        position = pair.end()
    if header:
        hops.append(element or "")
    return reversed(hops)

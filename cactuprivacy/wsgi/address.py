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

# How servers tell of a peer on a unix socket: gunicorn and cheroot, waitress, werkzeug, nginx.
_UNIX_PEERS = ("", "localhost", "<local>", "unix:")

# RFC 7239, 4: forwarded-pair = token "=" ( token / quoted-string ), up to the next separator; bare colons and
# brackets, which it wants quoted, are borne. No two alternatives start alike, so it is linear.
_TCHAR = r"!#$%&'*+\-.^_`|~0-9A-Za-z"
_PAIR = re.compile(rf"""[ \t]*([{_TCHAR}]+)=(?:"((?:[^"\\]|\\.)*)"|([{_TCHAR}:\[\]]+))[ \t]*(?=[,;]|\Z)""")
_BLANK = re.compile(r"[ \t]*(?=[,;]|\Z)")  # RFC 9110, 5.6.1.2: empty list elements are to be borne
# RFC 7239, 6: node-port, a number or an obfuscated one
_PORT = re.compile(r":(?:[0-9]{1,5}|_[A-Za-z0-9._-]+)")
# A text that is an IPv4 address in its normal form already, which is most of them.
_PLAIN = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!\Z)|\Z)){4}")


class TrustedProxies:
    """The proxies of ours in front of the app, whose word about the client is believed.

    Parameters:
        networks: Their addresses or networks (``"10.0.0.0/8"``, ``"::1"``), and ``"unix"`` for a peer on
            a unix socket. None, the default: the peer is the client.
        header: The header that they write, ``"X-Forwarded-For"`` or ``"Forwarded"`` (RFC 7239). Only the
            one is read: the other one passes through your proxy just as the client sent it.

    Raises:
        DeclarationError: for what is no network, for one that holds every address, and for another header.

    A proxy must append to the header, as all do, or replace it. Some servers (wsgiref and
    cheroot) take a client's ``X_Forwarded_For`` for ``X-Forwarded-For``, and nobody can tell it any more: in
    front of those the proxy must drop header names with underscores, as nginx does.
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
            else:
                self._networks.append(_network(network))
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
        peer = environ.get("REMOTE_ADDR") or ""  # W34: may be missing, empty, bytes, or no address at all
        peer = peer if isinstance(peer, str) else ""
        if not self._networks and not self._unix and _PLAIN.fullmatch(peer):
            return peer
        address = _parse(peer)
        if address is None and peer not in _UNIX_PEERS:
            return None
        if self.trusts(address):
            for hops, hop in enumerate(self._hops(environ)):
                address = _parse(hop)
                if (
                    address is None or hops >= _MAX_HOPS
                ):  # unknown, _hidden, garbage: nobody that we could name
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


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return the network of proxies that *text* declares.

    Raises:
        DeclarationError: when it is none, or is everybody's.
    """
    try:
        network = ipaddress.ip_network(str(text))  # as text: an int would be taken for an address
    except ValueError as error:
        raise DeclarationError(
            f"{text!r} is no network of proxies ({error}); write it as in 10.0.0.0/8, or 'unix'."
        ) from error
    if network.prefixlen == 0:
        raise DeclarationError(
            f"The network {text!r} is everybody, who could then claim any address; name your proxies alone."
        )
    mapped = network.network_address.ipv4_mapped if network.version == 6 else None
    if mapped is not None and network.prefixlen >= 96:  # addresses are compared in their IPv4 form
        return ipaddress.IPv4Network((int(mapped), network.prefixlen - 96))
    return network


def _parse(text: str) -> Address | None:
    """Return the address in *text*: with a port, brackets, a zone or an IPv4 inside IPv6, or none at all."""
    text = text.strip(" \t")
    host, port = text, ""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or ":" not in host:  # RFC 3986, 3.2.2: brackets are for IPv6
            return None
    elif text.count(":") == 1:
        host, colon, port = text.partition(":")
        port = colon + port
    if port and not _PORT.fullmatch(port):
        return None
    try:
        address = ipaddress.ip_address(host.partition("%")[0] if ":" in host else host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _forwarded_for(environ: WSGIEnvironment) -> Iterator[str]:
    # Servers join repeated headers by commas, so the whole is one list.
    header = str(environ.get("HTTP_X_FORWARDED_FOR") or "")
    return reversed(header.split(",")) if header else iter(())


def _forwarded(environ: WSGIEnvironment) -> Iterator[str]:
    header = str(environ.get("HTTP_FORWARDED") or "")
    if not header:
        return iter(())
    hops: list[str] = []
    element: dict[str, str] = {}
    position = 0
    while True:
        pair = _PAIR.match(header, position)
        if pair is not None:
            name, quoted, token = pair.groups()
            name = name.lower()
            if name in element:  # RFC 7239, 4: no parameter comes twice in an element
                return iter(("",))
            element[name] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else token
        else:
            pair = _BLANK.match(header, position)
            if (
                pair is None
            ):  # not the grammar: a quote may hide a comma, so no element can be told from another
                return iter(("",))
        position = pair.end() + 1
        if position > len(header) or header[pair.end()] == ",":
            hops.append(element.get("for", ""))
            element = {}
            if position > len(header):
                return reversed(hops)

"""Vault: personal fields sealed at rest, each bound to its place, and findable only by who holds the key.

Room: ground floor. May import keys. Clause 1 promises that details are protected; every clause that keeps
a personal field keeps it through here.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from cactuprivacy.keys import KeyRing

_VERSION = b"\x01"
_KEY_ID_BYTES = 8
_NONCE_BYTES = 12


class SealBrokenError(Exception):
    """A sealed field that does not open: another place's, altered, or under a key that is gone."""


class Vault:
    """Seals personal fields with AES-256-GCM and makes blind indexes to find them by.

    Parameters:
        keys: The site's key ring. The newest key seals; all open.
    """

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def seal(self, plain: str, place: str) -> bytes:
        """Return *plain* sealed to *place*, such as ``"address.sealed:42"`` (table, column, row)."""
        key = self._keys.derive("vault")[0]
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + _key_id(key) + nonce + AESGCM(key).encrypt(nonce, plain.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Return what was sealed to *place*.

        Raises:
            SealBrokenError: when it was sealed to another place, is altered, or its key is retired.
        """
        key_id, rest = sealed[1 : 1 + _KEY_ID_BYTES], sealed[1 + _KEY_ID_BYTES :]
        for key in self._keys.derive("vault"):
            if sealed[:1] == _VERSION and _key_id(key) == key_id:
                try:
                    plain = AESGCM(key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], place.encode())
                except InvalidTag:
                    break
                return plain.decode()
        raise SealBrokenError(
            f"The sealed field at {place.partition(':')[0]} does not open; is its key still listed?"
        )

    def index(self, value: str, purpose: str) -> bytes:
        """Return the blind index of *value* for *purpose* (HMAC-SHA256, 32 bytes) under the newest key."""
        return self._keys.digest("vault index " + purpose, value.encode())

    def indexes(self, value: str, purpose: str) -> list[bytes]:
        """Return the blind indexes of *value* under every key, newest first, to look it up after a rotation."""
        return self._keys.digests("vault index " + purpose, value.encode())


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"cactuprivacy key id" + key).digest()[:_KEY_ID_BYTES]

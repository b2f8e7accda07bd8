"""KeyRing: rotating secrets, and one derived key for each purpose.

Room: ground floor. May import :mod:`cactuprivacy.declaration` only. No other room touches a secret: each
asks here for the key of its purpose, so that what one purpose leaks opens nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from cactuprivacy.declaration import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itsdangerous import Signer, URLSafeTimedSerializer

MIN_SECRET_BYTES = 32
_PLACEHOLDERS = (
    "changeme",
    "change-me",
    "secret",
    "password",
    "default",
    "example",
    "insecure",
    "dev-",
    "test-",
)


class KeyRing:
    """The site's secrets, newest first: the newest signs and seals, all verify and open.

    To rotate, put a new secret in front, deploy, and drop the old one when what it protects has expired.

    Parameters:
        secrets: One or more secrets of at least 32 bytes, as text or bytes, such as
            ``python3 -c "import secrets; print(secrets.token_urlsafe(32))"`` prints.

    Raises:
        DeclarationError: for no secret, a short one, a placeholder, or one that repeats itself.
    """

    def __init__(self, secrets: Iterable[str | bytes]) -> None:
        if isinstance(secrets, (str, bytes)):
            raise DeclarationError("secret_keys is one text where a list is wanted; write secret_keys=[KEY].")
        self._secrets = tuple(
            secret.encode() if isinstance(secret, str) else bytes(secret) for secret in secrets
        )
        if not self._secrets:
            raise DeclarationError("There is no secret key; give secret_keys=[KEY] with at least one.")
        for secret in self._secrets:
            _refuse_weak(secret)
        if len(set(self._secrets)) != len(self._secrets):
            raise DeclarationError("A secret key stands twice in the list; keep each once, newest first.")
        self._derived: dict[str, tuple[bytes, ...]] = {}  # by purpose, of which there are a dozen

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self._secrets)}>"  # never the secrets

    @classmethod
    def of(cls, keys: KeyRing | Iterable[str | bytes]) -> KeyRing:
        """Return *keys* itself, or the ring of a list of secrets."""
        return keys if isinstance(keys, KeyRing) else cls(keys)

    def derive(self, purpose: str) -> tuple[bytes, ...]:
        """Return the keys for *purpose*, 32 bytes each, newest first (HKDF-SHA256, RFC 5869)."""
        if purpose not in self._derived:
            self._derived[purpose] = self._derive(purpose)
        return self._derived[purpose]

    def _derive(self, purpose: str) -> tuple[bytes, ...]:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        info = b"cactuprivacy/" + purpose.encode()
        return tuple(HKDF(SHA256(), 32, salt=None, info=info).derive(secret) for secret in self._secrets)

    def signer(self, purpose: str) -> Signer:
        """Return an itsdangerous signer for *purpose*: SHA-256, newest key signs, all verify."""
        from itsdangerous import Signer

        # itsdangerous signs with the last of its list.
        return Signer(list(reversed(self.derive(purpose))), salt=b"", digest_method=hashlib.sha256)

    def stamps(self, purpose: str) -> URLSafeTimedSerializer:
        """Return a serializer of signed, dated values for *purpose*. Its payload is readable by anyone."""
        from itsdangerous import URLSafeTimedSerializer

        return URLSafeTimedSerializer(
            list(reversed(self.derive(purpose))), salt=b"", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def digest(self, purpose: str, message: bytes) -> bytes:
        """Return the keyed hash of *message* under the newest key of *purpose* (HMAC-SHA256, 32 bytes)."""
        return hmac.digest(self.derive(purpose)[0], message, "sha256")

    def digests(self, purpose: str, message: bytes) -> list[bytes]:
        """Return the keyed hashes of *message* under every key of *purpose*, newest first, for looking it up."""
        return [hmac.digest(key, message, "sha256") for key in self.derive(purpose)]


def _refuse_weak(secret: bytes) -> None:
    if len(secret) < MIN_SECRET_BYTES:
        raise DeclarationError(
            f"A secret key has {len(secret)} bytes, at least {MIN_SECRET_BYTES} are needed; make one with "
            'python3 -c "import secrets; print(secrets.token_urlsafe(32))".'
        )
    if len(set(secret)) < 10 or any(word in secret.lower() for word in map(str.encode, _PLACEHOLDERS)):
        raise DeclarationError(
            "A secret key is a placeholder that anyone can guess; make one with "
            'python3 -c "import secrets; print(secrets.token_urlsafe(32))".'
        )

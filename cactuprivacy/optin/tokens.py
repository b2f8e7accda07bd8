"""Tokens and links: what may be in the hand of a stranger, and what each of them opens.

Room: optin. A confirmation token is 32 random bytes of which the database keeps the hash; it opens one
confirmation, once. A leave link needs no row: it is signed, never expires, and opens one way out of one
list. Neither holds an address, and neither opens what the other does.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cactuprivacy.keys import KeyRing

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_LEAVE_LINK = re.compile(r"1\.[A-Za-z0-9_-]{43}")
_UID_BYTES, _MAC_BYTES = 16, 16
_PURPOSE = "leave link"


def new_token() -> str:
    """Return a new confirmation token: 32 random bytes in 43 characters."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> bytes | None:
    """Return the hash by which the database knows *token*; ``None`` for what cannot be one."""
    return hashlib.sha256(token.encode()).digest() if _TOKEN.fullmatch(token) else None


def leave_token(keys: KeyRing, uid: uuid.UUID) -> str:
    """Return the signed way out for the subscription *uid*."""
    mac = keys.digest(_PURPOSE, uid.bytes)[:_MAC_BYTES]
    return "1." + urlsafe_b64encode(uid.bytes + mac).decode().rstrip("=")


def read_leave_token(keys: KeyRing, token: str) -> uuid.UUID | None:
    """Return the subscription that *token* leads out of; ``None`` when we did not sign it."""
    if not _LEAVE_LINK.fullmatch(token):
        return None
    raw = urlsafe_b64decode(token[2:] + "=")
    uid, mac = raw[:_UID_BYTES], raw[_UID_BYTES:]
    ours = [hmac.compare_digest(digest[:_MAC_BYTES], mac) for digest in keys.digests(_PURPOSE, uid)]
    return uuid.UUID(bytes=uid) if any(ours) else None

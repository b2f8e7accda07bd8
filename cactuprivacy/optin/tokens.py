"""Leave links: signed, of no row, and never expiring.

Room: optin. May import keys. Each opens one way out of one list, holds no address, and opens nothing that a
confirmation token (``mail.tokens``) does.
"""

from __future__ import annotations

import hmac
import re
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cactuprivacy.keys import KeyRing

_LEAVE_LINK = re.compile(r"1\.[A-Za-z0-9_-]{43}")
_UID_BYTES, _MAC_BYTES = 16, 16
_PURPOSE = "leave link"


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

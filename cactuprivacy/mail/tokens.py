"""Tokens: secrets that only a mail holds; the database keeps their hashes.

Room: mail. Pure functions. What a token opens, and until when, is said by the row that its hash leads to.
"""

from __future__ import annotations

import hashlib
import re
import secrets

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def new_token() -> str:
    """Return a new token: 32 random bytes in 43 characters."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> bytes | None:
    """Return the hash by which the database knows *token*; ``None`` for what cannot be one."""
    return hashlib.sha256(token.encode()).digest() if _TOKEN.fullmatch(token) else None

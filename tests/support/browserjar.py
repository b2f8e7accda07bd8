"""A cookie jar as browsers have it, for tests: RFC 6265bis, 5.1 and 5.6 to 5.8, and CHIPS. It trusts nothing of ours.

Written from the draft's steps and apart from the package, so that the two can be held against each other.
"""

from __future__ import annotations

import re
from calendar import timegm
from dataclasses import dataclass, field
from datetime import datetime, timezone
from time import time
from typing import NamedTuple

PREFIXES = ("__secure-", "__host-", "__http-", "__host-http-")
CONTROLS = frozenset(map(chr, (*range(9), *range(10, 32), 127)))
LIMIT = 400 * 24 * 3600  # seconds (5.5)
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DELIMITERS = frozenset(
    map(chr, (9, *range(0x20, 0x30), *range(0x3B, 0x41), *range(0x5B, 0x61), *range(0x7B, 0x7F)))
)


class Stored(NamedTuple):
    """What a browser makes of a ``Set-Cookie`` line; ``lifetime`` is in seconds, ``None`` until it closes."""

    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    same_site: str
    partitioned: bool
    lifetime: int | None

    @property
    def key(self) -> tuple[str, str, bool, str, bool]:
        """The cookie's identity (5.7, step 23, and CHIPS)."""
        return self.name, self.domain, self.host_only, self.path, self.partitioned


def moment(text: str) -> int | None:
    """Read a cookie date (5.1.1): seconds since 1970."""
    tokens = "".join(" " if char in DELIMITERS else char for char in text).split(" ")
    clock = day = month = year = None
    for token in filter(None, tokens):
        if clock is None and re.fullmatch(r"(?s)[0-9]{1,2}(:[0-9]{1,2}){2}([^0-9].*)?", token):
            clock = [int(re.match("[0-9]+", part)[0]) for part in token.split(":")[:3]]
        elif day is None and re.fullmatch(r"(?s)[0-9]{1,2}([^0-9].*)?", token):
            day = int(re.match("[0-9]+", token)[0])
        elif month is None and token[:3].lower() in MONTHS:
            month = MONTHS.index(token[:3].lower()) + 1
        elif year is None and re.fullmatch(r"(?s)[0-9]{2,4}([^0-9].*)?", token):
            year = int(re.match("[0-9]+", token)[0])
    if None in (clock, day, month, year):
        return None
    year += 1900 if 70 <= year <= 99 else 2000 if year <= 69 else 0
    if year < 1601 or clock[0] > 23 or max(clock[1:]) > 59:
        return None
    try:
        datetime(year, month, day, tzinfo=timezone.utc)
    except ValueError:
        return None
    return timegm((year, month, day, *clock))


def read(line: str, host: str, request_path: str = "/", public=("example",)) -> Stored | None:
    """Return what a browser stores of *line* from https://*host* now; ``None`` when it ignores the line."""
    if not CONTROLS.isdisjoint(line):
        return None
    pair, *parts = line.split(";")
    name, value = pair.split("=", 1) if "=" in pair else ("", pair)
    name, value = name.strip(" \t"), value.strip(" \t")
    if not name + value or len(name + value) > 4096:
        return None
    said: dict[str, str] = {}
    lifetime: dict[str, int] = {}
    for part in parts:
        key, _, content = part.partition("=")
        key, content = key.strip(" \t").lower(), content.strip(" \t")
        if len(content) > 1024:
            continue
        if key == "max-age":
            digits = content.removeprefix("-")
            if digits and not digits.strip("0123456789"):
                seconds = LIMIT if len(digits.lstrip("0")) > 9 else min(int(digits), LIMIT)
                lifetime[key] = 0 if content.startswith("-") else seconds
        elif key == "expires":
            if (until := moment(content)) is not None:
                lifetime[key] = min(until - int(time()), LIMIT)
        else:
            said[key] = content
    domain = said.get("domain", "").lower()
    domain = domain.removeprefix(".")
    if not domain.isascii():
        return None
    if domain in public:
        if domain != host:
            return None
        domain = ""
    if domain and host != domain and not host.endswith("." + domain):
        return None
    path = said.get("path", "")
    if not path.startswith("/"):
        path = request_path.rpartition("/")[0] or "/"
    stored = Stored(
        *(name, value, domain or host, not domain, path, "secure" in said, "httponly" in said),
        *(said.get("samesite", "").lower(), "partitioned" in said),
        lifetime.get("max-age", lifetime.get("expires")),
    )
    if not stored.secure and (stored.same_site == "none" or stored.partitioned):
        return None
    claimed = (name or value).lower()
    prefix = max((p for p in PREFIXES if claimed.startswith(p)), key=len, default=None)
    if prefix:
        if not name or not stored.secure:
            return None
        if prefix.startswith("__host-") and not (stored.host_only and "path" in said and path == "/"):
            return None
        if prefix.endswith("http-") and not stored.http_only:
            return None
    return stored


@dataclass
class Jar:
    """What one browser keeps of one site on https; a cookie's identity is all that stands in the key."""

    #: (name, domain, host-only, path, partitioned) -> value
    cookies: dict[tuple[str, str, bool, str, bool], str] = field(default_factory=dict)

    def store(self, line: str, host: str, request_path: str = "/", public=("example",)) -> bool:
        """Take a ``Set-Cookie`` line from *host*; tell whether it was heeded (5.7)."""
        stored = read(line, host, request_path, public)
        if stored is None:
            return False
        if stored.lifetime is not None and stored.lifetime <= 0:
            self.cookies.pop(stored.key, None)
        else:
            self.cookies[stored.key] = stored.value
        return True

    def header(self, host: str, path: str) -> str:
        """Return the ``Cookie`` header of a first-party request, longer paths first (5.8.3)."""
        sent = [
            (key, value)
            for key, value in self.cookies.items()
            if (key[1] == host if key[2] else host == key[1] or host.endswith("." + key[1]))
            and (path == key[3] or path.startswith(key[3] if key[3].endswith("/") else key[3] + "/"))
        ]
        sent.sort(key=lambda item: -len(item[0][3]))
        return "; ".join(f"{key[0]}={value}" if key[0] else value for key, value in sent)

"""A cookie jar as browsers have it, for tests: RFC 6265bis, 5.6 to 5.8, and CHIPS. It trusts nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass, field

PREFIXES = ("__secure-", "__host-", "__http-", "__host-http-")


@dataclass
class Jar:
    """What one browser keeps of one site on https; a cookie's identity is all that stands in the key."""

    #: (name, domain, host-only, path, partitioned) -> value
    cookies: dict[tuple[str, str, bool, str, bool], str] = field(default_factory=dict)

    def store(self, line: str, host: str, request_path: str = "/", public=("example",)) -> bool:
        """Take a ``Set-Cookie`` line from *host*; tell whether it was heeded (5.7)."""
        pair, *parts = line.split(";")
        name, _, value = (text.strip(" \t") for text in pair.partition("="))
        attributes = {}
        for part in parts:
            key, _, content = part.partition("=")
            attributes[key.strip(" \t").lower()] = content.strip(" \t")
        domain = attributes.get("domain", "").removeprefix(".").lower()
        if domain in public or (domain and host != domain and not host.endswith("." + domain)):
            return False
        path = attributes.get("path", "")
        if not path.startswith("/"):
            path = request_path.rpartition("/")[0] or "/"
        secure, partitioned = "secure" in attributes, "partitioned" in attributes
        prefix = next((p for p in reversed(PREFIXES) if name.lower().startswith(p)), None)
        if (partitioned or prefix) and not secure:
            return False
        if prefix and prefix.startswith("__host-") and (domain or attributes.get("path") != "/"):
            return False
        if prefix and prefix.endswith("http-") and "httponly" not in attributes:
            return False
        key = (name, domain or host, not domain, path, partitioned)
        if attributes.get("max-age", "1").startswith(("0", "-")):
            self.cookies.pop(key, None)
        else:
            self.cookies[key] = value
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
        return "; ".join(f"{key[0]}={value}" for key, value in sent)

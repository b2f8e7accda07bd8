"""A small browser: real sockets, its own cookie jar, forms filled in as a person would.

Room: example shop, the tour. Standard library alone. It keeps cookies as browsers do (RFC 6265bis, 5.7) and
remembers every ``Set-Cookie`` line that it was ever sent, kept or not.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

SECONDS = 20  # how long one answer may take on a busy machine
_CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Form:
    """A form on a page: where it goes, and what stands in it before anyone types."""

    action: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """An answer, as it came over the wire."""

    url: str
    status: int
    headers: list[tuple[str, str]]
    text: str

    @property
    def set_cookies(self) -> list[str]:
        """The lines that would set a cookie."""
        return self.all("Set-Cookie")

    def all(self, name: str) -> list[str]:
        """Return each value of the header *name*."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def json(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.text)

    def form(self, action: str) -> Form:
        """Return the form that goes to *action* (a path, or the beginning of one).

        Raises:
            LookupError: when there is none.
        """
        parser = _Forms()
        parser.feed(self.text)
        for form in parser.forms:
            target = urljoin(self.url, form.action)  # a form without an action goes where its page is
            if urlsplit(target).path.startswith(action):
                return Form(target, form.values)
        raise LookupError(f"{urlsplit(self.url).path} ({self.status}) has no form that goes to {action}")

    def asks(self, action: str) -> bool:
        """Tell whether there is a form that goes to *action*."""
        try:
            return bool(self.form(action))
        except LookupError:
            return False


class Browser:
    """One visitor's browser, on one loopback address.

    Parameters:
        origin: The only site it goes to.
        address: The loopback address that it comes from: all of 127.0.0.0/8 is ours.
        headers: Headers to send with each request, such as ``{"Sec-GPC": "1"}``.
    """

    def __init__(
        self, origin: str, address: str = "127.0.0.1", headers: dict[str, str] | None = None
    ) -> None:
        self.origin = origin
        self.address = address
        self.jar: dict[str, str] = {}
        self.offered: list[str] = []
        self._headers = headers or {}

    def get(self, path: str, *, referrer: str | None = None, method: str = "GET", **headers: str) -> Page:
        """Go to *path*, as by a link on *referrer*, and on to where that leads."""
        site = "none" if referrer is None else "cross-site"
        sent = {"Referer": referrer} if referrer else {}
        page = self._send(method, path, None, {"Sec-Fetch-Site": site, **sent, **_named(headers)})
        for _ in range(5):
            if page.status not in _REDIRECTS:
                break
            page = self._send("GET", page.all("Location")[0], None, {"Sec-Fetch-Site": site, **sent})
        return page

    def submit(self, page: Page, action: str, *, follow: bool = True, **typed: str) -> Page:
        """Fill in the form of *page* that goes to *action*, press its button, and follow where that leads."""
        form = page.form(action)
        return self.post(form.action, {**form.values, **typed}, referrer=page.url, follow=follow)

    def post(
        self, path: str, values: dict[str, str], *, referrer: str | None = None, follow: bool = True
    ) -> Page:
        """Send a form from a page of the site's own."""
        body = urlencode(values).encode()
        page = self._send(
            "POST", path, body, {"Sec-Fetch-Site": "same-origin", "Referer": referrer or self.origin}
        )
        if follow and page.status in _REDIRECTS:
            return self._send("GET", page.all("Location")[0], None, {"Sec-Fetch-Site": "same-origin"})
        return page

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Page:
        url = urlsplit(urljoin(self.origin, path))
        target = url.path + (f"?{url.query}" if url.query else "")
        sent = {
            "User-Agent": _CHROME,
            "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            "Accept-Language": "en-GB",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
            "Sec-Fetch-User": "?1",
            **self._headers,
            **headers,
        }
        if body is not None:
            sent |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        if cookies and "Cookie" not in sent:
            sent["Cookie"] = cookies
        connection = http.client.HTTPConnection(
            url.hostname or "", url.port, timeout=SECONDS, source_address=(self.address, 0)
        )
        try:
            connection.request(method, target, body, sent)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            page = Page(urljoin(self.origin, target), answer.status, answer.getheaders(), text)
        finally:
            connection.close()
        for line in page.set_cookies:
            self._keep(line, url.hostname or "")
        return page

    def _keep(self, line: str, host: str) -> None:
        self.offered.append(line)
        pair, *attributes = line.split(";")
        name, _, value = (part.strip() for part in pair.partition("="))
        said = {key.strip().lower(): text.strip() for key, _, text in (a.partition("=") for a in attributes)}
        if said.get("domain", host).lstrip(".") != host:
            return
        if said.get("max-age", "1").startswith(("0", "-")):
            self.jar.pop(name, None)
        else:
            self.jar[name] = value


class _Forms(HTMLParser):
    """Collects the forms of a page with their hidden and pre-filled fields."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = True
            self.forms.append(Form(said.get("action", "")))
        elif tag == "input" and self._inside and said.get("name"):
            ticked = said.get("type") not in ("checkbox", "radio") or "checked" in said
            if ticked and said.get("type") != "submit":
                self.forms[-1].values[said["name"]] = said.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}

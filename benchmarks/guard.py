"""What the cookie guard adds to a request, beside the floor, its peers, and hostile Cookie headers.

The floor is one plain function that takes the same decisions for the same site, with nothing of a library
around it. Peers that are installed (``secure``, ``flask-talisman``: the group ``benchmark``) are measured too;
neither looks at a cookie that comes in. CPU time, interleaved in random order, as in ``layers.py``.
"""

from __future__ import annotations

import random
import re
import statistics
import time
from importlib.util import find_spec
from typing import Any

from flask import Flask
from layers import environs, quiet, serve

from cactuprivacy import Cookie, CookieGuard

SITE = "https://shop.example"
NAMES = ("session", "csrftoken", "consent", "theme", "language", "basket")
COOKIES = [Cookie(name, purpose="to measure") for name in NAMES]
SECONDS, ROUNDS = 0.006, 40  # of a batch, which is shorter than a time slice
HEADER = 8190  # octets: the longest that gunicorn takes
PAIRS = 180  # the most that browsers keep for a site, and so that the guard looks at


def app(environ: Any, start_response: Any) -> list[bytes]:
    """Answer with a script: like a page it gets every header of the guard's, but nobody reads its body."""
    start_response("200 OK", [("Content-Type", "text/javascript; charset=utf-8"), ("Content-Length", "2")])
    return [b"ok"]


def page(environ: Any, start_response: Any) -> list[bytes]:
    """Answer with a small page."""
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "9")])
    return [b"<p>ok</p>"]


def flask_app() -> Flask:
    """Return the same page as Flask serves it."""
    made = Flask("benchmark")
    made.add_url_rule("/cacti/<int:number>", view_func=lambda number: "ok", endpoint="page")
    return made


SIGNALS = (
    "HTTP_COOKIE2",
    "HTTP_SEC_BROWSING_TOPICS",
    "HTTP_SEC_AD_AUCTION_FETCH",
    "HTTP_ATTRIBUTION_REPORTING_ELIGIBLE",
    "HTTP_ATTRIBUTION_REPORTING_SUPPORT",
    "HTTP_ATTRIBUTION_REPORTING_INFO",
    "HTTP_ATTRIBUTION_REPORTING_REGISTER_SOURCE",
    "HTTP_ATTRIBUTION_REPORTING_REGISTER_TRIGGER",
)
FIRST_PARTY = frozenset({"same-origin", "same-site", "none"})
# The names of response headers that no rule is about, as apps spell them.
INNOCENT = frozenset(
    {"Content-Type", "Content-Length", "Cache-Control", "Date", "ETag", "Last-Modified", "Server", "Vary"}
)
DOCUMENTS = re.compile(r"html\b|xml\b|script|unknown|mixed-replace|\*/|\A[^/]*\Z", re.IGNORECASE).search
VALUES = re.compile(r"=[!#-+\--:<-Z^-~]*(?:; (?!\Z))?").split
PLAIN = re.compile(r"([^\s=;,\"]+)=[!#-+\--:<-Z^-~]*").fullmatch


def floor(app: Any, policy: list[tuple[str, str]], declared: frozenset[str] = frozenset(NAMES)) -> Any:
    """Take the guard's decisions in one function, with *policy*, the headers that the guard adds.

    What the measured requests do not bring is done crudely here, but it is looked for as the guard does.
    """
    signals, innocent, first_party = SIGNALS, INNOCENT, FIRST_PARTY
    documents: dict[str, bool] = {}

    def guarding(environ: Any, start_response: Any) -> Any:
        if not environ.keys().isdisjoint(signals):
            for key in signals:
                environ.pop(key, None)
        header = environ.get("HTTP_COOKIE")
        if header is not None:
            site = environ.get("HTTP_SEC_FETCH_SITE")
            ours = (
                site in first_party
                or site is None
                or (
                    site == "cross-site"
                    and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
                    and environ.get("HTTP_SEC_FETCH_DEST") == "document"
                    and environ.get("REQUEST_METHOD") == "GET"
                )
            ) and "HTTP_SEC_FETCH_STORAGE_ACCESS" not in environ
            names = VALUES(header, len(declared)) if ours and len(header) <= 16384 else [header]
            if names.pop() or not 0 < len(declared.intersection(names)) == len(names):
                found = [PLAIN(pair) for pair in header.split("; ") if ours]
                environ["HTTP_COOKIE"] = "; ".join(pair[0] for pair in found if pair and pair[1] in declared)

        def starting(status: str, headers: Any, exc_info: Any = None) -> Any:
            plain = status.isprintable()
            page = None
            for name, value in headers:
                if "\n" in value or "\r" in value or name not in innocent:
                    plain = False
                elif name == "Content-Type":
                    if value not in documents:
                        documents[value] = DOCUMENTS(value) is not None
                    page = page or documents[value]
            if not plain:
                headers = [(name, value) for name, value in headers if name in innocent]
                status = status.splitlines()[0]
            if page is not False and not status.startswith(("1", "204", "304")):
                headers = headers + policy
            if exc_info is None:
                return start_response(status, headers)
            return start_response(status, headers, exc_info)

        return app(environ, starting)

    return guarding


def requests(cookies: bool) -> list[dict[str, Any]]:
    """Return requests as a browser makes them, with six cookies of the usual lengths."""
    made = environs(cookies=False)
    lengths = (70, 32, 19, 25, 25, 60)
    dice = random.Random(1)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    for environ in made if cookies else ():
        environ["HTTP_COOKIE"] = "; ".join(
            f"{name}={''.join(dice.choices(letters, k=length))}"
            for name, length in zip(NAMES, lengths, strict=True)
        )
    return made


def filled(pair: Any, between: str = "; ") -> str:
    """Return as many pairs as fit, each as long as lets all of them fit."""
    length = HEADER // PAIRS - len(between)
    return between.join(pair(number, length) for number in range(PAIRS))


def hostile() -> dict[str, str]:
    """Return Cookie headers of 8 kB, made to be dear, by what is in them."""
    first = NAMES[0]
    dice = random.Random(2)

    def named(name: str) -> Any:
        return lambda number, length: f"{name}{number:03}=".ljust(length, "v")

    def twin(number: int, length: int) -> str:
        return ("".join(map(dice.choice, zip(first, first.upper(), strict=True))) + "=").ljust(length, "v")

    def again(number: int, length: int) -> str:
        return f"{NAMES[number % len(NAMES)]}={number:03}".ljust(length, "v")

    return {
        "short undeclared pairs, a1=1; a2=2": "; ".join(f"a{number}={number}" for number in range(2000))[
            :HEADER
        ],
        "180 undeclared pairs": filled(named("a")),
        "180 undeclared names, long ones": filled(lambda number, length: f"{number:03}=v".rjust(length, "n")),
        "180 names that begin as a declared one": filled(named(first)),
        "180 names with a prefix": filled(named("__Host-")),
        "180 spellings of a declared name": filled(twin),
        "180 values of one declared name": filled(
            lambda number, length: f"{first}={number:03}".ljust(length, "v")
        ),
        "180 values of the declared names": filled(again),
        "180 lines joined by commas": filled(again, ", "),
        "180 commas in values": filled(lambda number, length: f"{first}=a,{number:03}".ljust(length, "v")),
        "180 open quotes": filled(lambda number, length: f'{NAMES[number % 6]}="'.ljust(length, "v")),
        "180 pairs of no ASCII": filled(lambda number, length: f"\xe4{number:03}=".ljust(length, "\xf6")),
        "180 pairs among tabs": filled(lambda number, length: f"\t a{number:03}\t =\t".ljust(length)),
        "a long value, declared": f"{first}=".ljust(HEADER, "v"),
        "a long value, declared, but for its end": f"{first}=".ljust(HEADER - 1, "v") + '"',
        "a long value, undeclared": "a=".ljust(HEADER, "v"),
        **{f"nothing but {name}": sign * HEADER for name, sign in SIGNS.items()},
        "chance": "".join(chr(dice.randrange(1, 256)) for _ in range(HEADER)),
    }


SIGNS = {"semicolons": ";", "equals signs": "=", "quotes": '"', "commas": ",", "blanks": " ", "NUL": "\0"}


def main() -> None:
    """Measure, and print tables."""
    guard = CookieGuard(app, SITE, cookies=COOKIES)
    seen: list[tuple[str, str]] = []
    guard({"REQUEST_METHOD": "GET"}, lambda status, headers: seen.extend(headers))
    contenders = {
        "bare app": app,
        "floor": floor(app, seen[2:]),
        "CookieGuard": guard,
        "CookieGuard, around a page": CookieGuard(page, SITE, cookies=COOKIES),
    }
    if find_spec("secure"):
        from secure import Secure  # type: ignore[import-not-found]  # in the group benchmark only
        from secure.middleware import SecureWSGIMiddleware  # type: ignore[import-not-found]  # as above

        contenders["secure"] = SecureWSGIMiddleware(app, secure=Secure.with_default_headers())
    for title, pool in (
        ("6 declared cookies", requests(cookies=True)),
        ("no cookies", requests(cookies=False)),
    ):
        added = measure({name: (contender, pool) for name, contender in contenders.items()}, title)
        for peer in added:
            if peer in ("floor", "secure"):
                print(f"CookieGuard / {peer}: {added['CookieGuard'] / added[peer]:.2f}")
        print()

    guarded = flask_app()
    guarded.wsgi_app = CookieGuard(guarded.wsgi_app, SITE, cookies=COOKIES)  # type: ignore[method-assign]  # Flask's way
    flasks = {"bare app": flask_app(), "CookieGuard": guarded}
    if find_spec("flask_talisman"):
        from flask_talisman import Talisman  # type: ignore[import-not-found]  # in the group benchmark only

        flasks["Flask-Talisman"] = flask_app()
        Talisman(flasks["Flask-Talisman"])
    added = measure(
        {name: (flask, requests(cookies=True)) for name, flask in flasks.items()},
        "on Flask, 6 declared cookies",
    )
    if "Flask-Talisman" in added:
        print(f"CookieGuard / Flask-Talisman: {added['CookieGuard'] / added['Flask-Talisman']:.2f}")
    print()

    pools = {
        name: [{**environ, "HTTP_COOKIE": text} for environ in environs(False)]
        for name, text in hostile().items()
    }
    added = measure(
        {
            "bare app": (app, requests(cookies=True)),
            "a usual one": (guard, requests(cookies=True)),
            **{name: (guard, pool) for name, pool in pools.items()},
        },
        "a Cookie header of 8 kB: CookieGuard",
        beside="a usual one",
    )


def measure(
    contenders: dict[str, tuple[Any, list[dict[str, Any]]]], title: str, *, beside: str | None = None
) -> dict[str, float]:
    """Run every contender in random order, round by round; print and return what each adds to the first."""
    counts = {name: calibrated(*contender) for name, contender in contenders.items()}
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name in random.sample(list(contenders), len(contenders)):
            serve(*contenders[name], counts[name] // 4 + 1)
            spent[name].append(timed(*contenders[name], counts[name]))
    bare, *others = contenders
    added = {name: quiet(times) - quiet(spent[bare]) for name, times in spent.items()}
    medians = {
        name: statistics.median(times) - statistics.median(spent[bare]) for name, times in spent.items()
    }
    last = f" × {beside} |" if beside else ""
    print(f"| {title} | quiet | median |{last}\n| --- | ---: | ---: |{' ---: |' if beside else ''}")
    for name in others:
        ratio = f" {added[name] / added[beside]:.1f} |" if beside else ""
        print(f"| {name} | {added[name]:.2f} | {medians[name]:.2f} |{ratio}")
    print()
    return added


def timed(application: Any, pool: list[dict[str, Any]], count: int) -> float:
    """Return the CPU microseconds of a request."""
    began = time.process_time()
    serve(application, pool, count)
    return (time.process_time() - began) / count * 1e6


def calibrated(application: Any, pool: list[dict[str, Any]]) -> int:
    """Return how many requests make a batch."""
    return max(20, int(SECONDS * 1e6 / min(timed(application, pool, 100) for _ in range(5))))


if __name__ == "__main__":
    main()

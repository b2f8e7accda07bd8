"""What each layer adds to a request, side by side in one run: ``make benchmark``.

CPU time per request in batches, interleaved in random order, over the same 64 requests (12 browser headers,
6 cookies). Read the ratios: microseconds follow the machine. The 10th percentile ("quiet") is what repeats.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cactuprivacy import (
    AffiliateAttribution,
    AffiliateProgram,
    Affiliates,
    Cookie,
    CookieGuard,
    JsonLinesSink,
    Middleware,
    Privacy,
    VisitLog,
    VisitLogger,
)

KEY = "k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"
NAMES = ("session", "csrf", "theme", "language", "seen", "basket")
BATCH, ROUNDS = 2000, 30


def app(environ: Any, start_response: Any) -> list[bytes]:
    """Answer as small as can be."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


def by_hand(environ: Any, start_response: Any) -> Any:
    """Wrap start_response as one would by hand: the floor for a layer."""

    def starting(status: str, headers: Any, exc_info: Any = None) -> Any:
        return (
            start_response(status, headers) if exc_info is None else start_response(status, headers, exc_info)
        )

    return app(environ, starting)


class Passing(Middleware):
    """A layer that looks at each response and does nothing."""

    def start(self, exchange: Any) -> None:
        """Do nothing."""


def environs(cookies: bool) -> list[dict[str, Any]]:
    """Return 64 requests as a browser makes them."""
    made = []
    for number in range(64):
        environ = {
            "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": f"/cacti/{number}", "QUERY_STRING": "page=2",
            "REMOTE_ADDR": f"203.0.113.{number}", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "https",
            "HTTP_HOST": "shop.example", "HTTP_ACCEPT": "text/html,*/*;q=0.8", "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.5",
            "HTTP_USER_AGENT": f"Mozilla/5.0 (X11; Linux x86_64; rv:{number}.0)", "HTTP_REFERER": f"https://blog.example/{number}",
            "HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "document",
        }  # fmt: skip
        if cookies:
            environ["HTTP_COOKIE"] = "; ".join(f"{name}=v{number}{name}" for name in NAMES)
        made.append(environ)
    return made


def main() -> None:
    """Measure, and print a table."""
    folder = Path(tempfile.mkdtemp())
    cookies = [Cookie(name, purpose="to measure") for name in NAMES]
    program = AffiliateProgram(
        Affiliates(basis="reward"), site="https://shop.example", keys=[KEY], store=f"sqlite:///{folder}/a.db"
    )
    privacy = Privacy(
        "https://shop.example",
        operator="Benchmark",
        contact="b@shop.example",
        secret_keys=[KEY],
        database=f"sqlite:///{folder}/p.db",
        cookies=cookies,
        affiliates=Affiliates(),
        visits=VisitLog(),
    )
    contenders = {
        "bare app": app,
        "bare app again (the noise)": app,
        "start_response wrapped by hand": by_hand,
        "Middleware that passes": Passing(app),
        "CookieGuard": CookieGuard(app, "https://shop.example", cookies=cookies),
        "AffiliateAttribution": AffiliateAttribution(app, program),
        "VisitLogger, JSON lines": VisitLogger(app, sinks=[JsonLinesSink(folder / "visits.jsonl")]),
        "Privacy, all of it": privacy(app),
    }
    print(f"Python {sys.version.split()[0]}; added CPU microseconds per request, writer threads included\n")
    for cookied in (True, False):
        measure(contenders, environs(cookied), "6 declared cookies" if cookied else "no cookies")
    privacy.close()


def measure(contenders: dict[str, Any], pool: list[dict[str, Any]], title: str) -> None:
    """Run every contender in random order, round by round."""
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name in random.sample(list(contenders), len(contenders)):
            serve(contenders[name], pool, 200)
            began = time.process_time()
            serve(contenders[name], pool, BATCH)
            spent[name].append((time.process_time() - began) / BATCH * 1e6)
    bare = {"quiet": quiet(spent["bare app"]), "median": statistics.median(spent["bare app"])}
    print(f"| {title} | quiet | median |\n| --- | ---: | ---: |")
    for name, times in spent.items():
        if name != "bare app":
            print(
                f"| {name} | {quiet(times) - bare['quiet']:.2f} | {statistics.median(times) - bare['median']:.2f} |"
            )
    print()


def serve(application: Any, pool: list[dict[str, Any]], count: int) -> None:
    """Serve *count* requests as a server does."""
    for number in range(count):
        body = application({**pool[number % len(pool)]}, respond)
        for _chunk in body:
            pass
        close = getattr(body, "close", None)
        if close is not None:
            close()


def respond(status: str, headers: Any, exc_info: Any = None) -> Any:
    """Take a response as a server does."""
    return len


def quiet(times: list[float]) -> float:
    """Return the 10th percentile."""
    return statistics.quantiles(times, n=10)[0]


if __name__ == "__main__":
    main()

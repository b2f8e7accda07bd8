"""What ``AffiliateAttribution`` adds to a request over a layer that passes: ``python benchmarks/affiliates.py``.

CPU time per request in batches, interleaved in random order. Read the differences: microseconds follow the machine.
The 10th percentile ("quiet") is what repeats.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cactuprivacy import AffiliateAttribution, AffiliateProgram, Affiliates, Middleware
from cactuprivacy.affiliates.claim import Touch, today

KEY = "k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"
BATCH, ROUNDS = 2000, 40
OTHERS = "; ".join(f"{name}=value-of-{name}" for name in ("session", "csrf", "theme", "language", "basket"))


def app(environ: Any, start_response: Any) -> list[bytes]:
    """Answer as small as can be."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


class Passing(Middleware):
    """A layer that looks at each request and response, and does nothing."""

    def open(self, exchange: Any) -> None:
        """Do nothing."""

    def start(self, exchange: Any) -> None:
        """Do nothing."""


def request(**more: str) -> dict[str, Any]:
    """Return a request as a browser makes it."""
    return {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/cacti/saguaro", "QUERY_STRING": "page=2&sort=price",
        "REMOTE_ADDR": "203.0.113.7", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "https",
        "HTTP_HOST": "shop.example", "HTTP_ACCEPT": "text/html,*/*;q=0.8", "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.5",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "document",
        "HTTP_COOKIE": OTHERS,
        **more,
    }  # fmt: skip


def main() -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        made = [
            AffiliateProgram(
                Affiliates(basis="exempt", **options),
                site="https://shop.example",
                keys=[KEY],
                store=f"sqlite:///{Path(folder, 'a.db')}",
            )
            for options in (
                {},
                {
                    "parameter": ("af", "ref"),
                    "path": "/r",
                    "legacy_path": "/aftrack.asp",
                    "campaigns": ["summer"],
                },
            )
        ]
        plain, everything = made
        plain.add("alice")
        plain.approve("alice")
        held = f"{OTHERS}; {plain.cookie.name}={plain.signer.sign(Touch('alice', today()))}"
        attributing = AffiliateAttribution(app, plain)
        contenders = {
            "a layer that passes": (Passing(app), request()),
            "a layer that passes, again (the noise)": (Passing(app), request()),
            "no link, no claim": (attributing, request()),
            "no link, no claim, every kind of link declared": (
                AffiliateAttribution(app, everything),
                request(),
            ),
            "no link, a claim": (attributing, request(HTTP_COOKIE=held)),
            "a link, its claim is there": (attributing, request(QUERY_STRING="af=alice", HTTP_COOKIE=held)),
            "a link that a crawler follows": (
                attributing,
                request(QUERY_STRING="af=alice", HTTP_USER_AGENT="Googlebot/2.1"),
            ),
        }
        print(f"Python {sys.version.split()[0]}; CPU microseconds per request over the layer that passes\n")
        measure(contenders)
        for program in made:
            program.close()
            program.store.dispose()


def measure(contenders: dict[str, tuple[Any, dict[str, Any]]]) -> None:
    """Run every contender in random order, round by round."""
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name in random.sample(list(contenders), len(contenders)):
            application, environ = contenders[name]
            serve(application, environ, 100)
            began = time.process_time()
            serve(application, environ, BATCH)
            spent[name].append((time.process_time() - began) / BATCH * 1e6)
    floor = {
        "quiet": quiet(spent["a layer that passes"]),
        "median": statistics.median(spent["a layer that passes"]),
    }
    print("| request | quiet | median |\n| --- | ---: | ---: |")
    for name, times in spent.items():
        print(
            f"| {name} | {quiet(times) - floor['quiet']:.2f} | {statistics.median(times) - floor['median']:.2f} |"
        )


def serve(application: Any, environ: dict[str, Any], count: int) -> None:
    """Serve *count* requests as a server does."""
    for _ in range(count):
        body = application({**environ}, respond)
        for _chunk in body:
            pass


def respond(status: str, headers: Any, exc_info: Any = None) -> Any:
    """Take a response as a server does."""
    return len


def quiet(times: list[float]) -> float:
    """Return the 10th percentile."""
    return statistics.quantiles(times, n=10)[0]


if __name__ == "__main__":
    main()

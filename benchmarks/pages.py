"""What the cookie guard's reading of pages costs, beside what else is done to a page: rendering and packing it.

The page is a list of products, clean as nearly all pages are. CPU time, interleaved, as in ``layers.py``.
"""

from __future__ import annotations

import random
import time
import zlib
from typing import TYPE_CHECKING

from jinja2 import Environment
from layers import quiet

from cactuprivacy import Site
from cactuprivacy.cookies.hosts import Hosts
from cactuprivacy.cookies.page import PageFilter

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPLATE = Environment(autoescape=True).from_string(
    """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Cacti</title>
{% for sheet in range(6) %}<link rel="stylesheet" href="/static/{{ sheet }}.css">{% endfor %}
<link rel="icon" href="/favicon.ico"><script src="/static/shop.js" defer></script></head>
<body><form action="/search"><input name="q"></form>
{% for number in range(count) %}<article><h2><a href="/product/{{ number }}" title="A cactus">{{ number }}</a></h2>
<p>{{ "It's spiny, and needs little water & a sunny window." }} Shipping is easy.</p>
<img src="/images/{{ number }}.jpg" alt="" loading="lazy"><span class="price">12.50</span></article>
{% endfor %}</body></html>
"""
)
ROUNDS = 40
STRANGE = Hosts(Site("https://shop.example"), {}).strange


def read(page: bytes, step: int) -> None:
    """Read *page* as it comes, in chunks of *step* bytes."""
    reader = PageFilter(STRANGE, lambda _: None)
    sent = [reader.feed(page[at : at + step]) for at in range(0, len(page), step)]
    if b"".join([*sent, reader.end()]) != page:
        raise SystemExit("The page is clean, and was changed.")


def main() -> None:
    """Measure, and print a table."""
    print("| a page of | read at once | read in chunks of 4 kB | rendered by Jinja | packed by gzip |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for count in (0, 20, 200):
        page = TEMPLATE.render(count=count).encode()

        def render(count: int = count) -> None:
            TEMPLATE.render(count=count)

        def pack(page: bytes = page) -> None:
            zlib.compress(page, wbits=31)

        def whole(page: bytes = page) -> None:
            read(page, len(page))

        def chunks(page: bytes = page) -> None:
            read(page, 4096)

        costs = measure([whole, chunks, render, pack])
        print(f"| {len(page) / 1000:.1f} kB | {' | '.join(f'{cost:.0f} µs' for cost in costs)} |")


def measure(steps: list[Callable[[], None]]) -> list[float]:
    """Return the microseconds that each step takes, quiet, in one run."""
    spent: dict[int, list[float]] = {at: [] for at in range(len(steps))}
    for _ in range(ROUNDS):
        for at in random.sample(range(len(steps)), len(steps)):
            began = time.process_time()
            for _ in range(20):
                steps[at]()
            spent[at].append((time.process_time() - began) / 20 * 1e6)
    return [quiet(times) for times in spent.values()]


if __name__ == "__main__":
    main()

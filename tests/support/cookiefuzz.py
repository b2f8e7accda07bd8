"""Throws headers of its own making at a guard, both ways, until one proves it wrong: ``make fuzz``.

    python tests/support/cookiefuzz.py [HEADERS] [SEED]

Half are written by a grammar of what browsers, servers and attackers send, half are mutations of such. The same
seed makes the same headers. What must hold of each is in ``cookieproof``; the first that it does not hold of is
made small, printed, and ends the run with 1. All values are made up.
"""

from __future__ import annotations

import logging
import random
import sys
import time
from typing import TYPE_CHECKING, Any

from cookieproof import NAMES, Proof

if TYPE_CHECKING:
    from collections.abc import Callable

HEADERS, SEED = 1_000_000, 2026

DECLARED = sorted(NAMES)
# fmt: off
ODD = [
    "Session", "SESSION", "__HOST-sid", "__host-sid", "__Host-Sid", "__Host-other", "__Secure-a", "__secure-a",
    "__Http-a", "__Host-Http-a", "__host-http-a", "_ga", "_fbp", "other", "$Version", "$Path", "$Domain", "",
    "\xa0session", "\x0bsession", "\x85__Host-sid", "\xe2\x80\x80__Host-sid", "session\x00", "ses sion",
    '"session"', "session[", "%73ession", "sess\\ion", "session,", "__Host-", "Path", "Expires", "Domain",
    "Max-Age", "Secure", "HttpOnly", "expires", "path", "comment", "__proto__", "a,b", "\u20ac",
]
VALUES = [
    "1", "", "abc123", "a=b", "=", "==", '""', '"1"', '"a=b"', "[1]", "x[_ga=1]", "a]session=2", "{}", "a%3Bb",
    '"', '"a', 'a"', 'a"b', '"a"b"', '"x; _ga=1; __Host-sid=evil"', '"a\\"b"', "\\", '"\\073"', '"\\"', "a b",
    "a,b", ",", "1,session=2", "1,__Host-sid=evil", "1, basket=2", "1,,2", "a\tb", "a\x00b", "a\x0bb", "\xe4",
    "\xe2\x80\x80", "\xa0", "\x85", "\x7f", "a\r\nb", "(a)", "<a>", "a@b", "a/b", "?", ":", "a:b", "'", "~",
    "Thu, 01 Jan 1970 00:00:00 GMT", "expires", "; ", "=;=", "\x1c", "\x1e1", "\u2028", "x" * 90,
]
JOINTS = ["; ", "; ", "; ", ";", ", ", ",", " ; ", ";\t", ";;", "; ; ", ";\xa0", ";\x0b", "\n", "&", " "]
HOSTILE = [
    *'";,=\\[]{}()<> \t$', "\x00", "\x0b", "\x0c", "\x1f", "\x7f", "\x85", "\xa0", "\xe4", "\r\n", "; ", "__Host-",
    "session=", "__Host-sid=", "\xe2\x80\x80", '="', '";', "\\073", "Secure", "; Path=/", "; Domain=",
]
ATTRIBUTES = [
    "Secure", "secure", "HttpOnly", "Partitioned", "Path=/", "Path=/a", "Path=a", "Path", "path = /", "Path=/a,b",
    "Domain=", "Domain=.shop.example", "Domain=shop.example", "Domain=www.shop.example", "Domain=ads.example",
    "Domain=example", "Domain=.", "Domain=..shop.example", "Domain=shop.example.", "domain=SHOP.example",
    "Domain=xn--shp-sna.example", "Domain=sh\xf6p.example", 'Domain="shop.example"', "Domain=a.www.shop.example",
    "SameSite=None", "samesite=lax", "SameSite=Strict", "SameSite", "SameSite=x", "SameSite=\xa0None",
    "Max-Age=0", "Max-Age=60", "Max-Age=-1", "Max-Age=99999999999", "Max-Age=x", "Max-Age=", "Max-Age=+1",
    "Max-Age=0000", "Max-Age=-0", "Max-Age=1.5", "Max-Age=\xb2", "max-age = 60",
    "Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Expires=Fri, 17 May 2090 17:46:40 GMT", "Expires=x", "Expires=",
    "Expires=Sunday, 06-Nov-69 08:49:37 GMT", "Expires=Sun Nov  6 08:49:37 1994", "Expires=6 nov 70 8:4:3 x",
    "Expires=30 Feb 2090 00:00:00", "Expires=1 Jan 1600 00:00:00", "expires=1jan 2090 24:00:00",
    "Priority=High", "SameParty", "Version=1", "", "=", "=x", "x" * 20, "Comment=a,b", "a\x00", "\xe4=\xe4",
]
# fmt: on


class Maker:
    """Makes headers: a grammar, and mutations of what it has made before.

    Parameters:
        seed: The same seed makes the same headers.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._made: dict[bool, list[str]] = {False: ["session=1"], True: ["session=1; Path=/"]}

    def cookie(self) -> str:
        """Return a ``Cookie`` header."""
        return self._make(False, self._pairs)

    def set_cookie(self) -> str:
        """Return the value of a ``Set-Cookie``."""
        return self._make(True, self._line)

    def set_cookies(self) -> list[str]:
        """Return the lines of one response."""
        return [self.set_cookie() for _ in range(self._random.randrange(2, 6))]

    def _make(self, outgoing: bool, grammar: Callable[[], str]) -> str:
        made = self._made[outgoing]
        fresh = self._random.random() < 0.5
        header = grammar() if fresh else self._mutated(self._random.choice(made), self._random.choice(made))
        if len(header) < 400:
            if len(made) < 4096:
                made.append(header)
            else:
                made[self._random.randrange(4096)] = header
        return header

    def _name(self) -> str:
        return self._random.choice(DECLARED if self._random.random() < 0.6 else ODD)

    def _value(self) -> str:
        return self._random.choice(VALUES) if self._random.random() < 0.7 else f"v{self._random.random()}"

    def _pairs(self) -> str:
        chance = self._random.random
        joint = self._random.choice(JOINTS)
        header = ""
        for number in range(self._random.randrange(1, 7)):
            if number:
                header += joint if chance() < 0.7 else self._random.choice(JOINTS)
            equals = "=" if chance() < 0.9 else self._random.choice(["", " = ", "==", "\t=", "=\xa0"])
            header += self._name() + equals + self._value()
        if chance() < 0.002:  # beyond the bounds
            header += self._random.choice([";", ",", "; _ga=1", ", a=1", "x", '"']) * self._random.randrange(
                20_000
            )
        return header

    def _line(self) -> str:
        parts = [f"{self._name()}={self._value()}"]
        parts += self._random.choices(ATTRIBUTES, k=self._random.randrange(6))
        line = ("; " if self._random.random() < 0.8 else ";").join(parts)
        if self._random.random() < 0.01:
            line = line.replace("=", "=" + "x" * self._random.choice([900, 1020, 1025, 4080, 4090, 4097]), 1)
        return line

    def _mutated(self, header: str, other: str) -> str:
        pick = self._random.randrange
        for _ in range(pick(1, 4)):
            start = pick(len(header) + 1)
            end = min(len(header), start + pick(12))
            change = pick(6)
            if change == 0:
                header = header[:start] + header[end:]
            elif change == 1:
                header = header[:start] + self._random.choice(HOSTILE) + header[start:]
            elif change == 2:
                header = header[:start] + self._random.choice(HOSTILE) + header[end:]
            elif change == 3:
                header = header[:end] + header[start:]
            elif change == 4:
                header = header[:start] + other[pick(len(other) + 1) :]
            else:
                header = header[:start] + chr(pick(256)) + header[start + 1 :]
        return header[:20_000]


def smallest(header: str, fault: Callable[[str], str | None]) -> str:
    """Return *header* with all taken out without which there is still a fault."""
    size = len(header) // 2 or 1
    while size:
        start = 0
        while start < len(header):
            shorter = header[:start] + header[start + size :]
            if fault(shorter):
                header = shorter
            else:
                start += size
        size //= 2
    return header


class Loud(logging.Handler):
    """Turns the error that a layer logs when its own code broke into a fault of the header."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            raise AssertionError(record.getMessage())


def run(headers: int, seed: int, progress: Callable[[int], None] = lambda _: None) -> str:
    """Prove the guard on as many headers each way, under both of its policies, and return the figures.

    Raises:
        AssertionError: with the smallest header that the guard is wrong about.
    """
    maker = Maker(seed)
    strict, lenient = Proof(), Proof("allow")
    entered = left = 0
    for number in range(headers):
        proof = lenient if number % 2 else strict
        entered += len(_proved(proof, "Cookie", proof.entering, maker.cookie()))
        left += _proved(proof, "Set-Cookie", proof.leaving, maker.set_cookie()) is not None
        if number % 16 < 2:
            lines = maker.set_cookies()
            try:
                proof.together(lines)
            except AssertionError as error:
                raise AssertionError(f"Set-Cookie, together: {lines!r}: {error}") from error
        if number % 5_000 == 0:
            progress(number)
    refused = strict.guard.refused + lenient.guard.refused
    by_rule = ", ".join(f"{rule} {count:,}" for (rule, _), count in sorted(refused.items()))
    return f"{entered:,} cookies entered, {left:,} left; refused: {by_rule}"


def _proved(proof: Proof, kind: str, prove: Callable[[str], Any], header: str) -> Any:
    def fault(header: str) -> str | None:
        try:
            prove(header)
        except AssertionError as error:
            return str(error) or "an assertion failed"
        return None

    try:
        return prove(header)
    except AssertionError as error:
        small = smallest(header, fault)
        policy = "strip" if proof.strict else "allow"
        raise AssertionError(f"{kind} ({policy}): {small!r}: {fault(small)}") from error


def main() -> int:
    """Run, and tell."""
    headers, seed = [*map(int, sys.argv[1:]), *(HEADERS, SEED)[len(sys.argv) - 1 :]]
    logging.getLogger("cactuprivacy").addHandler(Loud())
    logging.getLogger("cactuprivacy.cookies").setLevel(logging.ERROR)
    began = time.monotonic()

    def progress(done: int) -> None:
        sys.stderr.write(f"\r{done:,} headers each way, {time.monotonic() - began:.0f} s ")
        sys.stderr.flush()

    try:
        figures = run(headers, seed, progress)
    except AssertionError as error:
        sys.stdout.write(f"\nFOUND, seed {seed}: {error}\n")
        return 1
    spent = time.monotonic() - began
    sys.stdout.write(
        f"\n{headers:,} headers each way, seed {seed}, {spent:.0f} s: nothing found. {figures}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Clause 3, cookies: what the app tries for others does not leave, what others have set does not enter.

Room: example shop, the tour. What is tried stands in ``attempts``, by whom it is tried in ``hostile``; here it is
played over raw sockets, and judged by what is left of it and by the rule that the guard gave for it.
"""

from __future__ import annotations

import json
from html import unescape
from itertools import groupby
from os import SEEK_END
from typing import TYPE_CHECKING, NamedTuple

from attempts import ATTEMPTS, GROUPS

from touring.scene import LINK
from touring.wire import Answer, ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attempts import Attempt, Lines

    from touring.browser import Browser
    from touring.scene import Scene
    from touring.server import ShopServer

_TYPED = (("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"))
# Of the server's own, and by the rule O20 of every answer with a cookie.
_OF_NO_INTEREST = ("date", "server", "content-length", "connection", "cache-control")
_STRAYS = "_ga=GA1.1.999.888; _fbp=fb.1.2.3; session=mine"
_LONG = 200  # letters


class Outcome(NamedTuple):
    """What came of an attempt.

    Attributes:
        left: What was left of it, line by line.
        rules: The rules by which the guard said that it refused something.
    """

    left: tuple[str, ...]
    rules: frozenset[str]

    def changed(self, attempt: Attempt) -> tuple[str, ...]:
        """Return what was left; of a page, which is left whole, only the words that are no longer what they were."""
        if not attempt.page:
            return self.left
        return tuple(word for line in self.left for word in line.split() if word not in attempt.page.split())

    def __repr__(self) -> str:
        rules = "refused by " + ", ".join(sorted(self.rules)) if self.rules else "refused by nobody"
        return f"{rules}; left: {_short(self.left)}"


def hostile_app(scene: Scene) -> None:
    """The app and strangers try all that the policy forbids; the wire shows what is left of it."""
    report, ann = scene.report, scene.visitor()
    report.show(f"{len(ATTEMPTS)} attempts over raw sockets, below the rules that they break")
    usual = frozenset(_lines(_ask(scene.server, ann, "/hostile/nothing", _TYPED)))
    with scene.server.beside() as early:
        for title, group in ((title, group) for title, group in GROUPS.items() if group):
            report.group(title, ("what is tried", "→ what’s left"))
            for rule, attempts in groupby(group, lambda attempt: attempt.rule):
                played = [(attempt, *_play(scene, early, ann, attempt, usual)) for attempt in attempts]
                sentences = (why for _, _, why in played if why)
                report.rule(rule, next(sentences, "nothing was refused by this rule"))
                for attempt, outcome, _ in played:
                    report.row(
                        attempt.tried,
                        Outcome(attempt.left, frozenset({rule})),
                        outcome,
                        (_short(attempt.lines), f"→ {_short(outcome.changed(attempt))}"),
                    )
    forgotten(scene, ann)


def forgotten(scene: Scene, ann: Browser) -> None:
    """What strangers' scripts have set in the browser is forgotten; a frame elsewhere gets nothing."""
    check = scene.report.check
    answer = _ask(scene.server, ann, "/", (("Cookie", _STRAYS), *_TYPED))
    lost = sorted({line.partition("=")[0] for line in answer.all("Set-Cookie") if forgets(line)})
    check(
        "A request brings _ga and _fbp: the answer makes the browser forget those two, and no other",
        ["_fbp", "_ga"],
        lost,
    )
    page = ann.get(LINK, referrer="https://ads.example/", Sec_Fetch_Dest="iframe")
    check("Inside a stranger’s frame the affiliate’s link sets nothing", [], page.set_cookies)


def _play(
    scene: Scene, early: ShopServer, ann: Browser, attempt: Attempt, usual: frozenset[str]
) -> tuple[Outcome, str]:
    """Play one attempt. Returns what came of it, and the guard's sentence about it."""
    scene.report.trying(f"{attempt.rule}  {attempt.tried}")
    server = early if attempt.exit == "early hints" else scene.server
    context = () if any(name.startswith("Sec-Fetch") for name, _ in attempt.asks) else _TYPED
    told = scene.folder / "refusals.jsonl"
    told.touch()
    with told.open() as refusals:
        refusals.seek(0, SEEK_END)
        answer = _ask(server, ann, f"/hostile/{ATTEMPTS.index(attempt)}", (*attempt.asks, *context))
        verdicts = [json.loads(line) for line in refusals]
    left = tuple(line for line in _lines(answer) if line not in usual)
    why = next((verdict["reason"] for verdict in verdicts), "")
    return Outcome(left, frozenset(verdict["rule"] for verdict in verdicts)), why


def _ask(server: ShopServer, ann: Browser, path: str, headers: Lines) -> Answer:
    answer = ask(server.port, path, headers, address=ann.address)
    ann.offered += answer.all("Set-Cookie")  # for the sum at the end of the tour
    return answer


def _lines(answer: Answer) -> list[str]:
    """Return what a browser heeds of an answer, line by line: headers, and the page."""
    heeded = [
        f"{name}: {value}"
        for name, _, value in (line.partition(": ") for line in answer.headers)
        if name.lower() not in _OF_NO_INTEREST and not (name == "Set-Cookie" and forgets(value))
    ]
    # Of several referrer policies browsers heed the last (Referrer Policy, 8.1).
    policies = [line for line in heeded if line.startswith("Referrer-Policy: ")]
    ignored = policies[:-1]
    return [line for line in heeded if line not in ignored] + [unescape(line) for line in answer.body]


def _short(lines: Sequence[str]) -> str:
    """Return *lines* as they are told: in one, and of cookies without the header's name."""
    text = " + ".join(line.removeprefix("Set-Cookie: ").removeprefix("Cookie: ") for line in lines)
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text) or "nothing"
    return shown if len(shown) <= _LONG else f"{shown[:_LONG]}… ({len(text)} letters)"


def whole_tour(scene: Scene) -> None:
    """Every cookie of the whole tour, on every answer, was one that the policy page declares."""
    declared = declared_names(scene)
    # A line that forgets a stray cookie sets none.
    offered = (line for browser in scene.browsers for line in browser.offered)
    lines = [line for line in offered if not forgets(line)]
    names = sorted({line.partition("=")[0] for line in lines})
    scene.report.check(
        "Every Set-Cookie of this tour is declared on the policy page, ours alone, and first-party",
        [],
        faults(lines, declared),
        f"{len(lines)} lines on the wire, to {len(scene.browsers)} browsers: {', '.join(names)}",
    )


def forgets(line: str) -> bool:
    """Tell whether a ``Set-Cookie`` only makes the browser forget a cookie."""
    return line.partition("; ")[0].endswith("=") and "; Max-Age=0;" in line


def declared_names(scene: Scene) -> set[str]:
    """Return the cookies that the policy page declares."""
    policy = scene.visitor().get("/privacy/policy.json").json()
    return {cookie["name"] for cookie in policy["cookies"]}


def faults(lines: list[str], declared: set[str]) -> list[str]:
    """Return those of the ``Set-Cookie`` *lines* that break the policy."""
    return [line for line in lines if not _keeps_policy(line, declared)]


def _keeps_policy(line: str, declared: set[str]) -> bool:
    pair, *attributes = line.split(";")
    said = {
        name.strip().lower(): value.strip().lower()
        for name, _, value in (a.partition("=") for a in attributes)
    }
    return (
        pair.partition("=")[0].strip() in declared
        and "domain" not in said
        and "partitioned" not in said
        and said.get("samesite") in ("lax", "strict")
        and "httponly" in said
    )

"""Refusals: who is told of a refused cookie: a counter, the log, a signal, and in tests the app itself.

Room: cookies. Takes verdicts and decides nothing. What it tells is a rule, a name and a direction, never a
value. Its memory is bounded, for the names that enter are strangers' choice.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING

from blinker import Signal

from cactuprivacy.wsgi import RefusalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cactuprivacy.cookies.verdict import Verdict

logger = logging.getLogger("cactuprivacy.cookies")

MAX_LOGGED = 16  # verdicts of one request or response; a stranger's header must not fill the log
MAX_REMEMBERED = 500  # pairs of rule and name, in each direction, that are known to be logged

#: Sent for each refused cookie, by the guard, with ``verdict=`` the :class:`Verdict`; for those of a request that
#: are not told by name, once with their number in ``times``. Receivers run on the request's way, so they only take
#: note; one that raises is logged, by the name of its error, and harms no page.
cookie_refused = Signal(
    "Sent for each refused cookie: the sender is the CookieGuard, verdict= is the Verdict. "
    "Receivers run on the request's way; one that raises harms no page."
)


class CookieRefusedError(RefusalError):
    """The app sets cookies that the guard refuses; raised in mode ``"strict"``, for its own tests to fail on.

    Attributes:
        verdicts: The refusals, each with its rule, name and reason.
    """

    def __init__(self, *verdicts: Verdict) -> None:
        super().__init__(*verdicts)
        self.verdicts = verdicts

    def __str__(self) -> str:
        return "\n".join(verdict.sentence for verdict in self.verdicts[:MAX_LOGGED])


class Refusals:
    """Counts, logs and signals the refusals of one guard.

    A pair of rule and name is logged once in a process, as WARNING what leaves (the app's doing, which wants
    mending) and as INFO what enters (the world's); from then on at DEBUG.

    Parameters:
        sender: The guard, as whom the signal is sent.
        enforced: Whether what is refused is also taken out.
    """

    def __init__(self, sender: object, *, enforced: bool) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()  # as many keys as there are rules
        self._sender = sender
        self._outcome = "refused" if enforced else "would be refused"
        self._logged: dict[str, set[tuple[str | None, str]]] = {"in": set(), "out": set()}
        self._raised: set[str] = set()
        self._lock = threading.Lock()

    def record(self, verdicts: Sequence[Verdict]) -> None:
        """Count *verdicts*, all of them refusals in one direction, log them and send the signal."""
        with self._lock:
            for verdict in verdicts:
                self.counts[verdict.rule or "", verdict.direction] += verdict.times
        if logger.isEnabledFor(_level(verdicts[0].direction)):
            self._log(verdicts)
        if cookie_refused.receivers:
            self._signal(verdicts)

    def _log(self, verdicts: Sequence[Verdict]) -> None:
        with self._lock:
            levels = self._levels(verdicts)
        more = 0
        for verdict, level in zip(verdicts, levels, strict=True):
            if not level or (verdict.times > 1 and level > logging.DEBUG):
                more += verdict.times
            else:
                logger.log(
                    level,
                    "%s: %s %r, %s, %s: %s.",
                    verdict.rule,
                    verdict.kind,
                    verdict.name,
                    verdict.direction,
                    "let pass" if verdict.passes else self._outcome,
                    verdict.reason,
                )
        if more:
            logger.log(_level(verdicts[0].direction), "%d more were %s with these.", more, self._outcome)

    def _levels(self, verdicts: Sequence[Verdict]) -> list[int]:
        """Return each verdict's level; 0 for what is new, but must wait for room in the log."""
        levels = []
        new = 0
        for verdict in verdicts:
            key = verdict.rule, verdict.name
            logged = self._logged[verdict.direction]
            if key in logged or len(logged) >= MAX_REMEMBERED:
                levels.append(logging.DEBUG)
            elif new == MAX_LOGGED:
                levels.append(0)
            else:
                new += 1
                logged.add(key)
                levels.append(_level(verdict.direction))
        return levels

    def _signal(self, verdicts: Sequence[Verdict]) -> None:
        for receiver in list(cookie_refused.receivers_for(self._sender)):
            for verdict in verdicts:
                try:
                    receiver(self._sender, verdict=verdict)
                except Exception as error:  # its text is not told, for it may hold anything
                    kind = type(error).__name__
                    level = logging.DEBUG if kind in self._raised else logging.ERROR
                    self._raised.add(kind)  # as many as the receivers' code knows
                    logger.log(level, "A receiver of cookie_refused raised %s.", kind)
                    break


def _level(direction: str) -> int:
    return logging.WARNING if direction == "out" else logging.INFO

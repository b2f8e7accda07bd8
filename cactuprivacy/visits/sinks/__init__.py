"""Where visits go. A sink is whatever has ``write`` and ``close``; one that can forget has ``purge`` too.

Room: visits, sinks. One module a sink; ``tests/visits/test_sinks.py`` is the contract that each must keep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cactuprivacy.visits.sinks.json_lines import JsonLinesSink as JsonLinesSink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cactuprivacy.visits.record import Visit


class Sink(Protocol):
    """Where visits go. Called by one writer thread a process; never by a request.

    A sink refuses what it cannot do when it is made, and creates nothing before its first ``write``.
    """

    def write(self, batch: Sequence[Visit]) -> None:
        """Take visits, all or none. When it raises, the same ones come again after a while, so a visit that
        was taken after all is told by its ``id``.
        """
        ...

    def close(self) -> None:
        """Let go of whatever is held open. More visits may come afterwards."""
        ...


class PurgeableSink(Sink, Protocol):
    """A sink that can forget."""

    def purge(self, before: datetime) -> int:
        """Delete what is older than *before*, and return how many visits that was."""
        ...

"""VisitLog: what a site records of its visits, for how long, and where to.

Room: visits. The declaration alone; the policy page prints it, the logger obeys it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from cactuprivacy.declaration import DeclarationError, declaration, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cactuprivacy.visits.sinks import Sink

Level = Literal["counts", "truncated", "full"]


@declaration
class VisitLog:
    """What a site records of its visits.

    Parameters:
        level: ``"counts"``: page, status and time, nothing of the visitor. ``"truncated"``: also the address
            cut to /24 (IPv4) or /48 (IPv6), and the referring page without its query. ``"full"``: the
            whole address, which wants a *reason*.
        keep_days: After how many days records are deleted from every sink that can.
        reason: Why the whole address is stored; the policy page prints it.
        sinks: Where visits go, besides the site's own database.

    Raises:
        DeclarationError: for an unknown level, no day to keep, ``"full"`` without a reason, or what is no sink.
    """

    level: Level = "truncated"
    keep_days: int = 90
    reason: str | None = None
    sinks: Sequence[Sink] = ()

    def __post_init__(self) -> None:
        if self.level not in get_args(Level):
            raise DeclarationError(
                f"The visit log has no level {self.level!r}; it is one of {', '.join(map(repr, get_args(Level)))}."
            )
        if isinstance(self.keep_days, bool) or not isinstance(self.keep_days, int) or self.keep_days < 1:
            raise DeclarationError(
                f"A visit log cannot be kept for {self.keep_days!r} days; give keep_days= of at least 1, "
                "or declare no visit log."
            )
        if self.level == "full" and not (self.reason or "").strip():
            raise DeclarationError(
                "Level 'full' stores whole addresses; say in reason= why, for the policy page."
            )
        settle(self, sinks=checked(self.sinks))


def checked(sinks: object) -> tuple[Sink, ...]:
    """Return *sinks* as a tuple.

    Raises:
        DeclarationError: when one of them cannot take visits.
    """
    if not isinstance(sinks, (list, tuple)):
        raise DeclarationError(f"sinks= is a {type(sinks).__name__}; write sinks=[…], even for one.")
    for sink in sinks:
        for wanted in ("write", "close"):
            if isinstance(sink, type) or not callable(getattr(sink, wanted, None)):
                raise DeclarationError(
                    f"{sink!r} is no sink: it has no {wanted}(); see the guide to writing a sink."
                )
    return tuple(sinks)

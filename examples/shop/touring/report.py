"""The report: for each clause what was tried and what the evidence is, with a line that tells how far it is.

Room: example shop, the tour. Prints; judges nothing but whether what was seen is what was expected.
"""

from __future__ import annotations

import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator


class Report:
    """Collects what held and what did not, and prints it as it comes.

    Parameters:
        chapters: How many there will be.
    """

    def __init__(self, chapters: int) -> None:
        self.console = Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = 100  # a log has no width of its own
        self.held = self.failed = 0
        self._chapters, self._chapter = chapters, 0
        self._began = time.monotonic()
        self._progress = Progress(
            TextColumn("  [dim]{task.description}"),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._line = self._progress.add_task("", total=chapters)

    def __enter__(self) -> Report:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        """Print a heading; what goes wrong below it ends this chapter, and the next one is played."""
        self._chapter += 1
        self.console.print(f"\n[bold]{escape(title)}[/]  [dim]{self._chapter} of {self._chapters}[/]")
        try:
            yield
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            seen = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
            self._fault("the chapter could not be played to its end", "no error", seen)
        self._progress.advance(self._line)

    def trying(self, what: str) -> None:
        """Tell what takes a moment."""
        self._progress.update(self._line, description=what)

    def check(self, tried: str, expected: object, seen: object, evidence: str = "") -> bool:
        """Print what was *tried* with its *evidence*; when *seen* is not what was *expected*, print both.

        Returns whether it held.
        """
        self.trying(tried)
        if expected != seen:
            self._fault(tried, expected, seen)
            return False
        self.held += 1
        self.console.print(Padding(f"[green]✓[/] {escape(tried)}", (0, 0, 0, 2)))
        if evidence:
            self.show(evidence)
        return True

    def group(self, title: str, columns: tuple[str, str]) -> None:
        """Print the title of a group of rows, and what stands in their columns."""
        self._print_row(f"[bold]{escape(title)}[/]", columns, indent=2, style="dim italic")

    def rule(self, name: str, sentence: str) -> None:
        """Print the name of a rule, and its sentence, above the rows that it is about."""
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_column(width=3, style="bold")
        line.add_column(style="dim")
        line.add_row(escape(name), escape(sentence))
        self.console.print(Padding(line, (0, 0, 0, 2)))

    def row(self, tried: str, expected: object, seen: object, evidence: tuple[str, str]) -> bool:
        """Do as :meth:`check` does, on one line, with the evidence beside what was *tried*."""
        if expected != seen:
            self._fault(tried, expected, seen)
            return False
        self.held += 1
        self._print_row(f"[green]✓[/] {escape(tried)}", evidence, indent=6, style="")
        return True

    def _print_row(self, first: str, others: tuple[str, str], *, indent: int, style: str) -> None:
        line = Table.grid(padding=(0, 1, 0, 0), expand=True)
        line.add_column(width=50 - indent, overflow="ellipsis", no_wrap=True)
        line.add_column(ratio=5, overflow="ellipsis", no_wrap=True, style=style or "dim")
        line.add_column(ratio=2, min_width=9, overflow="ellipsis", no_wrap=True, style=style)
        line.add_row(first, *map(escape, others))
        self.console.print(Padding(line, (0, 0, 0, indent)))

    def show(self, text: str) -> None:
        """Print evidence, as it is."""
        self.console.print(Padding(f"[dim]{escape(text.rstrip())}[/]", (0, 0, 0, 6)))

    def _fault(self, tried: str, expected: object, seen: object) -> None:
        self.failed += 1
        self.console.print(Padding(f"[red bold]✗ {escape(tried)}[/]", (0, 0, 0, 2)))
        self.console.print(Padding(f"[red]expected[/]  {escape(_told(expected))}", (0, 0, 0, 6)))
        self.console.print(Padding(f"[red]seen[/]      {escape(_told(seen))}", (0, 0, 0, 6)))

    def finish(self) -> int:
        """Print the sum, and return the exit status: 0 when all held."""
        seconds = f"{time.monotonic() - self._began:.1f} s"
        if self.failed:
            self.console.print(f"\n[red bold]{self.failed} did not hold[/], {self.held} did, in {seconds}.\n")
            return 1
        self.console.print(f"\n[green bold]All {self.held} held[/], in {seconds}.\n")
        return 0


def _told(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 1200 else text[:1200] + " …"

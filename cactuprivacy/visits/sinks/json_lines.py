"""JsonLinesSink: visits as lines of JSON in a file that many processes may write, rotate and purge.

Room: visits, sinks. The file is opened for each batch and locked while it is written (POSIX flock), so
nothing is held over a fork, and a file that was renamed by a rotation is left alone.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cactuprivacy.declaration import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from cactuprivacy.visits.record import Visit


class _Dated(msgspec.Struct):
    at: int


class JsonLinesSink:
    """Appends visits to a file, one JSON object a line, UTF-8.

    Parameters:
        path: The file. Its folder must be there; the file is made at the first visit.
        mode: The file's permissions when it is made. The default lets its group read.

    Raises:
        DeclarationError: when the folder is missing, or cannot be written to.
    """

    def __init__(self, path: str | os.PathLike[str], *, mode: int = 0o640) -> None:
        self.path = Path(path).absolute()
        self._mode = mode
        self._encoder = msgspec.json.Encoder()
        if not self.path.parent.is_dir():
            raise DeclarationError(f"The folder of {str(path)!r} is missing; make it, or name another file.")
        target = self.path if self.path.exists() else self.path.parent
        if self.path.is_dir() or not os.access(target, os.W_OK):
            raise DeclarationError(f"{str(path)!r} cannot be written; give its folder to the site's user.")

    def write(self, batch: Sequence[Visit]) -> None:
        """Append *batch* as whole lines, or not at all."""
        lines = b"".join(self._encoder.encode(visit) + b"\n" for visit in batch)
        with self._locked() as file:
            before = os.fstat(file).st_size
            if before and os.pread(file, 1, before - 1) != b"\n":  # a power cut's torn line
                lines = b"\n" + lines
            try:
                written = os.write(file, lines)
            except OSError:
                written = -1
            if written != len(lines):
                os.ftruncate(file, before)  # a full disk may have taken a part
                raise OSError("The file did not take the whole batch.")

    def purge(self, before: datetime) -> int:
        """Rewrite the file without visits older than *before*, and without lines that are none."""
        limit = int(before.timestamp() * 1000)
        if not self.path.exists():
            return 0
        decoder = msgspec.json.Decoder(_Dated)
        gone = 0
        with self._locked() as file:
            beside = self.path.with_name(self.path.name + ".purge")
            with open(os.dup(file), "rb") as old, open(beside, "wb", opener=self._open) as new:  # noqa: PTH123  # by descriptor
                for line in old:
                    try:
                        keep = decoder.decode(line).at >= limit
                    except msgspec.DecodeError:
                        keep = False
                    if keep:
                        new.write(line)
                    else:
                        gone += 1
                new.flush()
                os.fsync(new.fileno())
            if gone:
                beside.replace(self.path)
            else:
                beside.unlink()
        return gone

    def close(self) -> None:
        """Nothing is held open."""

    def _open(self, path: str, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC, self._mode)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Open the file that the path names *once it is locked*: a purge may replace it in between."""
        while True:
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, self._mode)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if self._is_still(file):
                    yield file
                    return
            finally:
                os.close(file)

    def _is_still(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self.path.stat())
        except FileNotFoundError:
            return False

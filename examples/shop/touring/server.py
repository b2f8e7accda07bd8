"""The shop as a process of its own, as an operator runs it: started, killed, and asked on the command line.

Room: example shop, the tour. Knows processes and files, no clause.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SHOP = Path(__file__).resolve().parent.parent
SECONDS = 30  # how long anything may take on a busy machine before it counts as missing
GUNICORN = (
    "-m",
    "gunicorn",
    "--no-control-socket",
    "--log-level=warning",
    "--threads=4",
    "--bind=127.0.0.1:{port}",
)
T = TypeVar("T")


class MissingError(Exception):
    """Something that should have come did not come in time."""


def until(what: str, look: Callable[[], T | None], seconds: float = SECONDS) -> T:
    """Look again and again until there is something to see, and return it.

    Raises:
        MissingError: when there is nothing to see within *seconds*.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise MissingError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.03)


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


class ShopServer:
    """The shop, served by waitress in a process of its own, with its data in one folder.

    Parameters:
        folder: Where the shop keeps its data, and where its output goes (``server.log``).
        smtp: Its mail server's URL.
        program: What Python runs; ``{port}`` in it is the shop's port.
    """

    def __init__(self, folder: Path, smtp: str, program: Sequence[str] = ("shop.py",)) -> None:
        self.folder = folder
        self._smtp = smtp
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self._program = [word.format(port=self.port) for word in program]
        self._process: subprocess.Popen[bytes] | None = None
        self._env = os.environ | {
            "SHOP_ORIGIN": self.origin,
            "SHOP_DATA": str(folder),
            "SHOP_SMTP": smtp,
            "SHOP_HOSTILE": "1",
            "COLUMNS": "100",
        }
        self._env.pop("SHOP_DATABASE", None)

    def start(self) -> None:
        """Start the process, and wait until it takes a connection."""
        with (self.folder / "server.log").open("ab") as log:
            process = self._process = subprocess.Popen(
                [sys.executable, *self._program], cwd=SHOP, env=self._env, stdout=log, stderr=log
            )

        def takes_connections() -> bool:
            if process.poll() is not None:
                raise MissingError(f"the shop ended at once:\n{self.log()[-2000:]}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                return False
            return True

        until("the shop's first connection", takes_connections)

    def kill(self) -> None:
        """End the process as ``kill -9`` does: it gets no chance to do anything more."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the process in good order."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(SECONDS)

    @contextmanager
    def beside(self) -> Iterator[ShopServer]:
        """Serve the same shop a second time, by gunicorn, which can send early hints (RFC 8297)."""
        other = ShopServer(self.folder, self._smtp, (*GUNICORN, "shop:app"))
        try:
            other.start()
            yield other
        finally:
            other.stop()

    def log(self) -> str:
        """Return what the shop has printed."""
        return (self.folder / "server.log").read_text(errors="replace")

    def command(self, *words: str, typed: str = "") -> str:
        """Run ``cactuprivacy --app shop:privacy …``, and return what it printed; *typed* is its input.

        Raises:
            MissingError: when it ended with another status than 0.
        """
        installed = Path(sys.executable).with_name("cactuprivacy")
        command = [str(installed)] if installed.exists() else [sys.executable, "-c", _MAIN]
        done = subprocess.run(
            [*command, "--app", "shop:privacy", *words],
            cwd=SHOP,
            env=self._env,
            input=typed,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode:
            raise MissingError(
                f"cactuprivacy {' '.join(words)} ended {done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout


_MAIN = "from cactuprivacy.cli import main; main(prog_name='cactuprivacy')"  # in a checkout without install

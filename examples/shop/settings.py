"""The shop's settings: read from the environment, each with a default that works on one machine.

Room: example shop. The only module that reads the environment.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

#: Where the shop is reached. http is for this machine alone; the library refuses it anywhere else.
ORIGIN = os.environ.get("SHOP_ORIGIN", "http://localhost:8000")
#: The folder for everything that the shop keeps.
DATA = Path(os.environ.get("SHOP_DATA", "var/shop")).absolute()
#: The database of cactuprivacy: a SQLite file, or PostgreSQL when one outgrows it.
DATABASE = os.environ.get("SHOP_DATABASE", f"sqlite:///{DATA}/privacy.db")
#: The mail server.
SMTP = os.environ.get("SHOP_SMTP", "smtp://localhost:25")
#: Whether the app misbehaves on /hostile/<n>, so that one can see what the guard does about it.
HOSTILE = os.environ.get("SHOP_HOSTILE") == "1"
#: Whether the cookie guard is taken out, to prove that the tour would notice.
UNGUARDED = os.environ.get("SHOP_UNGUARDED") == "1"


def secret() -> str:
    """Return the shop's secret from its data folder, where it is made on the first start, for the owner alone."""
    DATA.mkdir(parents=True, exist_ok=True)
    path = DATA / "secret.key"
    if not path.exists():
        fresh = DATA / f"secret.{os.getpid()}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(32))
        with contextlib.suppress(FileExistsError):  # another process was first: its secret holds
            os.link(fresh, path)  # whole or not at all
        fresh.unlink()
    return path.read_text()

"""Clause 1, people's details: sealed wherever they are kept, and theirs to find, get and erase.

Room: example shop, the tour. Reads every byte of the shop's folder, as a thief would.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from touring.letters import HUGO

if TYPE_CHECKING:
    from touring.scene import Scene

_FULL_ADDRESS = re.compile(rb"127\.9\.\d+\.41")


def sealed(scene: Scene) -> None:
    """No address that was typed stands in plain in any byte that the shop has written."""
    found, count, size = [], 0, 0
    for path in sorted(scene.folder.rglob("*")):
        if path.is_file():
            held = path.read_bytes().lower()
            count, size = count + 1, size + len(held)
            found += [
                f"{address} in {path.name}" for address in sorted(scene.addresses) if address.encode() in held
            ]
            found += [f"a whole IP address in {path.name}"] if _FULL_ADDRESS.search(held) else []
    names = ", ".join(sorted(path.name for path in scene.folder.iterdir()))
    scene.report.check(
        "No e-mail address stands in plain in any file, nor any visitor’s whole IP address",
        [],
        found,
        f"{len(scene.addresses)} addresses sought in {size:,} bytes of {count} files: {names}",
    )


def rights(scene: Scene) -> None:
    """A person asks what is kept, gets it, has it erased; a new search finds nothing."""
    check, server = scene.report.check, scene.server
    thanks, _ = scene.order(scene.visitor(), HUGO)  # so that two stores know him
    found = server.command("subject", "find", HUGO)
    check("Hugo asks what is kept about him", True, thanks.status == 200 and counts(found), found)
    export = json.loads(server.command("subject", "export", HUGO))
    check(
        "He gets all of it, as JSON",
        ["mailing lists", "orders"],
        sorted(export),
        "\n".join(f"{store}: {', '.join(kept)}" for store, kept in export.items()),
    )
    others = scene.addresses - {HUGO}
    told = json.dumps(export)
    check("It is about him and nobody else", (True, []), (HUGO in told, [a for a in others if a in told]))
    said = server.command("subject", "erase", HUGO, "--yes")
    check(
        "He has it erased; a new search finds nothing",
        {"mailing lists": 0, "affiliates": 0, "orders": 0},
        numbers(server.command("subject", "find", HUGO)),
        said,
    )


def counts(text: str) -> bool:
    """Tell whether the stores that were searched know the person, but for the affiliates: he never applied."""
    found = numbers(text)
    return {name for name, count in found.items() if count} == {"mailing lists", "orders"}


def numbers(text: str) -> dict[str, int]:
    """Return what ``subject find`` printed, by store."""
    return {name: int(number) for name, number in re.findall(r"^(.+?): (\d+)", text, re.MULTILINE)}

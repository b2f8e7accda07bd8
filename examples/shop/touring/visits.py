"""Clause 4, visits: each is logged to two sinks at once, with address and referrer cut, and counted.

Room: example shop, the tour. Reads both sinks as they lie in the shop's folder.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from touring.scene import BLOG
from touring.server import until

if TYPE_CHECKING:
    from pathlib import Path

    from touring.scene import Scene

Visits = dict[str, dict[str, Any]]  # by id


def logged_and_counted(scene: Scene) -> None:
    """Kim reads a page and is logged; Liz objects, and only the page is counted."""
    check = scene.report.check
    kim = scene.visitor()
    cut = kim.address.rpartition(".")[0] + ".0"
    kim.get("/cactus/old-man?to=kim.reads@example.org", referrer=BLOG)
    written = until("Kim’s visit in both sinks", lambda: _of_address(scene.folder, cut))
    for sink, visit in written.items():
        check(
            f"Kim reads a page: {sink} has the visit, with address and referrer cut",
            ("/cactus/<slug>", cut, BLOG.partition("?")[0]),
            (visit["route"], visit["address"], visit["referrer"]),
            f"came from {kim.address}, by {BLOG}\n"
            f"written: {visit['route']}  {visit['address']}  {visit['referrer']}  {visit['status']}",
        )

    liz = scene.visitor()
    before = set(database(scene.folder))
    liz.submit(liz.get("/privacy/choices"), "/privacy/choices", statistics="no")
    liz.get("/cactus/old-man", referrer=BLOG)
    objected = until("Liz’s visit", lambda: _objected(scene.folder, before))
    check(
        "Liz objects: her page is counted, without her address and without where she came from",
        {(None, None)},
        {(visit["address"], visit["referrer"]) for visit in objected},
    )

    both = until("the same visits in both sinks", lambda: _settled(scene.folder))
    check(
        "Both sinks hold the same visits, field by field", both[0], both[1], f"{len(both[0])} visits in each"
    )
    told = scene.server.command("visits", "stats")
    check(
        "The operator asks for the statistics",
        True,
        "/cactus/<slug>" in told and "blog.example" in told,
        told,
    )


def database(folder: Path) -> Visits:
    """Return the visits in the database."""
    with sqlite3.connect(f"file:{folder}/privacy.db?mode=ro", uri=True, timeout=10) as db:
        db.row_factory = sqlite3.Row
        rows = [dict(row) for row in db.execute("SELECT * FROM visit")]
    db.close()
    yes_or_no = ("objected", "prefetch", "aborted")
    return {row["id"]: row | {name: bool(row[name]) for name in yes_or_no} for row in rows}


def json_lines(folder: Path) -> Visits:
    """Return the visits in the file of JSON lines, as far as whole lines are written."""
    text = (folder / "visits.jsonl").read_text()
    lines = text[: text.rfind("\n") + 1].splitlines()
    return {visit["id"]: visit for visit in map(json.loads, lines)}


def _of_address(folder: Path, address: str) -> Visits | None:
    """Return the last visit from *address* by the sink that holds it, once both do."""
    found = {
        name: [visit for visit in visits.values() if visit["address"] == address]
        for name, visits in (("the database", database(folder)), ("JSON lines", json_lines(folder)))
    }
    return {name: visits[-1] for name, visits in found.items()} if all(found.values()) else None


def _objected(folder: Path, before: set[str]) -> list[dict[str, Any]]:
    return [
        v for key, v in database(folder).items() if key not in before and v["objected"] and v["status"] == 200
    ]


def _settled(folder: Path) -> tuple[Visits, Visits] | None:
    """Return both sinks, once they hold as many."""
    both = database(folder), json_lines(folder)
    return both if len(both[0]) == len(both[1]) else None

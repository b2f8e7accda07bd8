"""Rights over every store that registered."""

from __future__ import annotations

from typing import Any

import pytest

from cactuprivacy import DeclarationError
from cactuprivacy.people import Erasure, People


class Shelf:
    """A store of the host's: notes by address, some of which the law makes it keep."""

    def __init__(self, notes: dict[str, list[str]], held: int = 0) -> None:
        self.notes, self.held = notes, held

    def find(self, address: str) -> int:
        return len(self.notes.get(address, []))

    def export(self, address: str) -> dict[str, Any]:
        return {"notes": self.notes.get(address, [])}

    def erase(self, address: str) -> int:
        notes = self.notes.get(address, [])
        self.notes[address] = notes[len(notes) - self.held :] if self.held else []
        return len(notes) - len(self.notes[address])


@pytest.fixture
def people() -> People:
    people = People()
    people.register("orders", Shelf({"ada@a.example": ["1", "2"]}, held=1))
    people.register("questions", Shelf({"ada@a.example": ["3"], "bob@a.example": ["4"]}))
    return people


def test_all_stores_are_searched(people: People) -> None:
    assert people.find("ada@a.example") == {"orders": 2, "questions": 1}
    assert people.find("nobody@a.example") == {"orders": 0, "questions": 0}


def test_an_export_leaves_out_stores_without_a_record(people: People) -> None:
    assert people.export("bob@a.example") == {"questions": {"notes": ["4"]}}


def test_I10_an_erasure_is_proven_by_searching_again(people: People) -> None:
    erasure = people.erase("ada@a.example")

    assert erasure == Erasure(erased={"orders": 1, "questions": 1}, left={"orders": 1})
    assert people.find("bob@a.example") == {"orders": 0, "questions": 1}


def test_two_stores_of_one_name_are_refused(people: People) -> None:
    with pytest.raises(DeclarationError, match="its own name"):
        people.register("orders", Shelf({}))


def test_a_store_that_cannot_erase_is_refused() -> None:
    class Keeper:
        find = export = lambda *_: 0

    with pytest.raises(DeclarationError, match=r"has no erase\(address\)"):
        People().register("kept", Keeper())  # type: ignore[arg-type]  # the very fault

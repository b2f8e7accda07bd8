"""Rights: find, export and erase what is kept about a person, over every store that registered.

Room: people. Knows stores only by their three callables; the clauses and the host app register theirs.
Sources: UK GDPR articles 15 (access), 17 (erasure) and 20 (portability).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cactuprivacy.declaration import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Mapping


class PersonalStore(Protocol):
    """A store that keeps something about people, each known by their e-mail address."""

    def find(self, address: str) -> int:
        """Return how many records are kept about *address*."""
        ...

    def export(self, address: str) -> Mapping[str, Any]:
        """Return all that is kept about *address*, in plain types, without other people's data."""
        ...

    def erase(self, address: str) -> int:
        """Erase what may be erased about *address*, and return how many records that were."""
        ...


@dataclass(frozen=True)
class Erasure:
    """What an erasure did, proven by searching again.

    Attributes:
        erased: Records erased, by store.
        left: Records that a new search still finds, by store: what the law makes one keep.
    """

    erased: Mapping[str, int]
    left: Mapping[str, int]


class People:
    """The stores that keep something about people, and what each person may ask of all of them at once."""

    def __init__(self) -> None:
        self._stores: dict[str, PersonalStore] = {}

    def register(self, name: str, store: PersonalStore) -> None:
        """Add a store under the *name* that people will read.

        Raises:
            DeclarationError: when the name is taken, or the store lacks one of the three callables.
        """
        if name in self._stores:
            raise DeclarationError(
                f"There is already a store {name!r}; give each store of personal data its own name."
            )
        for wanted in ("find", "export", "erase"):
            if not callable(getattr(store, wanted, None)):
                raise DeclarationError(
                    f"The store {name!r} has no {wanted}(address); a store needs find, export, erase."
                )
        self._stores[name] = store

    @property
    def stores(self) -> tuple[str, ...]:
        """The names of the stores, in the order in which they registered."""
        return tuple(self._stores)

    def find(self, address: str) -> dict[str, int]:
        """Return how many records each store keeps about *address*."""
        return {name: store.find(address) for name, store in self._stores.items()}

    def export(self, address: str) -> dict[str, Mapping[str, Any]]:
        """Return all that is kept about *address*, by store; a store that keeps nothing is left out."""
        return {name: store.export(address) for name, store in self._stores.items() if store.find(address)}

    def erase(self, address: str) -> Erasure:
        """Erase *address* from every store, and search all of them again."""
        erased = {name: store.erase(address) for name, store in self._stores.items()}
        return Erasure(
            erased=erased, left={name: count for name, count in self.find(address).items() if count}
        )

"""What the tests of the affiliates ask for: a programme on each database, and a claim as a browser brings it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cactuprivacy import AffiliateProgram, Affiliates, KeyRing, Site, Store
from cactuprivacy.affiliates.claim import Touch, today

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    MakeProgram = Callable[..., AffiliateProgram]


@pytest.fixture
def make_program(store: Store, site: Site, keys: KeyRing) -> Iterator[MakeProgram]:
    """Make a programme to whose question about consent the answer is *answer*."""
    made: list[AffiliateProgram] = []

    def make(
        answer: bool | None = True, *, keys: Any = keys, site: Any = site, **options: Any
    ) -> AffiliateProgram:
        made.append(
            AffiliateProgram(
                Affiliates(**options), site=site, keys=keys, store=store, consent=lambda environ: answer
            )
        )
        return made[-1]

    yield make
    for program in made:
        program.close()


@pytest.fixture
def program(make_program: MakeProgram) -> AffiliateProgram:
    """A programme with the approved affiliates alice (also 17) and bob, and the pending carol."""
    program = make_program()
    for code, aliases in (("alice", ["17"]), ("bob", []), ("carol", [])):
        program.add(code, aliases=aliases)
    program.approve("alice")
    program.approve("bob")
    return program


@pytest.fixture
def visitor(program: AffiliateProgram) -> Callable[[str], dict[str, Any]]:
    """Return the environ of a visitor who came by an affiliate's link today."""

    def visit(code: str) -> dict[str, Any]:
        value = program.signer.sign(Touch(code, today()))
        return {"REQUEST_METHOD": "POST", "HTTP_COOKIE": f"{program.cookie.name}={value}"}

    return visit

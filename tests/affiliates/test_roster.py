from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from cactuprivacy.affiliates import AffiliateError, tables

if TYPE_CHECKING:
    from cactuprivacy import AffiliateProgram


def test_A4_an_affiliate_is_pending_until_approved(program: AffiliateProgram) -> None:
    before = (program.statement("carol").state, program.approved("carol"))
    program.approve("carol")

    assert before == ("pending", None)
    assert (program.statement("carol").state, program.approved("carol")) == ("approved", "carol")


def test_A1_a_code_that_nobody_chose_is_random(program: AffiliateProgram) -> None:
    codes = [program.add() for _ in range(3)]

    assert len(set(codes)) == 3
    assert all(re.fullmatch(r"[a-z2-9]{10}", code) for code in codes)


def test_A3_an_older_links_number_means_the_same_affiliate(program: AffiliateProgram) -> None:
    assert program.approved("17") == "alice"


def test_codes_know_no_case(program: AffiliateProgram) -> None:
    assert program.add("Dave") == "dave"
    assert program.statement("DAVE").affiliate == "dave"


@pytest.mark.parametrize(
    "code, aliases", [("alice", []), ("ALICE", []), ("17", []), ("dave", ["bob"]), ("dave", ["17"])]
)
def test_a_taken_code_is_refused_and_nothing_is_left(
    program: AffiliateProgram, code: str, aliases: list[str]
) -> None:
    with pytest.raises(AffiliateError, match="choose another"):
        program.add(code, aliases=aliases)

    assert program.approved("dave") is None
    with program.store.read() as connection:
        assert len(connection.execute(select(tables.affiliate)).all()) == 3


@pytest.mark.parametrize("code", ["", "a b", "a.b", "é", "a" * 65, "a\n", None, 17])
def test_what_is_no_code_is_refused(program: AffiliateProgram, code: str) -> None:
    with pytest.raises(AffiliateError, match="64 letters"):
        program.approve(code)


def test_aliases_as_one_text_are_refused(program: AffiliateProgram) -> None:
    with pytest.raises(AffiliateError, match=r"aliases=\['17'\]"):
        program.add("dave", aliases="17")


def test_an_unknown_affiliate_is_refused(program: AffiliateProgram) -> None:
    with pytest.raises(AffiliateError, match="add it first"):
        program.approve("nobody")


def test_A15_states_are_events_with_their_time_and_approving_twice_adds_none(
    program: AffiliateProgram,
) -> None:
    program.approve("alice")
    event = tables.affiliate_event.c
    with program.store.read() as connection:
        states = connection.execute(select(event.state, event.at).where(event.affiliate_id == 1)).all()

    assert [row.state for row in states] == ["pending", "approved"]
    assert all(row.at.tzinfo for row in states)

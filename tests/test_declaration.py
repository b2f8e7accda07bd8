"""Declarations: refused in one sentence that names the fault and the mend."""

import pytest

from cactuprivacy.declaration import DeclarationError, UnknownOptionError, declaration


@declaration
class Fence:
    """A declaration to try."""

    height: int
    colour: str = "green"


def test_an_unknown_option_names_the_one_meant() -> None:
    with pytest.raises(UnknownOptionError) as caught:
        Fence(height=2, color="red")

    assert str(caught.value) == "Fence has no option color=; did you mean colour=?"


def test_an_option_far_from_all_names_those_that_exist() -> None:
    with pytest.raises(UnknownOptionError) as caught:
        Fence(2, qqqq=1)

    assert str(caught.value) == "Fence has no option qqqq=; it takes height, colour."


def test_an_unknown_option_is_a_type_error_as_well_as_a_declaration_error() -> None:
    assert issubclass(UnknownOptionError, TypeError)
    assert issubclass(UnknownOptionError, DeclarationError)


def test_a_declaration_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Fence(2).height = 3


def test_equal_declarations_are_equal_and_hash_alike() -> None:
    assert {Fence(2)} == {Fence(2, colour="green")}

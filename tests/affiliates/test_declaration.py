from __future__ import annotations

from typing import Any

import pytest

from cactuprivacy import Affiliates, DeclarationError


@pytest.mark.parametrize(
    "options, said",
    [
        ({"parameter": ()}, "use up to 32 letters"),
        ({"parameter": ("af", "a b")}, "use up to 32 letters"),
        ({"parameter": ("af", "af")}, "named twice"),
        ({"campaign_parameter": "af"}, "named twice"),
        ({"campaign_parameter": "a&b"}, "use up to 32 letters"),
        ({"campaigns": "summer"}, r"write campaigns=\['summer'\]"),
        ({"campaigns": ["Summer"]}, "use up to 32 of a-z"),
        ({"campaigns": ["a" * 33]}, "use up to 32 of a-z"),
        ({"campaigns": [f"c{number}" for number in range(51)]}, "declare at most 50"),
        ({"model": "best"}, "use 'last', 'first', 'linear' or 'position'"),
        ({"path": "r"}, "no plain path"),
        ({"path": "/"}, "no plain path"),
        ({"path": "/r/"}, "no plain path"),
        ({"path": "//r"}, "no plain path"),
        ({"path": "/a/../b"}, "no plain path"),
        ({"legacy_path": "aftrack.asp"}, "no plain path"),
        ({"stand_down": "/checkout"}, r"write stand_down=\['/checkout'\]"),
        ({"stand_down": ["/checkout", "basket"]}, "stand_down='basket' is no plain path"),
        ({"clicks_keep_days": 0}, "give whole days from 1 to 3660"),
        ({"clicks_keep_days": True}, "give whole days from 1 to 3660"),
    ],
)
def test_a_wrong_declaration_of_links_is_refused_in_one_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        Affiliates(**options)


@pytest.mark.parametrize("given, names", [("af", ("af",)), (["af", "ref"], ("af", "ref"))])
def test_one_parameter_or_several_can_be_named(given: Any, names: tuple[str, ...]) -> None:
    assert names == Affiliates(parameter=given).parameters

"""Rules of a site on a host below its own domain: as they are, and where undeclared cookies are allowed."""

from __future__ import annotations

import pytest
from ruled import COOKIES

from cactuprivacy import Site
from cactuprivacy.cookies.rules import Rules


@pytest.fixture
def rules() -> Rules:
    return Rules(Site("https://www.shop.example"), COOKIES)


@pytest.fixture
def lenient() -> Rules:
    return Rules(Site("https://www.shop.example"), COOKIES, undeclared="allow")

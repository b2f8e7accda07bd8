"""A mail server on a real socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mail_catcher import MailCatcher

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def catcher() -> Iterator[MailCatcher]:
    with MailCatcher() as catcher:
        yield catcher

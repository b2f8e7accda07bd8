"""What tests of the visit log share: a visit to vary, and requests as a server makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.test import create_environ

from cactuprivacy.visits import Visit
from cactuprivacy.visits.record import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

AT = 1_795_348_800_000  # 2026-11-22T12:00:00Z in milliseconds


@pytest.fixture
def make_visit() -> Callable[..., Visit]:
    def make(**different: Any) -> Visit:
        at = different.pop("at", AT)
        values: dict[str, Any] = {
            "id": new_id(at),
            "at": at,
            "method": "GET",
            "route": "/cacti",
            "kind": "page",
            "status": 200,
            "bytes": 5,
            "duration_us": 1500,
            "referrer_kind": "none",
            "referrer": None,
            "address": "203.0.113.0",
            "level": "truncated",
            "objected": False,
            "prefetch": False,
            "aborted": False,
            **different,
        }
        return Visit(**values)

    return make


@pytest.fixture
def make_environ() -> Callable[..., dict[str, Any]]:
    def make(path: str = "/cacti", **different: Any) -> dict[str, Any]:
        environ = create_environ(path, base_url="https://shop.example")
        environ["REMOTE_ADDR"] = "203.0.113.77"
        return {**environ, **different}

    return make

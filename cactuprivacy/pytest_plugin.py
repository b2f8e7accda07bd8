"""The pytest plugin: asks of every response of WebTest's, werkzeug's and Django's clients for third parties.

Room: roof. Does nothing until the ini option ``cactuprivacy_site`` is set. pytest imports it in every run of
whoever has this package installed, so that nothing is imported before it is needed; then the clients are, as
far as they are installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import pytest


# Where all requests of a client pass, each by itself when redirects are followed. Flask's client is werkzeug's.
_CLIENTS = (
    ("werkzeug.test", "Client", "open"),
    ("webtest", "TestApp", "do_request"),
    ("django.test.client", "Client", "request"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini options."""
    parser.addini("cactuprivacy_site", "The site whose responses may bring in no third party: its origin.")
    parser.addini(
        "cactuprivacy_allow_hosts", "Other hosts that its pages may turn to, one a line.", type="linelist"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Put the question behind every request of the test clients, until pytest is done."""
    site = config.getini("cactuprivacy_site")
    if not site:
        return
    import pytest

    from cactuprivacy.declaration import DeclarationError
    from cactuprivacy.site import Site
    from cactuprivacy.testing import assert_no_third_party

    try:
        ours = Site(site)
    except DeclarationError as error:
        raise pytest.UsageError(f"cactuprivacy_site: {error}") from error
    allowed = config.getini("cactuprivacy_allow_hosts")

    def asking(request: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*args: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            response = request(*args, **options)
            assert_no_third_party(response, ours, allow_hosts=allowed)
            return response

        return asked

    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    for module, client, method in _CLIENTS:
        try:
            found = getattr(importlib.import_module(module), client)
        except ImportError:
            continue
        patch.setattr(found, method, asking(getattr(found, method)))

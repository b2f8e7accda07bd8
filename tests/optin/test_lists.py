"""A wrong declaration of a list is refused when it is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cactuprivacy import KeyRing, MailingList, OptIn, Site
from cactuprivacy.declaration import DeclarationError

GOOD = {"slug": "news", "title": "Cactus news", "sender": "news@shop.example"}


def opt_in(folder: Path, **options: Any) -> OptIn:
    given: dict[str, Any] = {
        "site": "https://shop.example",
        "keys": KeyRing(["k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"]),
        "store": f"sqlite:///{folder}/privacy.db",
        "mail": "smtp://localhost",
        **options,
    }
    return OptIn([MailingList(**GOOD)], **given)


@pytest.mark.parametrize(
    "options, fault",
    [
        ({"slug": "News letter"}, "no valid slug"),
        ({"slug": "u"}, "our own pages"),
        ({"title": " "}, "no title"),
        ({"title": "two\nlines"}, "several lines"),
        ({"sender": "news"}, "no valid sender"),
        ({"confirm_hours": 0}, "cannot wait 0 hours"),
        ({"confirm_hours": 9999}, "cannot wait 9999 hours"),
        ({"confirmed": True}, "no option confirmed="),
        ({"single_opt_in": True}, "no option single_opt_in="),
    ],
)
def test_a_wrong_list_is_refused(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(DeclarationError, match=fault):
        MailingList(**{**GOOD, **options})


def test_the_consent_is_a_sentence_with_the_title_by_default() -> None:
    assert "“Cactus news”" in MailingList(**GOOD).consent


def test_a_sender_of_somebody_elses_is_refused() -> None:
    others = MailingList("news", title="Cactus news", sender="news@shopping.example")

    with pytest.raises(DeclarationError, match=r"shopping\.example, which is not this site's"):
        others.check(Site("https://shop.example"))


def test_a_declared_domain_is_ours() -> None:
    MailingList("news", title="News", sender="news@cactus.example").check(
        Site("https://shop.example", domains=("cactus.example",))
    )


@pytest.mark.parametrize(
    "options, fault",
    [
        ({"path": "list"}, "no place to mount"),
        ({"path": "//evil.example"}, "no place to mount"),
        ({"path": "/list/"}, "no place to mount"),
        ({"mail": "imap://localhost"}, "not understood"),
        ({"pre_confirmed": True}, "no option pre_confirmed="),
        ({"site": "https://other.example"}, "not this site's"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, Any], fault: str) -> None:
    with pytest.raises(DeclarationError, match=fault):
        opt_in(tmp_path, **options)


def test_two_lists_of_one_slug_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="two have one slug"):
        OptIn(
            [MailingList(**GOOD), MailingList(**GOOD)],
            site="https://shop.example",
            keys=["k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"],
            store=f"sqlite:///{tmp_path}/privacy.db",
            mail="smtp://localhost",
        )


def test_making_it_opens_nothing(tmp_path: Path) -> None:
    opt_in(tmp_path, mail="smtp://nobody.invalid")

    assert [] == list(tmp_path.iterdir())

"""What must never be is refused by the database itself, in plain SQL, on each database."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError

from cactuprivacy.mail.tables import outbox
from cactuprivacy.optin.tables import (
    campaign,
    confirmation,
    consent_event,
    delivery,
    optin_request,
    subscription,
    token,
)
from cactuprivacy.store import now

if TYPE_CHECKING:
    from sqlalchemy import Executable

    from tests.optin.conftest import Shop


def run(shop: Shop, statement: Executable) -> None:
    with shop.store.write() as connection:
        connection.execute(statement)


def refuses(shop: Shop, statement: Executable, because: str) -> None:
    with pytest.raises(IntegrityError, match=f"(?i){because}"):
        run(shop, statement)


def subscribing(**values: Any) -> Executable:
    row = {"list": "news", "uid": uuid.uuid4(), "state": "active", "since": now(), **values}
    return insert(subscription).values(row)


def confirming(row: Any, **values: Any) -> Executable:
    given = {
        "id": uuid.uuid4(),
        "token_digest": row.digest,
        "list": row.list,
        "address_id": row.address_id,
        "confirmed_at": now(),
    }
    return insert(confirmation).values(given | values)


def queueing(**values: Any) -> Executable:
    row = {
        "kind": "announcement",
        "dedupe_key": uuid.uuid4().hex,
        "message_id": uuid.uuid4().hex,
        "state": "queued",
        "attempts": 0,
        "next_at": now(),
        "created_at": now(),
    }
    return insert(outbox).values(row | values)


def test_I1_no_subscription_without_a_confirmation(shop: Shop) -> None:
    shop.ask()
    (address,) = shop.rows("address")

    refuses(shop, subscribing(address_id=address.id), "null")
    refuses(shop, subscribing(address_id=address.id, confirmation_id=uuid.uuid4()), "foreign")


def test_I1_no_subscription_with_the_confirmation_of_another_address(shop: Shop) -> None:
    shop.subscribe("jo@example.org")
    shop.ask("victim@example.org")
    (confirmed,) = shop.rows("confirmation")
    (other,) = (row for row in shop.rows("address") if row.id != confirmed.address_id)

    refuses(shop, subscribing(address_id=other.id, confirmation_id=confirmed.id), "foreign")


def test_I1_no_subscription_with_the_confirmation_of_another_list(shop: Shop) -> None:
    shop.subscribe()
    (confirmed,) = shop.rows("confirmation")

    refuses(
        shop,
        subscribing(list="offers", address_id=confirmed.address_id, confirmation_id=confirmed.id),
        "foreign",
    )


def test_I2_no_confirmation_without_a_consumed_token(shop: Shop) -> None:
    shop.ask()
    (row,) = shop.rows("token")

    refuses(shop, confirming(row), "consumed token")
    refuses(shop, confirming(row, token_digest=bytes(32)), "consumed token")


def test_I2_no_confirmation_of_another_list_than_the_tokens(shop: Shop) -> None:
    shop.subscribe()
    (row,) = shop.rows("token")

    refuses(shop, confirming(row, list="offers"), "foreign|unique")


def test_I2_a_token_confirms_once(shop: Shop) -> None:
    shop.subscribe()
    (row,) = shop.rows("token")

    refuses(shop, confirming(row), "unique")


def test_I2_a_token_is_not_born_consumed(shop: Shop) -> None:
    shop.ask()
    (row,) = shop.rows("token")

    forged = {**row._mapping, "digest": bytes(32), "consumed_at": now()}
    refuses(shop, insert(token).values(forged), "click")


def test_I2_a_token_is_not_consumed_after_its_end(shop: Shop) -> None:
    shop.ask()
    (row,) = shop.rows("token")

    refuses(shop, update(token).values(consumed_at=row.expires_at), "check")


def test_I2_a_consumed_token_is_not_used_again(shop: Shop) -> None:
    shop.subscribe()

    refuses(shop, update(token).values(consumed_at=None), "does not change")


def test_I2_a_blank_token_digest_is_refused(shop: Shop) -> None:
    shop.ask()
    (row,) = shop.rows("token")

    refuses(shop, insert(token).values({**row._mapping, "digest": b""}), "check")


def test_I2_a_confirmation_is_not_moved_to_somebody_else(shop: Shop) -> None:
    shop.subscribe()

    refuses(shop, update(confirmation).values(list="offers"), "does not change")


def test_I3_no_announcement_without_a_delivery(shop: Shop) -> None:
    shop.ask()
    (address,) = shop.rows("address")
    (row,) = shop.rows("token")
    ids = {"campaign_id": uuid.uuid4(), "list": "news", "address_id": address.id}

    refuses(shop, queueing(**ids), "foreign")
    refuses(shop, queueing(), "check")
    refuses(shop, queueing(address_id=address.id, list="news"), "check")
    refuses(shop, queueing(token_digest=row.digest), "check")
    refuses(shop, queueing(kind="welcome", token_digest=row.digest), "check")


def test_I3_no_delivery_without_a_subscription(shop: Shop) -> None:
    shop.ask()
    (address,) = shop.rows("address")
    campaign_id = uuid.uuid4()
    run(
        shop,
        insert(campaign).values(id=campaign_id, list="news", subject="x", text="x", created_at=now()),
    )

    refuses(
        shop,
        insert(delivery).values(campaign_id=campaign_id, list="news", address_id=address.id),
        "foreign",
    )


def test_I3_no_confirmation_mail_without_a_token(shop: Shop) -> None:
    refuses(shop, queueing(kind="confirm", token_digest=bytes(32)), "foreign")
    refuses(shop, queueing(kind="confirm"), "check")


@pytest.mark.parametrize("statement", [update(consent_event).values(kind="x"), delete(consent_event)])
def test_I4_events_are_only_ever_added(shop: Shop, statement: Executable) -> None:
    shop.subscribe()

    refuses(shop, statement, "only ever added")


def test_I5_there_is_no_third_source(shop: Shop) -> None:
    shop.ask()

    for source in ("contact_form", "order", "knowledge_base", "import"):
        refuses(shop, update(optin_request).values(source=source), "check")


def test_I9_who_left_is_not_revived_by_an_old_confirmation(shop: Shop) -> None:
    shop.subscribe()
    shop.client.post(shop.leave_link(), data={"List-Unsubscribe": "One-Click"})

    refuses(shop, update(subscription).values(state="active", ended_at=None), "asked again")


def test_a_mail_is_queued_once(shop: Shop) -> None:
    shop.ask()
    (row,) = shop.rows("outbox")

    repeated = {"kind": "confirm", "token_digest": row.token_digest, "dedupe_key": row.dedupe_key}
    refuses(shop, queueing(**repeated), "unique")


def test_M3_M13_nothing_public_makes_a_subscriber(shop: Shop) -> None:
    public = {name for name in dir(shop.lists) if not name.startswith("_")}

    known = {"announce", "deliver_due", "subscribers", "find", "export", "erase", "wake", "close"}
    assert known | {"courier", "lists", "outbox", "site"} == public

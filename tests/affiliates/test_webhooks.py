"""Webhooks: over real sockets, signed, at least once, and in the ledger's own transaction."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from selling import later, sell, this_month
from sqlalchemy import select

from cactuprivacy import DeclarationError
from cactuprivacy.affiliates import Webhook, WebhookRefusedError, tables
from cactuprivacy.affiliates.webhooks import MAX_ATTEMPTS, SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cactuprivacy import AffiliateProgram

    MakeProgram = Callable[..., AffiliateProgram]

SECRET, OTHER = "wh-7Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC", "wh-0ld-Wq3Np8Vb1Kc6Xm5Rj2Hs9Gd4LfYe"


class Receiver:
    """A machine of the host's: it keeps what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        self.status = 204
        self.got: list[tuple[bytes, str]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((body, self.headers[SIGNATURE]))
                self.send_response(receiver.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?shop=1"


@contextmanager
def running(receiver: Receiver) -> Iterator[None]:
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with running(receiver):
        yield receiver


@pytest.fixture
def told(make_program: MakeProgram, receiver: Receiver) -> AffiliateProgram:
    """A programme that tells *receiver*."""
    program = make_program(webhook=Webhook(receiver.url, secrets=[SECRET]))
    program.approve(program.add("alice"))
    return program


def test_each_event_is_posted_signed_and_once(told: AffiliateProgram, receiver: Receiver) -> None:
    for _ in range(2):
        sell(told, "ORDER-7", "alice")
        told._ledger.refund(refund())
    with later(31):
        told._payouts.pay(this_month())
        told._payouts.void(1)
        counts = told.deliver_due()
        webhook = told.declaration.webhook
        assert webhook is not None
        bodies = [webhook.read(body, signature) for body, signature in receiver.got]

    assert (4, 0, 0) == counts
    assert [
        ("sale.credited", "10.00"),
        ("sale.reversed", "-2.50"),
        ("payout.made", "7.50"),
        ("payout.voided", "7.50"),
    ] == [(body["topic"], body["amount"]) for body in bodies]
    assert 4 == len({body["id"] for body in bodies})
    assert "ORDER" not in repr(receiver.got)


def refund() -> Any:
    from cactuprivacy.affiliates.refunds import Refund

    return Refund("ORDER-7", "r1", 2500, "GBP")


def test_a_message_that_fails_is_sent_again_the_same(told: AffiliateProgram, receiver: Receiver) -> None:
    sell(told, 1, "alice")
    receiver.status = 503
    counts = [told.deliver_due(), told.deliver_due()]
    receiver.status = 200
    with later(1):
        counts += [told.deliver_due(), told.deliver_due()]

    assert [(0, 1, 0), (0, 0, 0), (1, 0, 0), (0, 0, 0)] == counts
    assert 1 == len({json.loads(body)["id"] for body, _ in receiver.got})


def test_a_redirect_is_not_followed_and_not_a_delivery(told: AffiliateProgram, receiver: Receiver) -> None:
    sell(told, 1, "alice")
    receiver.status = 302

    assert (0, 1, 0) == told.deliver_due()
    assert 1 == len(receiver.got)


def test_a_receiver_that_is_down_is_tried_again_and_given_up_in_the_end(make_program: MakeProgram) -> None:
    receiver = Receiver()
    receiver.server.server_close()
    program = make_program(webhook=Webhook(receiver.url, secrets=[SECRET]))
    program.approve(program.add("alice"))
    sell(program, 1, "alice")
    counts = []
    for day in range(MAX_ATTEMPTS + 1):
        with later(day):
            counts.append(program.deliver_due())

    assert [(0, 1, 0)] * (MAX_ATTEMPTS - 1) + [(0, 0, 1), (0, 0, 0)] == counts


def test_what_a_dead_process_took_is_sent_by_another(told: AffiliateProgram, receiver: Receiver) -> None:
    sell(told, 1, "alice")
    assert told._messenger is not None
    assert told._messenger._take() is not None
    with later(1):
        assert (1, 0, 0) == told.deliver_due()
    assert 1 == len(receiver.got)


def test_a_sale_that_is_rolled_back_tells_nobody(
    told: AffiliateProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables.ledger, "name", "nowhere")  # the insert of the entry fails
    with pytest.raises(Exception, match="nowhere"):
        sell(told, 1, "alice")
    monkeypatch.undo()

    with told.store.read() as connection:
        assert [] == connection.execute(select(tables.webhook)).all()


def test_the_courier_of_the_process_delivers_what_a_sale_queues(
    told: AffiliateProgram, receiver: Receiver
) -> None:
    arrived = threading.Event()
    receiver.got = Arriving(arrived)
    sell(told, 1, "alice")
    told.void(order=2)  # any call wakes it

    assert arrived.wait(30)
    told.close()


class Arriving(list[Any]):
    """A list that says when something comes in."""

    def __init__(self, event: threading.Event) -> None:
        super().__init__()
        self._event = event

    def append(self, item: Any) -> None:
        super().append(item)
        self._event.set()


def test_a_programme_without_a_webhook_queues_nothing(program: AffiliateProgram) -> None:
    sell(program, 1, "alice")

    assert (0, 0, 0) == program.deliver_due()
    with program.store.read() as connection:
        assert [] == connection.execute(select(tables.webhook)).all()


def test_a_message_is_read_under_either_secret_of_a_rotation() -> None:
    old, both = (Webhook("https://shop.example/", secrets=secrets) for secrets in ([OTHER], [SECRET, OTHER]))

    assert {"a": 1} == old.read(b'{"a":1}', both.sign(b'{"a":1}', 0), tolerance=10**10)
    assert {"a": 1} == both.read(b'{"a":1}', old.sign(b'{"a":1}', 0), tolerance=10**10)


@pytest.mark.parametrize(
    "body, signature",
    [
        (b"{}", ""),
        (b"{}", "t=0"),
        (b"{}", "v1=00"),
        (b"{}", "t=x,v1=00"),
        (b"{}", "t=0,v1=" + "0" * 64),
        (b"{}", "t=0,v1=\xe9"),
        (b"{ }", Webhook("https://shop.example/", secrets=[SECRET]).sign(b"{}", 0)),
        (b"{}", Webhook("https://shop.example/", secrets=[OTHER]).sign(b"{}", 0)),
        (b"{}", Webhook("https://shop.example/", secrets=[SECRET]).sign(b"{}", 0).replace("t=0", "t=1")),
    ],
)
def test_what_is_not_ours_is_refused(body: bytes, signature: str) -> None:
    with pytest.raises(WebhookRefusedError):
        Webhook("https://shop.example/", secrets=[SECRET]).read(body, signature, tolerance=10**10)


def test_an_old_message_is_refused() -> None:
    webhook = Webhook("https://shop.example/", secrets=[SECRET])

    with pytest.raises(WebhookRefusedError):
        webhook.read(b"{}", webhook.sign(b"{}", 0))


@pytest.mark.parametrize(
    "url, options, said",
    [
        ("http://shop.example/", {}, "no https:// URL"),
        ("https://user:word@shop.example/", {}, "no https:// URL"),
        ("https:///path", {}, "no https:// URL"),
        ("https://shop.example/a b", {}, "no https:// URL"),
        ("shop.example", {}, "no https:// URL"),
        (None, {}, "no https:// URL"),
        ("https://shop.example/", {"secrets": SECRET}, "one text where a list is wanted"),
        ("https://shop.example/", {"secrets": []}, "at least 32"),
        ("https://shop.example/", {"secrets": ["short"]}, "at least 32"),
        ("https://shop.example/", {"timeout": 0}, "up to 60 seconds"),
    ],
)
def test_a_wrong_webhook_is_refused_in_one_sentence(url: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        Webhook(url, **{"secrets": [SECRET], **options})


def test_no_secret_is_told() -> None:
    assert SECRET not in repr(Webhook("https://shop.example/", secrets=[SECRET]))

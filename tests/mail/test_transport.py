"""Over a real socket: one recipient, said as it is stored, and a clear word on what became of the mail."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from mail_catcher import MailCatcher

from cactuprivacy.declaration import DeclarationError
from cactuprivacy.mail import Transport
from cactuprivacy.mail.message import Message
from cactuprivacy.mail.transport import OutcomeUnknownError, RefusedError, UnreachableError

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"From: news@shop.example\r\nTo: jo@example.org\r\n\r\n.\r\n..two\r\n"


def send(url: str, recipient: str = "jo@example.org", wanted: bool = True, count: int = 1) -> bool:
    message = Message("news@shop.example", recipient, DATA)
    with Transport(url, timeout=10).session() as session:
        answers = {session.send(message, lambda: wanted) for _ in range(count)}
    return answers == {True}


@pytest.mark.parametrize(
    "url, fault",
    [
        ("localhost:25", "not understood"),
        ("imap://localhost", "not understood"),
        ("smtp://", "not understood"),
        ("smtp://localhost:99999", "no valid port"),
        ("smtp://localhost/path", "drop what follows"),
        ("smtp://localhost?verify=no", "drop what follows"),
        ("smtp://user:hunter2@localhost", "in clear"),
        ("smtp://[::1", "cannot be read"),
    ],
)
def test_a_wrong_address_is_refused_without_showing_the_password(url: str, fault: str) -> None:
    with pytest.raises(DeclarationError, match=fault) as refused:
        Transport.of(url)

    assert "hunter2" not in str(refused.value)


def test_the_usual_ports() -> None:
    urls = ("smtp://h", "smtps://h", "smtp+starttls://h", "smtp://[::1]:2525")

    assert [25, 465, 587, 2525] == [Transport.of(url).port for url in urls]
    assert "hunter2" not in repr(Transport("smtps://user:hunter2@h"))


@pytest.mark.parametrize("recipient", ["jo@example.org", "o'hara+x@example.org", "ünal@example.org"])
def test_P0_one_recipient_said_exactly(catcher: MailCatcher, recipient: str) -> None:
    assert send(catcher.url, recipient)

    (mail,) = catcher.messages
    assert ("news@shop.example", (recipient,), DATA) == (mail.sender, mail.recipients, mail.data)


@pytest.mark.parametrize(
    "recipient",
    [
        "jo@example.org>\r\nRCPT TO:<mo@example.org",
        "jo@example.org> <mo@example.org",
        "jo",
        "",
        "jo@example.org\n",
    ],
)
def test_P0_a_recipient_that_is_more_than_one_is_never_said(catcher: MailCatcher, recipient: str) -> None:
    with pytest.raises(RefusedError) as refused:
        send(catcher.url, recipient)

    assert refused.value.permanent
    assert [] == catcher.messages


def test_one_connection_serves_a_run(catcher: MailCatcher) -> None:
    assert send(catcher.url, count=3)
    assert 3 == len(catcher.messages)


def test_what_is_not_wanted_any_more_is_not_handed_over(catcher: MailCatcher) -> None:
    assert not send(catcher.url, wanted=False, count=2)
    assert [] == catcher.messages


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "."])
@pytest.mark.parametrize("reply, permanent", [("451 later", False), ("550 no jo@example.org", True)])
def test_a_refusal_tells_whether_to_try_again(
    catcher: MailCatcher, verb: str, reply: str, permanent: bool
) -> None:
    catcher.refuse(verb, reply)
    with pytest.raises(RefusedError) as refused:
        send(catcher.url)

    assert (int(reply[:3]), permanent) == (refused.value.code, refused.value.permanent)
    assert "jo@example.org" not in str(refused.value)
    assert [] == catcher.messages


@pytest.mark.parametrize(
    "verb, reply", [("CONNECT", "554 no"), ("EHLO", "421 busy"), ("MAIL", "530 log in first")]
)
def test_a_server_that_takes_nobodys_mail_is_unreachable(catcher: MailCatcher, verb: str, reply: str) -> None:
    catcher.refuse(verb, reply)
    if verb == "EHLO":
        catcher.refuse("HELO", reply)
    with pytest.raises(UnreachableError):
        send(catcher.url)


def test_nobody_there_is_unreachable() -> None:
    catcher = MailCatcher()
    catcher._server.server_close()
    with pytest.raises(UnreachableError):
        send(catcher.url)


def test_a_server_that_dies_on_the_mail_leaves_it_open(catcher: MailCatcher) -> None:
    catcher.refuse(".", "lost")
    with pytest.raises(OutcomeUnknownError):
        send(catcher.url)


def test_a_refused_mail_does_not_stop_the_next(catcher: MailCatcher) -> None:
    with Transport(catcher.url).session() as session:
        catcher.refuse("RCPT", "550 no")
        with pytest.raises(RefusedError):
            session.send(Message("news@shop.example", "mo@example.org", DATA), lambda: True)
        catcher.refuse("RCPT", None)

        assert session.send(Message("news@shop.example", "jo@example.org", DATA), lambda: True)
    assert [("jo@example.org",)] == [mail.recipients for mail in catcher.messages]


def test_starttls_that_is_not_offered_sends_nothing_in_clear(catcher: MailCatcher) -> None:
    with pytest.raises(UnreachableError):
        send(catcher.url.replace("smtp://", "smtp+starttls://"))

    assert [] == catcher.messages


def test_a_certificate_that_nobody_vouches_for_sends_nothing(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path))
    with MailCatcher(tls=context) as catcher:
        with pytest.raises(UnreachableError, match="SSLCertVerificationError"):
            send(f"smtps://localhost:{catcher.port}")

        assert [] == catcher.messages


def test_an_international_address_waits_for_a_server_that_can(catcher: MailCatcher) -> None:
    catcher.refuse("EHLO", "250 catcher")
    with pytest.raises(RefusedError) as refused:
        send(catcher.url, "ünal@example.org")

    assert (453, False) == (refused.value.code, refused.value.permanent)


def test_making_a_transport_opens_nothing() -> None:
    Transport("smtp://nobody.invalid").session()


def _self_signed(folder: Path) -> Path:
    from datetime import timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    from cactuprivacy.store import now

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file

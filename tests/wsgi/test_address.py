"""Whose request it is: believed from our own proxies alone, and from the right."""

from __future__ import annotations

import ipaddress
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_server import patient

from cactuprivacy.declaration import DeclarationError
from cactuprivacy.wsgi import TrustedProxies, client_address

PROXY = "10.0.0.1"
CLIENT = "198.51.100.7"
PROXIES = TrustedProxies(["10.0.0.0/8", "2001:db8:ffff::/48", "unix"])
FORWARDED = TrustedProxies(["10.0.0.0/8", "2001:db8:ffff::/48"], header="Forwarded")


def behind(forwarded_for, *, peer=PROXY, proxies=PROXIES):
    return proxies.client({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded_for})


def by_rfc7239(forwarded, *, peer=PROXY):
    return FORWARDED.client({"REMOTE_ADDR": peer, "HTTP_FORWARDED": forwarded})


@pytest.fixture
def bounded():
    """Ends a parser that is not linear, and so would take hours."""

    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("peer", [CLIENT, "2001:db8::7", "10.0.0.1", "127.0.0.1"])
def test_without_proxies_the_peer_is_the_client(peer):
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": "192.0.2.66", "HTTP_FORWARDED": "for=192.0.2.66"}

    assert peer == TrustedProxies().client(environ)


@pytest.mark.parametrize(
    "text, normal",
    [
        ("::ffff:198.51.100.7", CLIENT),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("198.51.100.07", None),
        ("198.51.100.256", None),
        ("198.51.100.7.", None),
        ("198.51.100", None),
        ("evil", None),
    ],
)
def test_addresses_come_in_their_normal_form(text, normal):
    assert normal == TrustedProxies().client({"REMOTE_ADDR": text})


@patient
@given(st.ip_addresses())
def test_every_address_is_known_in_its_normal_form(address):
    mapped = address.ipv4_mapped if address.version == 6 else None

    assert str(mapped or address) == TrustedProxies().client({"REMOTE_ADDR": str(address)})


@patient
@given(st.text("0123456789.:af%[]", max_size=20))
def test_an_answer_is_always_an_address(text):
    """The quick way for plain IPv4 never lets through what the library would refuse."""
    answer = TrustedProxies().client({"REMOTE_ADDR": text})

    assert answer is None or answer == str(ipaddress.ip_address(answer))


@pytest.mark.parametrize("peer", ["192.0.2.1", "11.0.0.1", "2001:db8:fffe::1", "evil"])
def test_a_stranger_is_not_believed(peer):
    assert (None if peer == "evil" else peer) == behind(CLIENT, peer=peer)


@pytest.mark.parametrize("peer", [PROXY, "10.255.255.255", "2001:db8:ffff::9", "::ffff:10.0.0.1"])
def test_a_proxy_of_ours_is_believed(peer):
    assert behind(CLIENT, peer=peer) == CLIENT


@pytest.mark.parametrize(
    "forwarded_for, client",
    [
        ("192.0.2.66, 198.51.100.7", CLIENT),
        ("192.0.2.66,198.51.100.7,10.0.0.3, 10.0.0.2", CLIENT),
        ("garbage, , unknown, 198.51.100.7", CLIENT),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("198.51.100.7, unknown", None),
        ("198.51.100.7, ", None),
        ("198.51.100.7, unknown, 10.0.0.2", None),
        ("", PROXY),
    ],
)
def test_x_forwarded_for_is_read_from_the_right(forwarded_for, client):
    assert client == behind(forwarded_for)


def test_a_proxy_that_says_nothing_is_the_client_itself():
    """Its own health checks."""
    assert PROXIES.client({"REMOTE_ADDR": PROXY}) == PROXY


@pytest.mark.parametrize(
    "hop, client",
    [
        ("198.51.100.7:443", CLIENT),
        (" 198.51.100.7\t", CLIENT),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("[fe80::1%eth0]:443", "fe80::1"),
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:198.51.100.7", CLIENT),
        ("[::ffff:198.51.100.7]:1", CLIENT),
        ("198.51.100.7:", None),
        ("198.51.100.7:evil", None),
        ("198.51.100.7%eth0", None),
        ("[198.51.100.7]", None),
        ("[2001:db8::7", None),
        ("[2001:db8::7]192.0.2.66", None),
        ("\xa0198.51.100.7", None),
        ("198.51.100.7" + " " * 9000 + "x", None),
    ],
)
def test_ports_brackets_zones_and_mapped_addresses(hop, client):
    assert client == behind(f"192.0.2.66, {hop}")


@pytest.mark.parametrize("peer", ["", "localhost", "<local>", "unix:", b"", None])
def test_a_peer_on_a_unix_socket_is_believed_when_unix_was_named(peer):
    environ = {"HTTP_X_FORWARDED_FOR": f"192.0.2.66, {CLIENT}"}
    if peer is not None:
        environ["REMOTE_ADDR"] = peer

    assert PROXIES.client(environ) == CLIENT
    assert TrustedProxies(["10.0.0.0/8"]).client(environ) is None


def test_a_unix_peer_that_says_nothing_is_unknown():
    assert PROXIES.client({"REMOTE_ADDR": ""}) is None


def test_more_proxies_than_anyone_has_are_nobody():
    assert behind(", ".join([CLIENT] + [PROXY] * 31)) == CLIENT
    assert behind(", ".join([CLIENT] + [PROXY] * 32)) is None


@pytest.mark.parametrize(
    "forwarded, client",
    [
        ("for=198.51.100.7", CLIENT),
        ("For=198.51.100.7;proto=https;by=10.0.0.1", CLIENT),
        ('proto=https ; for="198.51.100.7:4711"', CLIENT),
        ('for="[2001:db8::7]:443"', "2001:db8::7"),
        ('for="[2001:db8::7]"', "2001:db8::7"),
        ("for=[2001:db8::7]:443", "2001:db8::7"),
        (r'for="198.51\.100.7"', CLIENT),
        ('for=192.0.2.66, for="198.51.100.7"', CLIENT),
        ("for=192.0.2.66,for=198.51.100.7,for=10.0.0.3", CLIENT),
        ('for="a, for=b"; by=x, for=198.51.100.7', CLIENT),
        (", ,for=198.51.100.7", CLIENT),
        ("for=10.0.0.3", "10.0.0.3"),
        ("", PROXY),
        ("for=192.0.2.66, for=unknown", None),
        ("for=192.0.2.66, for=_hidden", None),
        ('for=192.0.2.66, for="_hidden:_port"', None),
        ("for=192.0.2.66, proto=https", None),
        ("for=192.0.2.66,", None),
    ],
)
def test_forwarded_is_read_by_its_grammar_and_from_the_right(forwarded, client):
    assert client == by_rfc7239(forwarded)


@pytest.mark.parametrize(
    "forwarded",
    [
        'for=192.0.2.66, for="198.51.100.7',
        'for="192.0.2.66, for=198.51.100.7',
        "for=192.0.2.66 for=198.51.100.7",
        "for=198.51.100.7;for=192.0.2.66",
        "for=198.51.100.7;FOR=192.0.2.66",
        'for="198.51.100.7"192.0.2.66',
        "for==198.51.100.7",
        "for = 198.51.100.7",
        "for=198.51.100.7\xa0",
        "for",
        '"for=198.51.100.7',
        "\xa0, for=198.51.100.7",
        '"',
    ],
)
def test_a_broken_forwarded_names_nobody(forwarded):
    assert by_rfc7239(forwarded) is None


@pytest.mark.parametrize(
    "prepended",
    ['for="', 'for="x, for=192.0.2.66', 'for="\\', 'for=192.0.2.66;host="', "for=192.0.2.66;by=", 'a="b;c'],
)
@pytest.mark.parametrize(
    "appended",
    ["for=198.51.100.7", 'for="198.51.100.7:80"', 'for=198.51.100.7;host="shop.example";proto=https'],
)
def test_an_open_quote_swallows_no_entry_of_the_proxy(prepended, appended):
    assert by_rfc7239(f"{prepended}, {appended}") in (CLIENT, None)


def test_the_header_that_is_not_configured_is_never_read():
    both = {"REMOTE_ADDR": PROXY, "HTTP_FORWARDED": "for=192.0.2.66", "HTTP_X_FORWARDED_FOR": CLIENT}
    one = {"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": CLIENT}

    assert PROXIES.client(both) == CLIENT
    assert FORWARDED.client(both) == "192.0.2.66"
    assert FORWARDED.client(one) == PROXY


hostile = st.text('for=";, \\[]:_192.0.2.66abc', max_size=60) | st.text(max_size=30)


@patient
@given(hostile, st.ip_addresses().filter(lambda address: not PROXIES.trusts(address)))
def test_whatever_is_prepended_the_proxys_word_holds(prepended, client):
    """X-Forwarded-For: what the proxy appended is the answer, always."""
    mapped = client.ipv4_mapped if client.version == 6 else None

    assert str(mapped or client) == behind(f"{prepended}, {client}")


@patient
@given(
    hostile,
    st.ip_addresses(v=4).filter(lambda address: not FORWARDED.trusts(address)),
    st.sampled_from(["for={}", 'for="{}:80"', 'for={};host="{}";proto=https', 'by="_a";for="{}"']),
    st.text('";\\,=a:', max_size=12),
)
def test_whatever_is_prepended_no_spoofed_address_is_believed(prepended, client, form, host):
    """Forwarded: the answer is what the proxy appended, or nobody, though the proxy quotes a hostile Host."""
    quoted = host.replace("\\", "\\\\").replace('"', '\\"')

    assert by_rfc7239(f"{prepended}, {form.format(client, quoted)}") in (str(client), None)


@pytest.mark.parametrize(
    "piece",
    [
        "for=",
        "a",
        '"',
        "\\",
        ",",
        ";",
        " ",
        "\t",
        'for="',
        'for="\\',
        "10.0.0.1,",
        "for=10.0.0.1,",
        "1:",
        "[",
        "%",
    ],
)
@pytest.mark.parametrize("end", ["", "\x00"])
@pytest.mark.parametrize("size", [8_192, 1_000_000])
def test_hostile_headers_take_linear_time(bounded, piece, end, size):
    text = piece * (size // len(piece)) + end

    assert behind(f"{text}, {CLIENT}") == CLIENT
    assert behind(text) in (None, PROXY)
    assert by_rfc7239(text) in (None, PROXY)
    assert by_rfc7239('for="' + text) in (None, PROXY)


def test_the_address_is_computed_once_a_request():
    environ = {"REMOTE_ADDR": CLIENT}
    first = client_address(environ, TrustedProxies())
    environ["REMOTE_ADDR"] = PROXY

    assert (first, client_address(environ, TrustedProxies())) == (CLIENT, CLIENT)
    assert environ["cactuprivacy.client_address"] == CLIENT


def test_an_unknown_address_is_kept_as_unknown():
    environ = {"REMOTE_ADDR": ""}
    client_address(environ, TrustedProxies())

    assert environ["cactuprivacy.client_address"] is None


def test_proxies_of_a_list_and_of_themselves():
    assert PROXIES is TrustedProxies.of(PROXIES)
    assert behind(CLIENT, proxies=TrustedProxies.of([PROXY])) == CLIENT
    assert behind(CLIENT, proxies=TrustedProxies(["::ffff:10.0.0.0/104"])) == CLIENT


@pytest.mark.parametrize(
    "networks, told",
    [
        ("10.0.0.0/8", "write trusted_proxies=['10.0.0.0/8']"),
        (["10.0.0.1/8"], "has host bits set"),
        (["proxy.example"], "write it as in 10.0.0.0/8, or 'unix'"),
        ([10], "no network of proxies"),
        (["0.0.0.0/0"], "is everybody"),
        (["::/0"], "name your proxies alone"),
    ],
)
def test_a_wrong_declaration_is_refused(networks, told):
    with pytest.raises(DeclarationError, match=r"^[^\n]+[.]$") as refused:
        TrustedProxies(networks)

    assert told in str(refused.value)


def test_another_header_is_refused():
    with pytest.raises(DeclarationError, match="use 'X-Forwarded-For' or 'Forwarded'"):
        TrustedProxies(["10.0.0.0/8"], header="X-Real-IP")

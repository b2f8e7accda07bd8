"""A filter for a gzip body: what is in it goes through, and clients can read each piece at once."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy.wsgi import Exchange
from cactuprivacy.wsgi.coding import Gunzipped, coding_of, forget_length, only_gzip


class Shouting:
    """Returns what came before, in capitals, and holds the newest chunk back."""

    def __init__(self):
        self.held = b""

    def feed(self, chunk):
        self.held, ready = chunk, self.held
        return ready.upper()

    def end(self):
        return self.held.upper()


def through(body, step):
    filtering = Gunzipped(Shouting())
    sent = [filtering.feed(body[at : at + step]) for at in range(0, len(body), step)]
    return b"".join([*sent, filtering.end()])


@given(st.binary(max_size=3000), st.integers(1, 500))
def test_what_is_packed_goes_through_the_filter(plain, step):
    assert plain.upper() == gzip.decompress(through(gzip.compress(plain), step))


def test_what_was_packed_in_two_members_is_one_body():
    body = gzip.compress(b"one ") + gzip.compress(b"two")

    assert b"ONE TWO" == gzip.decompress(through(body, len(body)))


def test_W18_a_client_can_read_each_chunk_at_once():
    packer, reader = zlib.compressobj(wbits=31), zlib.decompressobj(31)
    filtering = Gunzipped(Shouting())
    seen = []
    for chunk in (b"one ", b"two ", b"three "):
        packed = packer.compress(chunk) + packer.flush(zlib.Z_SYNC_FLUSH)
        seen.append(reader.decompress(filtering.feed(packed)))

    assert [b"", b"ONE ", b"TWO "] == seen


def test_a_body_that_unpacks_to_very_much_is_never_held_as_a_whole():
    longest = []

    class Measuring(Shouting):
        def feed(self, chunk):
            longest.append(len(chunk))
            return b""

    Gunzipped(Measuring()).feed(gzip.compress(b"a" * 10_000_000))

    assert 10_000_000 == sum(longest)
    assert 65536 == max(longest)


def test_what_is_no_gzip_ends_the_body():
    assert b"" == gzip.decompress(through(b"<link rel=preconnect href=//evil.example>", 7))


def test_what_breaks_off_is_sent_as_far_as_it_went():
    assert b"ONE" == gzip.decompress(through(gzip.compress(b"one") + b"garbage", 1000))


def exchange_of(*headers):
    exchange = Exchange({})
    exchange.headers = list(headers)
    return exchange


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        ([], ""),
        (["GZIP"], "gzip"),
        (["identity"], ""),
        (["br", "gzip"], "br, gzip"),
        ([" x-gzip "], "x-gzip"),
    ],
)
def test_the_coding_of_a_response(values, coding):
    assert coding == coding_of(exchange_of(*[("Content-Encoding", value) for value in values]))


def test_other_bytes_have_another_length_and_are_weakly_the_same():
    exchange = exchange_of(
        ("Content-Type", "text/html"), ("Content-Length", "3"), ("ETag", '"a"'), ("Accept-Ranges", "bytes")
    )
    forget_length(exchange)

    assert [("Content-Type", "text/html"), ("ETag", 'W/"a"')] == exchange.headers


def test_a_weak_etag_is_weak_already():
    exchange = exchange_of(("ETag", 'W/"a"'))
    forget_length(exchange)

    assert [("ETag", 'W/"a"')] == exchange.headers


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("gzip, deflate, br, zstd", "gzip"),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip"),
        ("deflate,GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("br, gzip;q=0", "identity"),
        ("br, gzip; q=0.000", "identity"),
        ("br", "identity"),
        ("", "identity"),
        ("gzipped", "identity"),
    ],
)
def test_of_all_codings_gzip_is_asked_for(said, left):
    assert left == only_gzip(said)

# SPDX-License-Identifier: Apache-2.0
"""Bodies survive every coding in any cut, bombs stay bounded, and broken ones are told."""

import gzip

import pytest
from clickhouse_connect.driver.compression import get_compressor
from hypothesis import given
from hypothesis import strategies as st

from ovpo.foundation.clickhouse.server.encoding import CODINGS, accepted, decoder, encoder
from ovpo.foundation.clickhouse.server.errors import QueryError


def decoded(coding: str, data: bytes, step: int) -> bytes:
    reader = decoder(coding)
    out = b"".join(piece for at in range(0, len(data), step) for piece in reader.feed(data[at : at + step]))
    reader.finish()
    return out


@given(st.sampled_from(CODINGS), st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50))
def test_what_is_encoded_in_any_pieces_is_decoded_from_any_others(coding: str, pieces: list[bytes], step: int) -> None:
    writer = encoder(coding)
    wire = b"".join(writer.feed(piece) for piece in pieces) + writer.finish()
    assert decoded(coding, wire, step) == b"".join(pieces)


@pytest.mark.parametrize("coding", ["lz4", "zstd", "gzip"])
def test_the_clients_own_blocks_are_read(coding: str) -> None:
    writer = get_compressor(coding)
    blocks = [b"one" * 1000, b"two" * 2000]
    wire = b"".join(bytes(writer.compress_block(block)) for block in blocks) + bytes(writer.flush() or b"")  # type: ignore[no-untyped-call]
    assert decoded(coding, wire, 97) == b"".join(blocks)


def test_gzip_members_follow_one_another() -> None:
    assert decoded("gzip", gzip.compress(b"a") + gzip.compress(b"b"), 5) == b"ab"


@pytest.mark.parametrize("coding", CODINGS)
def test_a_bomb_comes_out_in_small_pieces(coding: str) -> None:
    writer = encoder(coding)
    wire = writer.feed(bytes(32 << 20)) + writer.finish()
    sizes = [len(piece) for piece in decoder(coding).feed(wire)]
    assert sum(sizes) == 32 << 20
    assert max(sizes) <= 1 << 20


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("broken", ["garbage", "cut"])
def test_a_body_that_is_not_what_it_says_is_refused(coding: str, broken: str) -> None:
    writer = encoder(coding)
    wire = writer.feed(b"some rows" * 100) + writer.finish()
    with pytest.raises(QueryError) as refused:
        decoded(coding, b"garbage, not a frame" if broken == "garbage" else wire[:-3], 7)
    assert refused.value.code == 271
    assert coding in refused.value.message


def test_an_unknown_coding_is_refused_with_the_known_ones() -> None:
    with pytest.raises(QueryError, match="lz4, zstd, gzip, deflate") as refused:
        decoder("snappy")
    assert refused.value.status == 501


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("lz4,zstd,gzip,deflate", "lz4"),
        ("br, gzip;q=0.5", "gzip"),
        ("zstd;q=0, deflate", "deflate"),
        ("", ""),
        ("br", ""),
    ],
)
def test_the_first_known_coding_of_the_client_is_taken(header: str, coding: str) -> None:
    assert accepted(header) == coding

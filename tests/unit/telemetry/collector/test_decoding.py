# SPDX-License-Identifier: Apache-2.0
"""Bodies in pieces: however they are cut, what comes out is what went in, and never more than the limit."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.collector.declared import Encoding
from ovpo.telemetry.collector.decoding import ON_THE_WIRE_BYTES, decode
from ovpo.telemetry.collector.refusal import RefusedError
from ovpo.telemetry.contract.limits import BODY_BYTES

COMPRESS: dict[Encoding, Callable[[bytes], bytes]] = {
    Encoding.IDENTITY: bytes,
    Encoding.GZIP: gzip.compress,
    Encoding.ZSTD: zstd.compress,
}


def decoded(pieces: list[bytes], encoding: Encoding) -> bytes:
    async def arriving() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return asyncio.run(decode(arriving(), encoding))


@settings(deadline=None, max_examples=50)
@given(
    parts=st.lists(st.binary(max_size=200), min_size=1, max_size=4),
    cuts=st.sets(st.integers(0, 500), max_size=6),
    encoding=st.sampled_from(Encoding),
)
def test_a_body_comes_out_as_it_went_in_however_it_is_cut(
    parts: list[bytes], cuts: set[int], encoding: Encoding
) -> None:
    sent = b"".join(COMPRESS[encoding](part) for part in parts)
    pieces = [sent[a:b] for a, b in pairwise([0, *sorted(cuts), len(sent) + 500])]
    assert decoded(pieces, encoding) == b"".join(parts)


@settings(deadline=None, max_examples=50)
@given(cut=st.integers(0, 10_000), encoding=st.sampled_from([Encoding.GZIP, Encoding.ZSTD]))
def test_a_compressed_body_that_was_cut_short_is_refused(cut: int, encoding: Encoding) -> None:
    sent = COMPRESS[encoding](b"telemetry" * 30)
    with pytest.raises(RefusedError) as refused:
        decoded([sent[: cut % len(sent)]], encoding)
    assert refused.value.code is Code.INVALID_FORMAT


@settings(deadline=None, max_examples=50)
@given(noise=st.binary(min_size=1, max_size=300), encoding=st.sampled_from([Encoding.GZIP, Encoding.ZSTD]))
def test_noise_is_refused_and_never_fails_otherwise(noise: bytes, encoding: Encoding) -> None:
    try:
        decoded([noise], encoding)
    except RefusedError as refused:
        assert refused.code is Code.INVALID_FORMAT  # noqa: PT017 - noise may be a valid empty stream


@pytest.mark.parametrize("encoding", Encoding)
def test_reading_stops_with_the_first_piece_that_is_too_much(encoding: Encoding) -> None:
    asked = 0

    async def arriving() -> AsyncIterator[bytes]:
        nonlocal asked
        for _ in range(1000):
            asked += 1
            yield COMPRESS[encoding](bytes(1_048_576))

    with pytest.raises(RefusedError) as refused:
        asyncio.run(decode(arriving(), encoding))
    assert refused.value.code is Code.PAYLOAD_TOO_LARGE
    assert asked == BODY_BYTES // 1_048_576 + 1


def test_streams_that_stand_for_nothing_do_not_arrive_for_ever() -> None:
    nothing = gzip.compress(b"") * 1000
    asked = 0

    async def arriving() -> AsyncIterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield nothing

    with pytest.raises(RefusedError) as refused:
        asyncio.run(decode(arriving(), Encoding.GZIP))
    assert refused.value.code is Code.PAYLOAD_TOO_LARGE
    assert (asked - 1) * len(nothing) <= ON_THE_WIRE_BYTES

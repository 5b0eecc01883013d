# SPDX-License-Identifier: Apache-2.0
"""A body as it arrives, decompressed on the way and never held beyond the contract's size, whatever it expands to."""

import zlib
from collections.abc import AsyncIterator
from typing import Final, Protocol

from backports import zstd

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.collector.declared import Encoding
from ovpo.telemetry.collector.refusal import RefusedError
from ovpo.telemetry.contract.limits import BODY_BYTES

ON_THE_WIRE_BYTES: Final = BODY_BYTES + 64 * 1024
"""What may arrive: compressing what cannot be compressed adds a little, and empty blocks would arrive for ever."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_LARGEST_WINDOW: Final = 23
"""8 MiB, what RFC 8878 asks of every decoder: the sender's choice of window is memory of ours."""


class _Stream(Protocol):
    """One compressed stream; both libraries speak so."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


async def decode(chunks: AsyncIterator[bytes], encoding: Encoding) -> bytes:
    """Give the decoded body; stop reading as soon as it is too large or cannot be decoded."""
    body, arrived = bytearray(), 0
    inflate = None if encoding is Encoding.IDENTITY else _Inflate(encoding)
    async for chunk in chunks:
        arrived += len(chunk)
        room = BODY_BYTES - len(body)
        body += inflate.more(chunk, room + 1) if inflate else chunk[: room + 1]
        if len(body) > BODY_BYTES or arrived > ON_THE_WIRE_BYTES:
            raise RefusedError(
                Code.PAYLOAD_TOO_LARGE, f"has more than {BODY_BYTES} bytes when decoded; split the batch", field="$"
            )
    if inflate and not inflate.complete:
        raise _broken(encoding, "ends before its end")
    return bytes(body)


class _Inflate:
    """Decompresses a row of streams, as both formats allow, without ever giving more than it is asked for."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._stream = _open(encoding)

    @property
    def complete(self) -> bool:
        """Whether the last stream has come to its end; nothing at all is no stream."""
        return self._stream.eof

    def more(self, data: bytes, most: int) -> bytes:
        """Decompress what has arrived, up to `most` bytes; with that many the rest is lost."""
        out = bytearray()
        while data and len(out) < most:
            if self._stream.eof:
                self._stream = _open(self._encoding)
            try:
                out += self._stream.decompress(data, most - len(out))
            except (zlib.error, zstd.ZstdError) as error:
                raise _broken(self._encoding, f"cannot be decompressed: {error}") from None
            data = self._stream.unused_data if self._stream.eof else b""
        return bytes(out)


def _open(encoding: Encoding) -> _Stream:
    if encoding is Encoding.ZSTD:
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _LARGEST_WINDOW})
    return zlib.decompressobj(_GZIP)


def _broken(encoding: Encoding, what: str) -> RefusedError:
    return RefusedError(Code.INVALID_FORMAT, f"the {encoding.value} body {what}; send it again", field="body")

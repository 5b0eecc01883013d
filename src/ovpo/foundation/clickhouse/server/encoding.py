# SPDX-License-Identifier: Apache-2.0
"""HTTP body compression both ways: which coding to use, and streaming coders for it.

Knows nothing of HTTP beyond the names of codings, and nothing of ClickHouse's own block compression.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from backports import zstd
from lz4.frame import LZ4FrameCompressor, LZ4FrameDecompressor  # type: ignore[import-untyped]

from ovpo.foundation.clickhouse.server.errors import QueryError, bad_encoding, not_implemented

CODINGS = ("lz4", "zstd", "gzip", "deflate")
_OUTPUT_STEP = 1 << 20


class Decoder(Protocol):
    """Turns a compressed body back, chunk by chunk."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bytes that `data` completes."""

    def finish(self) -> None:
        """Raise where the body ended in the middle."""


class Encoder(Protocol):
    """Compresses a body, chunk by chunk; every chunk can be read at once by the other side."""

    def feed(self, data: bytes) -> bytes:
        """The compressed form of `data`."""

    def finish(self) -> bytes:
        """What closes the body."""


class Plain:
    """No coding at all."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The data itself."""
        yield data

    def finish(self) -> None:
        """Nothing can be missing."""


class ZlibDecoder:
    """gzip (all members) and deflate, in bounded steps, so that a small bomb cannot fill the memory."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._bits = zlib.MAX_WBITS | (16 if coding == "gzip" else 0)
        self._inner = zlib.decompressobj(self._bits)
        self._started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bytes that `data` completes."""
        piece = b""
        while data or len(piece) == _OUTPUT_STEP:
            if self._inner.eof:
                if not data:
                    return
                self._inner = zlib.decompressobj(self._bits)
            self._started = True
            try:
                piece = self._inner.decompress(data, _OUTPUT_STEP)
            except zlib.error as error:
                raise bad_encoding(self._coding, str(error)) from error
            data = self._inner.unconsumed_tail or self._inner.unused_data
            yield piece

    def finish(self) -> None:
        """Raise where the body ended in the middle."""
        if self._started and not self._inner.eof:
            raise bad_encoding(self._coding, "it ends too early")


class FrameDecoder:
    """lz4 or zstd frames, one after the other, as clickhouse-connect writes them (one a block)."""

    def __init__(self, coding: str, make: Callable[[], LZ4FrameDecompressor | zstd.ZstdDecompressor]) -> None:
        self._coding = coding
        self._make = make
        self._inner = make()
        self._started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bytes that `data` completes."""
        pending = data
        while pending or (self._started and not self._inner.eof and not self._inner.needs_input):
            if self._inner.eof:
                self._inner = self._make()
            self._started = True
            try:
                piece = self._inner.decompress(pending, max_length=_OUTPUT_STEP)
            except (RuntimeError, EOFError, zstd.ZstdError) as error:
                raise bad_encoding(self._coding, str(error)) from error
            pending = (self._inner.unused_data or b"") if self._inner.eof else b""
            yield piece

    def finish(self) -> None:
        """Raise where the body ended in the middle."""
        if self._started and not self._inner.eof:
            raise bad_encoding(self._coding, "it ends too early")


class PlainEncoder:
    """No coding at all."""

    def feed(self, data: bytes) -> bytes:
        """The data itself."""
        return data

    def finish(self) -> bytes:
        """Nothing closes it."""
        return b""


class ZlibEncoder:
    """gzip or deflate at a level that keeps up with a local socket."""

    def __init__(self, coding: str) -> None:
        bits = zlib.MAX_WBITS | (16 if coding == "gzip" else 0)
        self._inner = zlib.compressobj(3, zlib.DEFLATED, bits)

    def feed(self, data: bytes) -> bytes:
        """The compressed form of `data`."""
        return self._inner.compress(data) + self._inner.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        """What closes the body."""
        return self._inner.flush()


class FrameEncoder:
    """One lz4 frame."""

    def __init__(self) -> None:
        self._inner = LZ4FrameCompressor(auto_flush=True)
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        """The compressed form of `data`."""
        head = b"" if self._begun else self._inner.begin()
        self._begun = True
        return bytes(head + self._inner.compress(data))

    def finish(self) -> bytes:
        """What closes the body."""
        head = b"" if self._begun else self._inner.begin()
        return bytes(head + self._inner.flush())


class ZstdEncoder:
    """One zstd frame, flushed with each chunk."""

    def __init__(self) -> None:
        self._inner = zstd.ZstdCompressor(level=1)

    def feed(self, data: bytes) -> bytes:
        """The compressed form of `data`."""
        return self._inner.compress(data, mode=zstd.ZstdCompressor.FLUSH_BLOCK)

    def finish(self) -> bytes:
        """What closes the body."""
        return self._inner.flush()


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "": Plain,
    "identity": Plain,
    "lz4": lambda: FrameDecoder("lz4", LZ4FrameDecompressor),
    "zstd": lambda: FrameDecoder("zstd", zstd.ZstdDecompressor),
    "gzip": lambda: ZlibDecoder("gzip"),
    "x-gzip": lambda: ZlibDecoder("gzip"),
    "deflate": lambda: ZlibDecoder("deflate"),
}
_ENCODERS: dict[str, Callable[[], Encoder]] = {
    "": PlainEncoder,
    "lz4": FrameEncoder,
    "zstd": ZstdEncoder,
    "gzip": lambda: ZlibEncoder("gzip"),
    "deflate": lambda: ZlibEncoder("deflate"),
}


def decoder(coding: str) -> Decoder:
    """The reader of a request body whose Content-Encoding is `coding`."""
    make = _DECODERS.get(coding.strip().lower())
    if make is None:
        raise unknown_coding(coding)
    return make()


def encoder(coding: str) -> Encoder:
    """The writer of a response body in `coding`, one of CODINGS or empty."""
    return _ENCODERS[coding]()


def unknown_coding(coding: str) -> QueryError:
    """The error for a Content-Encoding nobody here can read."""
    return not_implemented(f"Content-Encoding {coding!r} is unknown. Use one of: {', '.join(CODINGS)}.")


def accepted(header: str) -> str:
    """The coding to answer with: the first one the client lists that is known, or none (empty)."""
    for part in header.split(","):
        name, _, weight = part.strip().lower().partition(";")
        if name.strip() in CODINGS and weight.strip() not in {"q=0", "q=0.0"}:
            return name.strip()
    return ""

# SPDX-License-Identifier: Apache-2.0
"""Embeddings as files: `NAME.npy` with the rows and `NAME.json` beside it, which says what they are.

The sidecar is written last and holds the digest of the rows, so that a reader sees a pair that belongs together or an
error, whoever writes meanwhile.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from ovpo.sop.embedding import Embedding, Rows, Sidecar
from ovpo.sop.errors import EmbeddingError
from ovpo.sop.versioned import OtherVersionError, decode
from ovpo.sop.whole_files import replacing

SCHEMA_VERSION: Final = "1.0"
UNIT_TOLERANCE: Final = 1e-4
MAGIC: Final = b"\x93NUMPY"
TRIES: Final = 3
"""How often a pair is read whose halves do not belong together, as they do not while it is being replaced."""


class _Stored(Struct, frozen=True, kw_only=True):
    schema_version: str
    shape: tuple[int, int]
    sha256: str
    sidecar: Sidecar


class _AnyVersion(Struct, frozen=True):
    """What every sidecar has had and will have, and no other file of ours."""

    schema_version: str
    sha256: str
    sidecar: dict[str, object]


@dataclass(frozen=True, slots=True)
class _Pair:
    rows: Path
    sidecar: Path


def save(path: Path, embedding: Embedding) -> Path:
    """Write `NAME.npy` and `NAME.json` for a path that ends in NAME or `NAME.npy`; give the path of the rows.

    Files that are no embedding are not replaced.
    """
    pair = _pair(path)
    refuse_to_replace(path)
    _check(pair.rows, embedding.rows, embedding.sidecar)
    rows = np.ascontiguousarray(embedding.rows)
    length, width = rows.shape
    stored = _Stored(
        schema_version=SCHEMA_VERSION,
        shape=(length, width),
        sha256=_digest(rows),
        sidecar=embedding.sidecar,
    )
    text = msgspec.json.encode(stored)
    try:
        with replacing(pair.sidecar) as sidecar:
            sidecar.write(msgspec.json.format(text))
            with replacing(pair.rows) as draft:
                np.save(draft, rows, allow_pickle=False)
    except OSError as error:
        raise EmbeddingError(
            "cannot_write", f"{pair.rows}: cannot be written ({error.strerror or error}); give a folder with room"
        ) from error
    return pair.rows


def refuse_to_replace(path: Path) -> None:
    """Raise EmbeddingError where `save` would write over a file that is no embedding."""
    pair = _pair(path)
    if pair.sidecar.exists():
        if not _is_sidecar(pair.sidecar):
            raise EmbeddingError(
                "already_there",
                f"{pair.sidecar}: is there already and is no sidecar of an embedding; move it, or write into another "
                "folder",
            )
    elif pair.rows.exists():
        raise EmbeddingError(
            "already_there",
            f"{pair.rows}: is there already without {pair.sidecar.name}; move it, or write into another folder",
        )


def is_stored(path: Path) -> bool:
    """Tell rows from a video by what is in the file; what only its name calls rows is left to `load` to refuse."""
    return path.suffix == ".npy" or _is_array(path)


def load(path: Path) -> Embedding:
    """Read what `save` wrote, by NAME or by the path of the rows, which may have another name than they were given.

    The rows stay on disk until they are looked at, and cannot be written to.
    """
    pair = _Pair(path, path.with_suffix(".json")) if _is_array(path) else _pair(path)
    _refuse_what_is_no_array(pair.rows)
    for _ in range(TRIES):
        stored = _read_sidecar(pair.sidecar)
        rows = _read_rows(pair.rows)
        if rows.shape == stored.shape and _digest(rows) == stored.sha256:
            _check(pair.rows, rows, stored.sidecar)
            return Embedding(rows, stored.sidecar)
    raise EmbeddingError(
        "not_a_pair",
        f"{pair.rows}: holds other rows than {pair.sidecar.name} describes ({rows.shape} instead of {stored.shape}, "
        "or other numbers); make the embedding again",
    )


def _pair(path: Path) -> _Pair:
    name = path.name.removesuffix(".npy")
    return _Pair(path.with_name(f"{name}.npy"), path.with_name(f"{name}.json"))


def _is_array(file: Path) -> bool:
    try:
        return file.is_file() and _head(file) == MAGIC
    except OSError:
        return False


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(len(MAGIC))


def _is_sidecar(file: Path) -> bool:
    try:
        msgspec.json.decode(file.read_bytes(), type=_AnyVersion)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _refuse_what_is_no_array(file: Path) -> None:
    if not file.exists():
        raise EmbeddingError("missing", f"{file}: there is no such file; check the path")
    if not file.is_file():
        raise EmbeddingError("bad_rows", f"{file}: is no plain file; give the path of an embedding")
    try:
        head = _head(file)
    except OSError as error:
        raise EmbeddingError("bad_rows", f"{file}: cannot be read ({error.strerror}); check who may read it") from error
    if head != MAGIC:
        raise EmbeddingError(
            "bad_rows",
            f"{file}: is no array of numbers, whatever its name says; rename it if it is a video, or make the "
            "embedding again",
        )


def _read_sidecar(file: Path) -> _Stored:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise EmbeddingError(
            "no_sidecar",
            f"{file}: cannot be read ({error.strerror or error}); rows are of no use without it, make both",
        ) from error
    try:
        return decode(text, _Stored, SCHEMA_VERSION)
    except OtherVersionError as error:
        raise EmbeddingError(
            "schema_version",
            f"{file}: schema_version is {error.found}, and {SCHEMA_VERSION} is read here; make the embedding again",
        ) from error
    except msgspec.DecodeError as error:
        raise EmbeddingError(
            "bad_sidecar", f"{file}: is no sidecar of an embedding ({error}); make the embedding again"
        ) from error


def _read_rows(file: Path) -> Rows:
    try:
        rows = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise EmbeddingError(
            "bad_rows", f"{file}: cannot be read as rows of numbers ({error}); make the embedding again"
        ) from error
    if not isinstance(rows, np.ndarray) or rows.dtype != np.float32:
        raise EmbeddingError("bad_rows", f"{file}: does not hold float32; make the embedding again")
    return rows


def _check(file: Path, rows: Rows, sidecar: Sidecar) -> None:
    if rows.dtype != np.float32:
        raise EmbeddingError("bad_rows", f"{file}: dtype is {rows.dtype}, not float32; give the embedder's own rows")
    expected = (sidecar.video.clips, sidecar.maker.dims)
    if rows.shape != expected or not rows.size:
        raise EmbeddingError(
            "bad_shape",
            f"{file}: has shape {rows.shape}, where video.clips and maker.dims say {expected} and at least one row is "
            "wanted; make the embedding again",
        )
    for name in ("brightness", "motion", *(("presence",) if sidecar.presence else ())):
        values = getattr(sidecar, name)
        if len(values) != len(rows) or not np.isfinite(values).all():
            raise EmbeddingError(
                "bad_sidecar",
                f"{file}: {name} is not {len(rows)} finite numbers, one a row; make the embedding again",
            )
    squares = np.einsum("ij,ij->i", rows, rows)
    if not np.isfinite(squares).all():
        raise EmbeddingError("not_finite", f"{file}: a row is not finite; make the embedding again")
    wrong = np.flatnonzero((np.abs(np.sqrt(squares) - 1) > UNIT_TOLERANCE) & rows.any(axis=1))
    if wrong.size:
        raise EmbeddingError(
            "not_unit_length",
            f"{file}: row {wrong[0]} has length {np.sqrt(squares[wrong[0]]):.4f}, neither 1 nor 0; "
            "make the embedding again",
        )


def _digest(rows: Rows) -> str:
    return sha256(np.ascontiguousarray(rows).data).hexdigest()

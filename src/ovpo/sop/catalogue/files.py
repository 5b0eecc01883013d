# SPDX-License-Identifier: Apache-2.0
"""Embeddings as pairs of objects: rows under a key that ends in .npy, and their sidecar, which ends in .json.

They are written and read as the engine's files, with its checks: the sidecar is put last and holds the digest of the
rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.foundation.objects.store import ObjectStore
from ovpo.sop import embedding_files
from ovpo.sop.embedding import Embedding
from ovpo.sop.errors import EmbeddingError
from ovpo.sop.records.catalogue import Entry
from ovpo.sop.records.keys import digest_of, of_adapted, of_embedding


def sidecar_of(key: str) -> str:
    """Name the sidecar of rows."""
    return f"{key.rpartition('.')[0]}.json"


def rows_of(key: str) -> str:
    """Name the rows of either half of a pair."""
    return f"{key.rpartition('.')[0]}.npy"


def folders_of(tenant_id: str, video_id: UUID) -> tuple[str, str]:
    """Name the prefixes that the files of a video's embeddings lie under: the raw ones, the adapted ones."""
    raw, adapted = (of(tenant_id, video_id, "any") for of in (of_embedding, of_adapted))
    return raw.rpartition("/")[0], adapted.rpartition("/")[0]


def save(copies: Copies, key: str, embedding: Embedding) -> None:
    """Write an embedding under a key that ends in .npy, in place of the former; raise EmbeddingError for a bad one."""
    with _drafts(copies) as folder:
        rows = embedding_files.save(folder / key.rpartition("/")[2], embedding)
        copies.put(key, rows)
        copies.put(sidecar_of(key), rows.with_suffix(".json"))


def load(copies: Copies, key: str) -> Embedding:
    """Read an embedding; the rows stay on disk until they are looked at."""
    try:
        return embedding_files.load(copies.beside(key, sidecar_of(key)))
    except ObjectNotFoundError as error:
        raise EmbeddingError("missing", f"embedding {key}: {error}; make it again") from error


def load_entry(copies: Copies, entry: Entry) -> Embedding:
    """Read the embedding of an entry; raise EmbeddingError too where it is another than the entry says."""
    found = load(copies, entry.key)
    sizes = found.rows.shape if entry.clips is None else (entry.clips, entry.dims)
    maker = digest_of(found.sidecar.maker)
    if (maker, found.sidecar.adapter, found.rows.shape) != (entry.maker, entry.adapter, sizes):
        raise EmbeddingError(
            "differs",
            f"embedding {entry.key}: its maker, adapter and shape are {maker}, {found.sidecar.adapter} and "
            f"{found.rows.shape}; the catalogue has {entry.maker}, {entry.adapter} and {sizes}; make it again",
        )
    return found


def remove(store: ObjectStore, key: str) -> None:
    """Remove a pair, sidecar first, so that what is left half is no pair; that it was not there is no error."""
    store.delete(sidecar_of(key))
    store.delete(key)


@contextmanager
def _drafts(copies: Copies) -> Iterator[Path]:
    copies.cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="drafts-", dir=copies.cache) as folder:
        yield Path(folder)

# SPDX-License-Identifier: Apache-2.0
"""Embeddings in the object store: a folder and a cloud give the same, and what is not sound is refused."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from ovpo.foundation.objects.copies import Copies
from ovpo.sop.catalogue import files
from ovpo.sop.errors import EmbeddingError
from ovpo.sop.records.keys import of_embedding
from tests.unit.sop.catalogue.shelf import in_a_cloud, in_a_folder, put
from tests.unit.sop.embedding.building import embedding, some_rows


@pytest.fixture(params=[in_a_folder, in_a_cloud])
def copies(request: pytest.FixtureRequest, tmp_path: Path) -> Copies:
    opened: Callable[[Path], Copies] = request.param
    return opened(tmp_path)


def test_an_embedding_is_read_as_it_was_written_and_stays_on_disk(copies: Copies) -> None:
    made = embedding(some_rows(9, 1))
    files.save(copies, "a/b.npy", made)
    read = files.load(copies, "a/b.npy")
    assert (read.rows.tolist(), read.sidecar) == (made.rows.tolist(), made.sidecar)
    assert isinstance(read.rows, np.memmap)
    assert not read.rows.flags.writeable


def test_an_embedding_that_was_replaced_is_read_anew(copies: Copies) -> None:
    for seed in (1, 2):
        files.save(copies, "a/b.npy", embedding(some_rows(9, seed)))
        assert files.load(copies, "a/b.npy").rows.tolist() == some_rows(9, seed).tolist()


def test_writing_leaves_no_drafts_behind(copies: Copies) -> None:
    put(copies, 1, some_rows(3, 1))
    bad = embedding(some_rows(3, 1) * 2)
    with pytest.raises(EmbeddingError, match="neither 1 nor 0"):
        files.save(copies, "a/b.npy", bad)
    assert not list(copies.cache.iterdir())
    assert [found.key for found in copies.store.list("a")] == []


@pytest.mark.parametrize("half", ["a/b.npy", "a/b.json"])
def test_half_a_pair_is_no_embedding(copies: Copies, half: str) -> None:
    files.save(copies, "a/b.npy", embedding(some_rows(9, 1)))
    copies.store.delete(half)
    with pytest.raises(EmbeddingError, match=r"embedding a/b\.npy: .*make it again") as raised:
        files.load(copies, "a/b.npy")
    assert raised.value.code == "missing"


def test_rows_that_are_not_those_of_the_sidecar_are_refused(copies: Copies) -> None:
    files.save(copies, "a/b.npy", embedding(some_rows(9, 1)))
    files.save(copies, "a/c.npy", embedding(some_rows(9, 2)))
    copies.store.put("a/b.npy", copies.store.get("a/c.npy"))
    with pytest.raises(EmbeddingError, match="holds other rows"):
        files.load(copies, "a/b.npy")


def test_a_pair_is_removed_whole_and_may_be_gone_already(copies: Copies) -> None:
    stored = put(copies, 1, some_rows(3, 1))
    for _ in range(2):
        files.remove(copies.store, stored.key)
        assert list(copies.store.list("sop")) == []


def test_the_files_of_a_video_lie_below_its_two_prefixes() -> None:
    raw, adapted = files.folders_of("demo", UUID(int=7))
    assert of_embedding("demo", UUID(int=7), "0" * 16).startswith(f"{raw}/")
    assert adapted == raw.replace("embeddings", "adapted")

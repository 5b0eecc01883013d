# SPDX-License-Identifier: Apache-2.0
"""The tables of embeddings: what they say of sound ones, and that the rules find what is wrong."""

from collections.abc import Callable
from uuid import UUID

import msgspec
import numpy as np
import polars as pl
import pytest

from ovpo.sop.catalogue import files, table
from ovpo.sop.catalogue.adapting import adapt
from ovpo.sop.catalogue.embedding import embed
from ovpo.sop.catalogue.table import ADAPTED, CLIPS, adapted_table, clips_table
from ovpo.sop.embedding import Embedding, Rows
from ovpo.sop.working import Workplace
from tests.integration.sop.catalogue.conftest import HOUR, HOURS, NEXT_HOUR, Shelf
from tests.unit.sop.embedding.building import some_rows

RULES = (table.not_unit, table.not_as_described, table.outside_of_video)


def broken(found: pl.DataFrame) -> set[str]:
    return {rule.__name__ for rule in RULES if not rule(found).is_empty()}


def test_a_table_has_a_row_for_each_embedding_of_its_windows_and_sound_ones_break_no_rule(
    place: Workplace, shelf: Shelf
) -> None:
    video_id = shelf.film(role="gold")
    embed(place, HOURS)
    shelf.film(window=NEXT_HOUR)
    found = clips_table(place, HOURS)
    assert found.schema == pl.Schema(CLIPS)
    assert found.select("window", "tenant_id", "task_id", "role", "video_id", "clips", "seconds").rows() == [
        (HOUR, "demo", "coffee", "gold", str(video_id), 12, 3.0)
    ]
    assert broken(found) == set()


def test_windows_without_embeddings_give_an_empty_table_of_the_same_columns(place: Workplace) -> None:
    assert clips_table(place, HOURS).schema == pl.Schema(CLIPS)
    assert adapted_table(place, HOURS).schema == pl.Schema(ADAPTED)


def write(place: Workplace, key: str, change: Callable[[Rows], None]) -> None:
    """Change the rows of an embedding behind everybody's back, and leave its sidecar."""
    rows = np.array(files.load(place.copies, key).rows)
    change(rows)
    with place.copies.draft(".npy") as draft:
        np.save(draft, rows)
        place.copies.put(key, draft)


def set_nan(rows: Rows) -> None:
    rows[1, 1] = np.nan


def stretch(rows: Rows) -> None:
    rows[2] *= 1.5


@pytest.mark.parametrize("harm", [set_nan, stretch])
def test_rows_that_are_not_finite_or_not_of_unit_length_are_named(
    place: Workplace, shelf: Shelf, harm: Callable[[Rows], None]
) -> None:
    shelf.embedded()
    stored = shelf.embed(shelf.film(), some_rows(8, 3))
    write(place, stored.key, harm)
    found = table.not_unit(clips_table(place, HOURS))
    assert found["video_id"].to_list() == [str(stored.video_id)]


def test_files_that_are_missing_break_every_rule_and_their_fault_is_told(place: Workplace, shelf: Shelf) -> None:
    stored = shelf.embed(shelf.film(), some_rows(8, 3))
    place.objects.delete(stored.key)
    found = clips_table(place, HOURS)
    assert found["fault"].to_list() == ["missing"]
    assert broken(found) == {rule.__name__ for rule in RULES}


def test_another_size_than_is_on_record_is_named(place: Workplace, shelf: Shelf) -> None:
    shelf.embedded()
    shelf.change("UPDATE sop_embeddings SET dims = dims + 1")
    found = clips_table(place, HOURS)
    assert found["fault"].to_list() == ["differs"]
    assert broken(found) == {"not_as_described", "outside_of_video"}


def test_clips_after_the_end_of_their_video_are_named(
    place: Workplace, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Shelf.made

    def too_long(self: Shelf, video_id: UUID, rows: Rows) -> Embedding:
        found = made(self, video_id, rows)
        facts = msgspec.structs.replace(found.sidecar.video, seconds=1.0)
        return Embedding(found.rows, msgspec.structs.replace(found.sidecar, video=facts))

    monkeypatch.setattr(Shelf, "made", too_long)
    shelf.embedded(some_rows(8, 1))
    assert broken(clips_table(place, HOURS)) == {"outside_of_video"}


def test_what_went_through_a_former_champion_is_named(place: Workplace, shelf: Shelf) -> None:
    shelf.embedded()
    former = shelf.champion(1)
    adapt(place, HOURS)
    found = adapted_table(place, HOURS)
    assert found.schema == pl.Schema(ADAPTED)
    assert found.select("adapter", "champion", "sidecar_agrees", "finite").rows() == [(former, True, True, True)]
    assert table.not_by_champion(found).is_empty()
    shelf.champion(2)
    assert table.not_by_champion(adapted_table(place, HOURS))["adapter"].to_list() == [former]

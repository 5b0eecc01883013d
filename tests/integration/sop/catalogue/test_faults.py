# SPDX-License-Identifier: Apache-2.0
"""Catalogue and files say the same, or the check names what does not; and what it names can be mended."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ovpo.sop.catalogue import files
from ovpo.sop.catalogue.adapting import adapt
from ovpo.sop.catalogue.faults import Mended, index_faults, mend
from ovpo.sop.working import Workplace
from tests.integration.sop.catalogue.conftest import HOURS, NEXT_HOUR, Shelf
from tests.unit.sop.embedding.building import some_rows

LATER = timedelta(hours=2)


def later(place: Workplace) -> Workplace:
    return replace(place, now=lambda: datetime.now(UTC) + LATER)


def faults(place: Workplace) -> list[tuple[str, str]]:
    """Give the faults of all windows, which must be those of the videos' window, two hours later."""
    found = index_faults(later(place))
    assert index_faults(later(place), HOURS).equals(found)
    return [(fault, key) for fault, _, _, key in found.rows()]


@pytest.fixture
def key(place: Workplace, shelf: Shelf) -> str:
    """Put two embeddings there, both adapted; give the key of one."""
    shelf.embedded()
    video_id = shelf.embedded()
    shelf.champion(1)
    adapt(place, HOURS)
    ((found,),) = shelf.rows("SELECT key FROM sop_embeddings WHERE video_id = %s", video_id)
    return str(found)


def test_what_was_entered_with_its_files_has_no_fault(place: Workplace, key: str) -> None:
    assert key
    assert faults(place) == []


@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        (lambda place, key: place.objects.delete(key), "missing"),
        (lambda place, key: place.objects.delete(files.sidecar_of(key)), "missing"),
        (lambda place, key: place.objects.put(key, place.objects.get(key)[:-4]), "bad_rows"),
        (lambda place, key: place.objects.put(key, place.objects.get(key)[:-4] + bytes(4)), "not_a_pair"),
    ],
    ids=["no rows", "no sidecar", "cut off", "changed"],
)
def test_a_row_without_its_files_is_named_and_mended_by_removing_it(
    place: Workplace, shelf: Shelf, key: str, harm: Callable[[Workplace, str], None], fault: str
) -> None:
    harm(place, key)
    assert faults(place) == [(fault, key)]
    assert mend(place, index_faults(place)) == Mended(rows=1)
    assert faults(place) == []
    assert shelf.rows("SELECT count(*) FROM sop_embeddings") == [(1,)]
    assert not place.objects.exists(key)
    assert not place.objects.exists(files.sidecar_of(key))


def test_a_row_that_says_other_than_its_files_is_named(place: Workplace, shelf: Shelf, key: str) -> None:
    shelf.change("UPDATE sop_embeddings SET clips = clips + 1 WHERE key = %s", key)
    assert ("differs", key) in faults(place)


def test_an_adapted_embedding_without_files_is_named_and_made_again_once_mended(
    place: Workplace, shelf: Shelf, key: str
) -> None:
    ((adapted,), _) = shelf.rows("SELECT key FROM sop_adapted ORDER BY key")
    place.objects.delete(str(adapted))
    assert key
    assert faults(place) == [("missing", adapted)]
    assert mend(place, index_faults(place)) == Mended(rows=1)
    assert adapt(place, HOURS).adapted == 1
    assert faults(place) == []


def test_files_without_a_row_are_named_when_they_are_old_and_mended_by_removing_them(
    place: Workplace, shelf: Shelf, key: str
) -> None:
    shelf.change("DELETE FROM sop_embeddings WHERE key = %s", key)
    shelf.change("DELETE FROM sop_adapted WHERE key NOT IN (SELECT max(key) FROM sop_adapted)")
    assert index_faults(place).is_empty()
    assert {fault for fault, _ in faults(place)} == {"no_row"}
    assert len(faults(place)) == 4
    assert mend(place, index_faults(later(place))) == Mended(files=4)
    assert faults(place) == []


def test_what_came_right_meanwhile_is_left_alone(place: Workplace, shelf: Shelf, key: str) -> None:
    content = place.objects.get(key)
    place.objects.delete(key)
    found = index_faults(place)
    place.objects.put(key, content)
    assert mend(place, found) == Mended()
    assert faults(place) == []


def test_a_stray_file_that_lies_where_no_video_is_is_found_too(place: Workplace, shelf: Shelf) -> None:
    shelf.embedded(some_rows(3, 1))
    place.objects.put("sop/demo/embeddings/stray.npy", b"")
    found = index_faults(later(place))
    assert found["video_id"].to_list() == [None]
    assert mend(place, found) == Mended(files=1)


def test_other_windows_are_not_looked_at(place: Workplace, shelf: Shelf) -> None:
    stored = shelf.embed(shelf.film(window=NEXT_HOUR), some_rows(3, 1))
    place.objects.delete(stored.key)
    assert index_faults(place, HOURS).is_empty()
    assert index_faults(place).height == 1

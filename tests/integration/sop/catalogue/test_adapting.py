# SPDX-License-Identifier: Apache-2.0
"""Embeddings follow their tenant's champion adapter: those that have not been through it, and no others."""

from dataclasses import replace
from datetime import timedelta

from ovpo.sop.catalogue import files
from ovpo.sop.catalogue.adapting import Adapted, adapt
from ovpo.sop.records.keys import of_adapted
from ovpo.sop.working import Hours, Workplace
from tests.integration.sop.catalogue.conftest import HOURS, NEXT_HOUR, OTHER_TENANT, Shelf
from tests.unit.sop.embedding.building import some_rows


def test_before_anything_was_embedded_there_is_nothing_to_do(place: Workplace) -> None:
    assert adapt(place, HOURS) == Adapted()


def test_embeddings_go_through_the_champion_once(place: Workplace, shelf: Shelf) -> None:
    video_id, adapter = shelf.embedded(), shelf.champion(1)
    assert adapt(place, HOURS) == Adapted(adapted=1)
    made = files.load(place.copies, of_adapted("demo", video_id, adapter))
    assert made.sidecar.adapter == adapter
    assert shelf.rows("SELECT video_id, adapter, run_id FROM sop_adapted") == [(video_id, adapter, "run-1")]
    assert adapt(place, HOURS) == Adapted()


def test_a_new_champion_takes_the_place_of_the_former_in_the_windows_asked_for(place: Workplace, shelf: Shelf) -> None:
    here, elsewhere = shelf.embedded(), shelf.embedded(window=NEXT_HOUR)
    first = shelf.champion(1)
    adapt(place, Hours(HOURS.first, NEXT_HOUR))
    second = shelf.champion(2)
    assert adapt(place, HOURS) == Adapted(adapted=1)
    names = {here: second, elsewhere: first}
    assert dict(shelf.rows("SELECT video_id, adapter FROM sop_adapted")) == names
    pairs = {of_adapted("demo", video_id, name) for video_id, name in names.items()}
    assert shelf.keys("adapted") == pairs | {files.sidecar_of(key) for key in pairs}


def test_an_embedding_that_was_made_anew_is_adapted_anew(place: Workplace, shelf: Shelf) -> None:
    video_id, adapter = shelf.embedded(some_rows(8, 1)), shelf.champion(1)
    adapt(place, HOURS)
    before = files.load(place.copies, of_adapted("demo", video_id, adapter)).rows.tolist()
    shelf.change("DELETE FROM sop_embeddings")
    shelf.embed(video_id, some_rows(8, 2))
    assert adapt(place, HOURS) == Adapted(adapted=1)
    assert files.load(place.copies, of_adapted("demo", video_id, adapter)).rows.tolist() != before


def test_a_tenant_without_a_champion_waits_and_takes_no_other_tenants(place: Workplace, shelf: Shelf) -> None:
    shelf.embedded()
    shelf.embedded(tenant=OTHER_TENANT)
    shelf.champion(1)
    assert adapt(place, HOURS) == Adapted(adapted=1, waiting=1)
    assert shelf.keys("adapted", OTHER_TENANT) == set()


def test_files_that_cannot_be_used_are_refused_and_the_others_go_on(place: Workplace, shelf: Shelf) -> None:
    sound, broken = shelf.embedded(), shelf.embedded()
    shelf.champion(1)
    ((key,),) = shelf.rows("SELECT key FROM sop_embeddings WHERE video_id = %s", broken)
    place.objects.put(str(key), b"no rows")
    assert adapt(place, HOURS) == Adapted(adapted=1, refused=1)
    assert shelf.rows("SELECT video_id FROM sop_adapted") == [(sound,)]


def test_files_that_were_lost_since_are_made_anew(place: Workplace, shelf: Shelf) -> None:
    lost, sound = shelf.embedded(), shelf.embedded()
    adapter = shelf.champion(1)
    assert adapt(place, HOURS) == Adapted(adapted=2)
    key = of_adapted("demo", lost, adapter)
    place.objects.delete(key)
    assert adapt(place, HOURS) == Adapted(adapted=1)
    assert files.load(place.copies, key).sidecar.adapter == adapter
    assert {video_id for (video_id,) in shelf.rows("SELECT video_id FROM sop_adapted")} == {lost, sound}


def test_an_adapter_that_is_lost_is_refused(place: Workplace, shelf: Shelf) -> None:
    shelf.embedded()
    adapter = shelf.champion(1)
    place.objects.delete(f"sop/demo/adapters/{adapter}.npz")
    assert adapt(place, HOURS) == Adapted(refused=1)


def test_a_deleted_video_is_not_adapted(place: Workplace, shelf: Shelf) -> None:
    shelf.embedded()
    shelf.champion(1)
    shelf.change("UPDATE sop_videos SET state = 'deleted'")
    assert adapt(place, HOURS) == Adapted()


def test_embeddings_of_a_maker_that_is_not_worked_with_any_more_stay_as_they_are(
    place: Workplace, shelf: Shelf
) -> None:
    shelf.embedded()
    shelf.champion(1)
    shelf.change("INSERT INTO sop_makers VALUES ('00000000000000ff', %s)", place.now() + timedelta(hours=1))
    assert adapt(replace(place, run_id="run-2"), HOURS) == Adapted()

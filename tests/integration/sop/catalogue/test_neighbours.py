# SPDX-License-Identifier: Apache-2.0
"""Which videos a search of neighbours goes through, and that nothing which is entered meanwhile is lost to it."""

import multiprocessing
from typing import Any
from uuid import UUID

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.postgres.connect import SEE_TENANT, lend
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.sop.catalogue.neighbours import Asked, neighbours, search_of
from ovpo.sop.records.rows import VideoRole
from ovpo.sop.working import Workplace
from tests.integration.sop.catalogue.conftest import OTHER_TENANT, Shelf
from tests.unit.sop.embedding.building import some_rows

VIDEOS, CLIPS = 50, 200


def found(place: Workplace, video_id: UUID, most: int = 1000, **asked: Any) -> set[UUID]:
    """Ask for the neighbours of a video's first clip as the API does; give the videos that they are of."""
    wanted = Asked(tenant_id="demo", video_id=video_id, first_row=0, last_row=0, **asked)
    with lend(place.settings.postgres, PostgresRole.QUERY) as connection:
        connection.execute(SEE_TENANT, ("demo",))
        search = search_of(connection, wanted)
    assert search is not None
    return {one.video_id for one in neighbours(place.copies, search, most)}


def test_a_search_goes_through_the_tenants_other_videos_and_no_one_elses(place: Workplace, shelf: Shelf) -> None:
    own, near = shelf.embedded(), shelf.embedded()
    shelf.embedded(tenant=OTHER_TENANT)
    assert found(place, own) == {near}
    assert found(place, own, own_video=True) == {own, near}


def test_a_search_can_be_kept_to_a_task_a_role_or_a_video(place: Workplace, shelf: Shelf) -> None:
    own = shelf.embedded()
    gold, tea, trainee = shelf.embedded(role="gold"), shelf.embedded(task="tea"), shelf.embedded()
    assert found(place, own, task_id="coffee") == {gold, trainee}
    assert found(place, own, role=VideoRole.GOLD) == {gold}
    assert found(place, own, among_video_id=tea) == {tea}
    assert found(place, own, task_id="tea", role=VideoRole.GOLD) == set()


def test_a_deleted_video_is_not_found_and_one_without_embedding_cannot_be_asked_about(
    place: Workplace, shelf: Shelf
) -> None:
    own, gone = shelf.embedded(), shelf.embedded()
    shelf.change("UPDATE sop_videos SET state = 'deleted' WHERE video_id = %s", gone)
    assert found(place, own) == set()
    asked = Asked(tenant_id="demo", video_id=shelf.film(), first_row=0, last_row=0)
    foreign = Asked(tenant_id=OTHER_TENANT, video_id=own, first_row=0, last_row=0)
    with place.transaction() as connection:
        assert search_of(connection, asked) is None
        assert search_of(connection, foreign) is None


def test_an_embedding_that_was_made_anew_is_read_anew(place: Workplace, shelf: Shelf) -> None:
    own, other = shelf.embedded(some_rows(3, 1)), shelf.embedded(some_rows(3, 2))

    def nearest() -> float:
        with place.transaction() as connection:
            search = search_of(connection, Asked(tenant_id="demo", video_id=own, first_row=0, last_row=0))
        assert search is not None
        return neighbours(place.copies, search, 1)[0].cosine

    assert nearest() < 1
    shelf.change("DELETE FROM sop_embeddings WHERE video_id = %s", other)
    shelf.embed(other, some_rows(3, 1))
    assert nearest() == 1


def add(settings: Settings, home: Any, first: int) -> None:
    """Add 10 000 clips, in a process of its own."""
    objects = open_objects(settings.objects, settings.query, home)
    shelf = Shelf(Workplace(settings, objects, Copies(objects, home / "copies"), f"run-{first}"), home)
    for number in range(first, first + VIDEOS):
        shelf.embedded(some_rows(CLIPS, number))


def test_two_processes_that_add_ten_thousand_clips_each_lose_none(
    place: Workplace, shelf: Shelf, settings: Settings
) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=add, args=(settings, shelf.folder, first)) for first in (0, VIDEOS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    own = shelf.embedded(some_rows(1, 5))
    with place.transaction() as connection:
        search = search_of(connection, Asked(tenant_id="demo", video_id=own, first_row=0, last_row=0))
    assert search is not None
    clips = neighbours(place.copies, search, 3 * VIDEOS * CLIPS)
    assert len({(one.video_id, one.row) for one in clips}) == 2 * VIDEOS * CLIPS

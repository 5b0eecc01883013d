# SPDX-License-Identifier: Apache-2.0
"""Nothing that was made of a video's clips outlives it."""

from uuid import UUID

from ovpo.foundation.postgres.connect import SEE_TENANT, lend
from ovpo.foundation.settings.tree import PostgresRole
from ovpo.sop.catalogue.adapting import adapt
from ovpo.sop.catalogue.forgetting import forget
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.working import Workplace
from tests.integration.sop.catalogue.conftest import HOURS, Shelf


def forget_as_the_api_does(place: Workplace, video_id: UUID) -> None:
    with lend(place.settings.postgres, PostgresRole.QUERY) as connection:
        connection.execute(SEE_TENANT, ("demo",))
        video = Embeddings(connection).lock_video(video_id)
        assert video is not None
        forget(connection, place.objects, video)


def test_rows_and_files_of_a_video_go_also_those_that_no_row_names_and_those_of_others_stay(
    place: Workplace, shelf: Shelf
) -> None:
    gone, kept = shelf.embedded(), shelf.embedded()
    shelf.champion(1)
    adapt(place, HOURS)
    place.objects.put(f"sop/demo/adapted/{gone}/left-over.npy", b"")
    for _ in range(2):
        forget_as_the_api_does(place, gone)
        assert shelf.rows("SELECT video_id FROM sop_embeddings UNION ALL SELECT video_id FROM sop_adapted") == [
            (kept,),
            (kept,),
        ]
        assert {UUID(key.split("/")[3]) for key in shelf.keys("embeddings") | shelf.keys("adapted")} == {kept}

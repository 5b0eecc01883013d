# SPDX-License-Identifier: Apache-2.0
"""Embedding windows: what is asked for, what is lacking, what cannot be done, and who hears of it."""

from collections.abc import Iterable
from uuid import UUID, uuid4

import msgspec
import pytest

from ovpo.foundation.ledger.items import Arrival
from ovpo.foundation.ledger.session import Session
from ovpo.sop.catalogue import embedding as module
from ovpo.sop.catalogue import files
from ovpo.sop.catalogue.embedding import embed
from ovpo.sop.catalogue.makers import maker_of
from ovpo.sop.embedders.heuristic.embedder import Heuristic
from ovpo.sop.embedders.interface import Embedder, Seen
from ovpo.sop.records.keys import digest_of, of_embedding, of_video
from ovpo.sop.video.samples import Sample
from ovpo.sop.working import EMBED, Worked, Workplace
from tests.integration.sop.catalogue.conftest import HOUR, HOURS, NEXT_HOUR, Shelf, of_run

MAKER = digest_of(Heuristic.maker)
SCORE = """
INSERT INTO sop_scores (score_id, tenant_id, task_id, trainee_id, wanted_gold_id, window_start, state, asked_by,
                        asked_at, updated_at)
VALUES (gen_random_uuid(), 'demo', 'coffee', %s, %s, %s, 'waiting', 'intake', now(), now())
"""

REFERENCE = "INSERT INTO sop_tasks (tenant_id, task_id, gold_id, updated_at) VALUES ('demo', 'coffee', %s, now())"


def ask(place: Workplace, video_id: UUID) -> None:
    with place.transaction() as connection:
        Session(connection).register(EMBED, [(uuid4(), Arrival("demo", str(video_id), str(video_id)))], HOUR)


def states(shelf: Shelf) -> list[str]:
    return [str(row[0]) for row in shelf.rows("SELECT state FROM ledger_items WHERE lane = 'sop_embed' ORDER BY state")]


class Other(Heuristic):
    """The same embedder under another version."""

    maker = msgspec.structs.replace(Heuristic.maker, version="another")  # type: ignore[misc]


def use(monkeypatch: pytest.MonkeyPatch, embedder: Embedder) -> None:
    monkeypatch.setattr(module, "embedder_of", lambda _: embedder)


def test_what_was_asked_for_and_what_is_lacking_is_embedded_once(place: Workplace, shelf: Shelf) -> None:
    asked, unasked = shelf.film(), shelf.film()
    ask(place, asked)
    assert embed(place, HOURS) == Worked(finished=2)
    assert shelf.rows("SELECT video_id, maker, clips, dims, run_id FROM sop_embeddings ORDER BY video_id") == [
        (video_id, MAKER, 12, Heuristic.maker.dims, "run-1") for video_id in sorted([asked, unasked])
    ]
    assert embed(of_run(place, "run-2"), HOURS) == Worked()


def test_an_embedding_is_told_by_the_digest_and_the_name_of_its_video(place: Workplace, shelf: Shelf) -> None:
    video_id = shelf.film()
    embed(place, HOURS)
    made = files.load(place.copies, of_embedding("demo", video_id, MAKER))
    assert made.sidecar.maker == Heuristic.maker
    assert made.sidecar.video.name == "anna.mp4"
    assert [(made.sidecar.video.sha256,)] == shelf.rows("SELECT sha256 FROM sop_videos")


def test_videos_of_other_windows_are_left_alone(place: Workplace, shelf: Shelf) -> None:
    shelf.film(window=NEXT_HOUR)
    assert embed(place, HOURS) == Worked()
    assert shelf.keys("embeddings") == set()


def test_a_score_is_queued_once_both_of_its_videos_are_embedded(place: Workplace, shelf: Shelf) -> None:
    gold, trainee = shelf.film(role="gold", window=NEXT_HOUR), shelf.film()
    shelf.change(SCORE, trainee, gold, HOUR)
    embed(place, HOURS)
    assert shelf.rows("SELECT state FROM sop_scores") == [("waiting",)]
    embed(place, type(HOURS)(NEXT_HOUR, NEXT_HOUR))
    assert shelf.rows("SELECT state FROM sop_scores") == [("queued",)]
    assert shelf.rows("SELECT count(*) FROM ledger_items WHERE lane = 'sop_score'") == [(1,)]


def test_a_video_that_cannot_be_embedded_is_quarantined_with_its_score_and_the_others_go_on(
    place: Workplace, shelf: Shelf
) -> None:
    good, bad = shelf.film(), shelf.film()
    place.objects.put(f"{of_video('demo', bad)}/source.mp4", b"no video any more")
    shelf.change(SCORE, bad, good, HOUR)
    assert embed(place, HOURS) == Worked(finished=1, quarantined=1)
    states_of = dict(shelf.rows("SELECT video_id, state FROM sop_videos"))
    assert states_of == {good: "probed", bad: "quarantined"}
    assert shelf.rows("SELECT reason_code <> '' AND reason <> '' FROM sop_videos WHERE state = 'quarantined'") == [
        (True,)
    ]
    assert shelf.rows("SELECT state FROM sop_scores") == [("failed",)]
    assert embed(of_run(place, "run-2"), HOURS) == Worked()


def test_a_gold_that_cannot_be_embedded_gives_its_place_to_the_next_one(place: Workplace, shelf: Shelf) -> None:
    bad, good = shelf.film(role="gold"), shelf.film(role="gold", window=NEXT_HOUR)
    trainee = shelf.film()
    place.objects.put(f"{of_video('demo', bad)}/source.mp4", b"no video any more")
    shelf.change(REFERENCE, bad)
    shelf.change(SCORE, trainee, None, HOUR)
    embed(place, type(HOURS)(HOUR, NEXT_HOUR))
    assert shelf.rows("SELECT gold_id FROM sop_tasks") == [(good,)]
    assert shelf.rows("SELECT state FROM sop_scores") == [("queued",)]


def test_a_gold_that_cannot_be_embedded_leaves_its_place_to_the_next_that_comes(place: Workplace, shelf: Shelf) -> None:
    bad = shelf.film(role="gold")
    place.objects.put(f"{of_video('demo', bad)}/source.mp4", b"no video any more")
    shelf.change(REFERENCE, bad)
    embed(place, HOURS)
    assert shelf.rows("SELECT gold_id FROM sop_tasks") == [(None,)]


def test_a_video_whose_file_is_lost_is_a_failure_and_not_its_own_fault(place: Workplace, shelf: Shelf) -> None:
    video_id = shelf.film()
    place.objects.delete(f"{of_video('demo', video_id)}/source.mp4")
    assert embed(place, HOURS) == Worked(failed=1)
    assert shelf.rows("SELECT state FROM sop_videos") == [("probed",)]


class Meanwhile(Heuristic):
    """Has the video deleted while it is embedded."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def embed(self, samples: Iterable[Sample]) -> Seen:
        made = super().embed(samples)
        self._shelf.change("UPDATE sop_videos SET state = 'deleted'")
        return made


def test_a_video_that_is_deleted_while_it_is_embedded_leaves_nothing_behind(
    place: Workplace, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.film()
    use(monkeypatch, Meanwhile(shelf))
    assert embed(place, HOURS) == Worked(canceled=1)
    assert shelf.keys("embeddings") == set()
    assert shelf.rows("SELECT count(*) FROM sop_embeddings") == [(0,)]


def test_an_item_of_a_deleted_video_is_canceled(place: Workplace, shelf: Shelf) -> None:
    video_id = shelf.film()
    ask(place, video_id)
    shelf.change("UPDATE sop_videos SET state = 'deleted'")
    assert embed(place, HOURS) == Worked(canceled=1)


def test_another_embedder_makes_every_video_of_the_windows_anew_and_the_former_rows_stay(
    place: Workplace, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    video_id = shelf.film()
    embed(place, HOURS)
    use(monkeypatch, Other())
    assert embed(of_run(place, "run-2"), HOURS) == Worked(finished=1)
    both = {
        f"{key}{end}"
        for maker in (MAKER, digest_of(Other().maker))
        for key in [of_embedding("demo", video_id, maker).removesuffix(".npy")]
        for end in (".npy", ".json")
    }
    assert shelf.keys("embeddings") == both


def test_everybody_works_with_the_maker_that_embedded_last_also_when_it_was_there_before(
    place: Workplace, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.film()
    with place.transaction() as connection:
        assert maker_of(connection) is None
    seen = []
    for embedder in (Heuristic(), Other(), Heuristic()):
        use(monkeypatch, embedder)
        embed(place, HOURS)
        with place.transaction() as connection:
            seen.append(maker_of(connection))
    assert seen == [MAKER, digest_of(Other().maker), MAKER]


def test_what_another_run_is_about_to_embed_is_not_asked_for_twice(place: Workplace, shelf: Shelf) -> None:
    video_id = shelf.film()
    ask(place, video_id)
    with place.transaction() as connection:
        Session(connection).claim(EMBED, HOUR, HOUR, "another", HOUR)
    assert embed(place, HOURS) == Worked()
    assert states(shelf) == ["started"]

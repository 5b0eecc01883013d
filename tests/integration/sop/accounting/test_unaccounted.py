# SPDX-License-Identifier: Apache-2.0
"""What the books say against what lies there: missing objects, nobody's objects, forgotten work; all else is fine."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from ovpo.foundation.ledger.items import Arrival
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.postgres.connect import admin_conninfo
from ovpo.foundation.settings.tree import Settings
from ovpo.sop.accounting.faults import GRACE, unaccounted
from ovpo.sop.working import PROBE, Workplace

HOUR = datetime(2026, 11, 21, 9, tzinfo=UTC)
EMPTY = "TRUNCATE ledger_items, ledger_windows, sop_videos, sop_tasks, sop_embeddings, sop_adapted, sop_scores"
VIDEO = """
INSERT INTO sop_videos (video_id, tenant_id, sha256, task_id, role, name, bytes, source_key, thumbnail_key,
                        window_start, state, probe, registered_at, updated_at)
VALUES (%(id)s, 'demo', %(sha)s, 'coffee', 'trainee', 'a.mp4', 1, %(source)s, %(thumbnail)s,
        %(hour)s, %(state)s, '{}', %(hour)s, %(hour)s)
"""
SCORE = """
INSERT INTO sop_scores (score_id, tenant_id, task_id, trainee_id, window_start, state, asked_by, asked_at, updated_at,
                        verdict, result_key)
VALUES (%s, 'demo', 'coffee', %s, %s, 'finished', 'intake', %s, %s, 'pass', %s)
"""
EMBEDDING = """
INSERT INTO sop_embeddings (video_id, tenant_id, maker, embedder, version, dims, clips, key, created_at)
VALUES (%s, 'demo', '0123456789abcdef', 'heuristic', '2', 3, 4, %s, %s)
"""
QUARANTINE = """
UPDATE sop_videos SET state = 'quarantined', reason_code = 'no_pictures', reason = 'it has none' WHERE video_id = %s
"""


@pytest.fixture
def place(settings: Settings, tmp_path: Path) -> Iterator[Workplace]:
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        connection.execute(EMPTY)
    objects = open_objects(settings.objects, settings.query, tmp_path)
    later = datetime.now(UTC) + 2 * GRACE
    yield Workplace(settings, objects, Copies(objects, tmp_path / "copies"), "run", lambda: later)
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        connection.execute(EMPTY)


def video(place: Workplace, state: str = "probed", *, stored: bool = True) -> UUID:
    video_id = uuid4()
    keys = {name: f"sop/demo/videos/{video_id}/{name}" for name in ("source", "thumbnail")}
    if stored:
        for key in keys.values():
            place.objects.put(key, b"x")
    values = {"id": video_id, "sha": video_id.hex * 2, "hour": HOUR, "state": state, **keys}
    with place.transaction() as connection:
        connection.execute(VIDEO, values)
    return video_id


def waits(place: Workplace, *video_ids: UUID) -> None:
    with place.transaction() as connection:
        arrivals = [(uuid4(), Arrival("demo", str(video_id), str(video_id))) for video_id in video_ids]
        Session(connection).register(PROBE, arrivals, HOUR)


def faults(place: Workplace) -> list[tuple[str, ...]]:
    return unaccounted(place).select("fault", "what").rows()


def test_rows_and_objects_that_belong_together_are_no_fault(place: Workplace) -> None:
    one = video(place)
    result = f"sop/demo/scores/{uuid4()}/run/result.json"
    rows = f"sop/demo/embeddings/{one}/0123456789abcdef"
    for key in (result, result.replace("result.json", "matrix.npz"), f"{rows}.npy", f"{rows}.json"):
        place.objects.put(key, b"x")
    place.objects.put("sop/demo/standards/abc.json", b"{}")
    place.objects.put("tables/videos/probed/x.parquet", b"x")
    with place.transaction() as connection:
        connection.execute(SCORE, (uuid4(), one, HOUR, HOUR, HOUR, result))
        connection.execute(EMBEDDING, (one, f"{rows}.npy", HOUR))
    assert faults(place) == []


def test_a_row_without_its_object_and_an_object_without_a_row_are_named(place: Workplace) -> None:
    one = video(place, "registered")
    waits(place, one)
    place.objects.delete(f"sop/demo/videos/{one}/thumbnail")
    place.objects.put("sop/demo/scores/s/dead-run/result.json", b"{}")
    assert faults(place) == [
        ("it is no row's object", "sop/demo/scores/s/dead-run/result.json"),
        ("its object is missing", f"sop/demo/videos/{one}/thumbnail"),
    ]


def test_an_embedding_without_its_sidecar_is_named(place: Workplace) -> None:
    one = video(place)
    key = f"sop/demo/embeddings/{one}/0123456789abcdef.npy"
    place.objects.put(key, b"x")
    with place.transaction() as connection:
        connection.execute(EMBEDDING, (one, key, HOUR))
    assert faults(place) == [("its object is missing", key.replace(".npy", ".json"))]


def test_what_was_written_just_now_may_still_get_its_row(place: Workplace) -> None:
    place.objects.put("sop/demo/videos/new/source.mp4", b"x")
    now = datetime.now(UTC) + timedelta(minutes=1)
    assert faults(replace(place, now=lambda: now)) == []


def test_work_that_no_run_is_going_to_do_is_named_and_work_that_waits_is_not(place: Workplace) -> None:
    forgotten, waiting = video(place, "registered"), video(place, "registered")
    not_embedded, waiting_too = video(place), video(place)
    waits(place, waiting, waiting_too)
    assert faults(place) == [
        ("no run is going to do it", f"embeddings/{not_embedded}"),
        ("no run is going to do it", f"videos/{forgotten}"),
    ]


def test_a_deleted_video_needs_no_objects(place: Workplace) -> None:
    video(place, "deleted", stored=False)
    assert faults(place) == []


def test_a_video_that_cannot_be_used_keeps_its_file_for_a_later_look(place: Workplace) -> None:
    refused = video(place)
    with place.transaction() as connection:
        connection.execute(QUARANTINE, (refused,))
    assert faults(place) == []
    place.objects.delete(f"sop/demo/videos/{refused}/source")
    assert faults(place) == [("its object is missing", f"sop/demo/videos/{refused}/source")]

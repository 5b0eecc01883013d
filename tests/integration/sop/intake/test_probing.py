# SPDX-License-Identifier: Apache-2.0
"""From the record to what may be embedded: what follows from a look, masks, receipts, and the same after any cut."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ovpo.foundation.ledger.items import State
from ovpo.foundation.ledger.session import Session
from ovpo.sop.errors import MaskingError
from ovpo.sop.intake import probing
from ovpo.sop.intake.arrivals import discover
from ovpo.sop.intake.folder import FolderInbox
from ovpo.sop.intake.found import Found
from ovpo.sop.intake.probing import probe
from ovpo.sop.intake.receipts import Receipt
from ovpo.sop.intake.registering import register
from ovpo.sop.intake.table import VIDEO_SUITE, not_receipted, refused, videos_table
from ovpo.sop.intake.thumbnails import thumbnail
from ovpo.sop.records.rows import Video, VideoState
from ovpo.sop.records.videos import Videos
from ovpo.sop.working import EMBED, PROBE, Worked
from tests.integration.sop.intake.conftest import Bench
from tests.integration.sop.video.films import Film, shoot, steady

MakeFilm = Callable[[], bytes]
MASKS = """
cameras:
  default:
    - {x: 0, y: 0, width: 0.5, height: 0.5}
"""


class Killed(BaseException):
    """What kill -9 is to the code: nothing behind it runs."""


def drop(bench: Bench, path: str, content: bytes) -> None:
    bench.lay(path, content)
    discover(bench.place, bench.inbox)
    register(bench.place, bench.inbox, bench.hours)


def look_over(bench: Bench, inbox: FolderInbox | None = None) -> Worked:
    return probe(bench.place, inbox or bench.inbox, bench.hours)


def give_back(bench: Bench) -> None:
    with bench.place.transaction() as connection:
        Session(connection).release(bench.place.run_id, "it died", 3, bench.place.now())


def slip(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_bytes()))


def only(bench: Bench) -> Video:
    (video,) = bench.videos()
    return video


def short(folder: Path) -> bytes:
    return shoot(folder / "short.mp4", Film(steady(0.25, 8))).read_bytes()


def test_a_trainee_is_probed_asks_for_its_score_and_leaves_the_inbox_with_a_receipt(
    bench: Bench, film: MakeFilm
) -> None:
    drop(bench, "latte/trainee/a.mp4", film())
    assert look_over(bench) == Worked(finished=1)
    video = only(bench)
    assert (video.state, video.inbox_path, video.probed_by) == (VideoState.PROBED, None, probing.VERSION)
    assert video.probe is not None
    assert (video.probe["container"], video.probe["width"], video.probe["sha256"]) == ("mp4", 64, video.sha256)
    assert video.probe["seconds"] == pytest.approx(2, abs=0.1)
    assert video.thumbnail_key is not None
    thumbnail = bench.place.objects.get(video.thumbnail_key)
    assert len(thumbnail) <= 20_000
    assert Image.open(io.BytesIO(thumbnail)).size == (64, 48)
    assert bench.rows("sop_scores") == [(video.video_id, "waiting", "intake")]
    assert bench.rows("sop_tasks") == []
    assert [(item.subject, item.state) for item in bench.items(EMBED)] == [(str(video.video_id), State.QUEUED)]
    assert not (bench.root / "latte/trainee/a.mp4").exists()
    said = slip(bench.root / "processed/latte/trainee/a.mp4.json")
    assert (said["state"], said["video_id"], said["sha256"]) == ("probed", str(video.video_id), video.sha256)
    assert (said["task_id"], said["role"], said["reason"]) == ("latte", "trainee", None)


def test_the_first_gold_is_what_its_task_is_held_against_and_asks_for_no_score(bench: Bench, film: MakeFilm) -> None:
    task = f"task-{bench.hours.first:%H}-gold"
    drop(bench, f"{task}/gold/a.mp4", film())
    assert look_over(bench) == Worked(finished=1)
    first = only(bench)
    drop(bench, f"{task}/gold/b.mp4", film())
    assert look_over(bench) == Worked(finished=1)
    assert bench.rows("sop_tasks") == [(task, first.video_id)]
    assert bench.rows("sop_scores") == []


def test_what_cannot_be_scored_is_set_aside_with_the_reason_and_nothing_follows(bench: Bench, tmp_path: Path) -> None:
    drop(bench, "latte/trainee/a.mp4", short(tmp_path))
    assert look_over(bench) == Worked(quarantined=1)
    video = only(bench)
    assert (video.state, video.reason_code) == (VideoState.QUARANTINED, "too_short")
    assert video.reason is not None
    assert video.reason.startswith("the video lasts 0.")
    assert (bench.items(EMBED), bench.rows("sop_scores")) == ([], [])
    said = slip(bench.root / "failed/latte/trainee/a.mp4.json")
    assert (said["reason_code"], said["reason"]) == ("too_short", video.reason)
    assert bench.kept == {video.source_key}


def test_masks_are_applied_before_anything_else_sees_the_video(bench: Bench, film: MakeFilm, tmp_path: Path) -> None:
    (tmp_path / "masks.yaml").write_text(MASKS)
    drop(bench, "latte/gold/a.mp4", film())
    masking = bench.run("masking", masks=tmp_path / "masks.yaml")
    assert look_over(masking) == Worked(finished=1)
    video = only(bench)
    assert video.source_key is None
    assert video.shown_key == video.masked_key
    assert bench.kept == {video.masked_key, video.thumbnail_key}
    assert video.thumbnail_key is not None
    seen = np.asarray(Image.open(io.BytesIO(bench.place.objects.get(video.thumbnail_key))).convert("L"))
    assert seen[12, 16] < 10
    assert seen[36, 48] > 20


def test_a_run_killed_behind_the_masks_is_repeated_without_the_video_that_came(
    bench: Bench, film: MakeFilm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "masks.yaml").write_text(MASKS)
    drop(bench, "latte/gold/a.mp4", film())
    masking = bench.run(bench.place.run_id, masks=tmp_path / "masks.yaml")
    with monkeypatch.context() as patched:
        patched.setattr("ovpo.sop.intake.probing.thumbnail", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            look_over(masking)
    give_back(bench)
    assert look_over(masking) == Worked(finished=1)
    video = only(bench)
    assert bench.kept == {video.masked_key, video.thumbnail_key}


def test_while_the_masks_cannot_be_read_no_video_is_used_and_none_is_lost(
    bench: Bench, film: MakeFilm, tmp_path: Path
) -> None:
    (tmp_path / "masks.yaml").write_text("cameras: nonsense")
    drop(bench, "latte/gold/a.mp4", film())
    masking = bench.run(bench.place.run_id, masks=tmp_path / "masks.yaml")
    with pytest.raises(MaskingError, match="nonsense"):
        look_over(masking)
    video = only(bench)
    assert (video.state, video.thumbnail_key) == (VideoState.REGISTERED, None)
    assert (bench.root / "latte/gold/a.mp4").exists()
    assert bench.items(EMBED) == []
    (tmp_path / "masks.yaml").write_text(MASKS)
    give_back(bench)
    assert look_over(masking) == Worked(finished=1)
    video = only(bench)
    assert (video.state, video.source_key, video.masked_key is not None) == (VideoState.PROBED, None, True)


class Dying(FolderInbox):
    """An inbox whose user is killed when it moves a file, before or behind that."""

    behind = False

    def accept(self, found: Found, receipt: Receipt) -> None:
        if self.behind:
            super().accept(found, receipt)
        raise Killed


@pytest.mark.parametrize("behind", [False, True])
def test_a_run_killed_at_the_move_is_repeated_to_the_same_end(bench: Bench, film: MakeFilm, behind: bool) -> None:
    drop(bench, "latte/trainee/a.mp4", film())
    dying = Dying(bench.root, 0)
    dying.behind = behind
    with pytest.raises(Killed):
        look_over(bench, dying)
    assert only(bench).state is VideoState.PROBED
    give_back(bench)
    assert look_over(bench) == Worked(finished=1)
    video = only(bench)
    assert video.inbox_path is None
    assert sorted(file.name for file in (bench.root / "processed/latte/trainee").iterdir()) == [
        "a.mp4",
        "a.mp4.json",
    ]
    assert bench.rows("sop_scores") == [(video.video_id, "waiting", "intake")]
    assert len(bench.items(EMBED)) == 1
    assert bench.kept == {video.source_key, video.thumbnail_key}


def test_a_file_that_took_the_place_of_a_registered_one_is_left_for_its_own_turn(bench: Bench, film: MakeFilm) -> None:
    drop(bench, "latte/gold/a.mp4", film())
    bench.lay("latte/gold/a.mp4", film())
    assert look_over(bench) == Worked(finished=1)
    assert (bench.root / "latte/gold/a.mp4").exists()
    assert discover(bench.place, bench.inbox).registered == 1


def test_a_video_that_is_deleted_while_it_is_looked_over_leaves_nothing_in_the_store(
    bench: Bench, film: MakeFilm, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(bench, "latte/gold/a.mp4", film())
    video = only(bench)

    def delete_first(*given: Any) -> bytes:
        with bench.place.transaction() as connection:
            connection.execute("UPDATE sop_videos SET state = 'deleted' WHERE video_id = %s", (video.video_id,))
        return thumbnail(*given)

    monkeypatch.setattr("ovpo.sop.intake.probing.thumbnail", delete_first)
    assert look_over(bench) == Worked(canceled=1)
    assert bench.kept == set()
    assert bench.items(EMBED) == []
    assert (bench.root / "failed/latte/gold/a.mp4").exists()


def test_a_repeat_looks_again_only_at_what_waits_or_what_older_code_saw(
    bench: Bench, film: MakeFilm, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(bench, "latte/trainee/a.mp4", film())
    assert look_over(bench) == Worked(finished=1)
    assert look_over(bench.run("run-2")) == Worked()
    monkeypatch.setattr(probing, "VERSION", "next")
    assert look_over(bench.run("run-3")) == Worked(finished=1)
    assert only(bench).probed_by == "next"
    assert len(bench.items(EMBED)) == len(bench.rows("sop_scores")) == 1


def test_a_video_whose_work_is_lost_is_asked_for_again(bench: Bench, film: MakeFilm) -> None:
    drop(bench, "latte/trainee/a.mp4", film())
    with bench.place.transaction() as connection:
        taken = Session(connection).claim(PROBE, bench.hours.first, bench.hours.last, "lost", bench.place.now())
        Session(connection).settle([item.item_id for item in taken], "lost", State.FAILED, bench.place.now())
    assert look_over(bench) == Worked(finished=1)
    assert only(bench).state is VideoState.PROBED


def test_a_stored_file_that_is_not_the_one_that_came_is_not_used(bench: Bench, film: MakeFilm) -> None:
    drop(bench, "latte/trainee/a.mp4", film())
    source = only(bench).source_key
    assert source is not None
    bench.place.objects.put(source, film())
    assert look_over(bench) == Worked(quarantined=1)
    assert only(bench).reason_code == "not_the_same"


def test_the_table_fits_its_suite_and_names_nobody(bench: Bench, film: MakeFilm, tmp_path: Path) -> None:
    drop(bench, "latte/trainee/Anna.mp4", film())
    drop(bench, "latte/gold/b.mp4", short(tmp_path) + b"\0\0\0\x08free")
    look_over(bench)
    drop(bench, "latte/gold/c.mp4", film())
    table = videos_table(bench.place, bench.hours)
    assert sorted(table["state"]) == ["probed", "quarantined", "registered"]
    assert dict(table.schema) == {column.name: column.type for column in VIDEO_SUITE.columns}
    assert [column.name for column in VIDEO_SUITE.columns if table[column.name].has_nulls() > column.may_be_null] == []
    assert "Anna" not in str(table.to_dicts())
    assert refused(table)["reason_code"].to_list() == ["too_short"]
    assert not_receipted(table).height == 0
    assert not_receipted(table.with_columns(receipted=False)).height == 2


def test_deleted_videos_are_found_but_not_listed(bench: Bench, film: MakeFilm) -> None:
    drop(bench, "latte/trainee/a.mp4", film())
    video = only(bench)
    with bench.place.transaction() as connection:
        connection.execute("UPDATE sop_videos SET state = 'deleted' WHERE video_id = %s", (video.video_id,))
        assert Videos(connection).of_windows(bench.hours.first, bench.hours.last) == []
        found = Videos(connection).find("demo", video.video_id)
    assert found is not None
    assert found.state is VideoState.DELETED
    assert look_over(bench) == Worked(canceled=1)

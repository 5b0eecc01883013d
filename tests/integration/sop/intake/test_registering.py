# SPDX-License-Identifier: Apache-2.0
"""From the inbox onto the record: once per content, the same after any cut, and nothing left behind."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ovpo.foundation.ledger.items import State
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.postgres.connect import lend
from ovpo.foundation.settings.tree import PostgresRole
from ovpo.sop.intake.arrivals import discover
from ovpo.sop.intake.entering import enter, enter_upload
from ovpo.sop.intake.folder import FolderInbox
from ovpo.sop.intake.found import Found
from ovpo.sop.intake.registering import register
from ovpo.sop.records.rows import Video, VideoRole, VideoState
from ovpo.sop.records.videos import Duplicate, NewVideo, Videos
from ovpo.sop.working import INTAKE, PROBE, Worked
from tests.integration.sop.intake.conftest import Bench

MakeFilm = Callable[[], bytes]


class Killed(BaseException):
    """What kill -9 is to the code: nothing behind it runs."""


def take_in(bench: Bench) -> Worked:
    discover(bench.place, bench.inbox)
    return register(bench.place, bench.inbox, bench.hours)


def give_back(bench: Bench) -> None:
    with bench.place.transaction() as connection:
        Session(connection).release(bench.place.run_id, "it died", 3, bench.place.now())


def slip(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_bytes()))


def delete(bench: Bench, video: Video) -> None:
    with bench.place.transaction() as connection:
        connection.execute("UPDATE sop_videos SET state = 'deleted' WHERE video_id = %s", (video.video_id,))


def test_a_file_becomes_a_row_an_object_and_the_work_of_probing_in_its_hour(bench: Bench, film: MakeFilm) -> None:
    content = film()
    bench.lay("coffee/trainee/Übung.MOV", content)
    assert take_in(bench) == Worked(finished=1)
    (video,) = bench.videos()
    assert (video.task_id, video.role, video.name) == ("coffee", VideoRole.TRAINEE, "Übung.MOV")
    assert (video.sha256, video.bytes) == (sha256(content).hexdigest(), len(content))
    assert (video.state, video.inbox_path) == (VideoState.REGISTERED, "coffee/trainee/Übung.MOV")
    assert video.source_key == f"sop/demo/videos/{video.video_id}/source.mp4"
    assert bench.place.objects.get(video.source_key) == content
    assert [(item.subject, item.state) for item in bench.items(PROBE)] == [(str(video.video_id), State.QUEUED)]
    assert [item.result for item in bench.items(INTAKE)] == [str(video.video_id)]
    assert (bench.root / "coffee/trainee/Übung.MOV").exists()


def test_the_same_content_again_gets_a_receipt_that_names_the_first(bench: Bench, film: MakeFilm) -> None:
    content = film()
    bench.lay("coffee/gold/a.mp4", content)
    take_in(bench)
    bench.lay("coffee/gold/b.mp4", content)
    assert take_in(bench) == Worked(finished=1)
    (video,) = bench.videos()
    assert bench.kept == {video.source_key}
    said = slip(bench.root / "processed/coffee/gold/b.mp4.json")
    assert (said["state"], said["duplicate_of"], said["sha256"]) == ("duplicate", str(video.video_id), video.sha256)
    assert (bench.root / "processed/coffee/gold/b.mp4").exists()


def test_the_same_content_for_another_task_or_role_is_refused_with_both_named(bench: Bench, film: MakeFilm) -> None:
    content = film()
    bench.lay("coffee/gold/a.mp4", content)
    take_in(bench)
    bench.lay("tea/trainee/a.mp4", content)
    assert take_in(bench) == Worked(quarantined=1)
    said = slip(bench.root / "failed/tea/trainee/a.mp4.json")
    assert said["reason_code"] == "other_task"
    assert "gold of coffee" in said["reason"]
    assert "trainee of tea" in said["reason"]
    assert len(bench.videos()) == len(bench.kept) == 1


def test_the_content_of_a_video_that_was_set_aside_is_refused_for_the_same_reason(bench: Bench, film: MakeFilm) -> None:
    content = film()
    bench.lay("coffee/gold/a.mp4", content)
    take_in(bench)
    (video,) = bench.videos()
    with bench.place.transaction() as connection:
        Videos(connection).quarantine(
            video, "too_dark", "it is dark", "1", bench.place.now(), source_key=video.source_key
        )
    bench.lay("coffee/gold/b.mp4", content)
    assert take_in(bench) == Worked(quarantined=1)
    said = slip(bench.root / "failed/coffee/gold/b.mp4.json")
    assert (said["reason_code"], said["reason"]) == ("too_dark", "it is dark")
    assert said["duplicate_of"] == str(video.video_id)


def test_a_deleted_video_may_come_again(bench: Bench, film: MakeFilm) -> None:
    content = film()
    bench.lay("coffee/gold/a.mp4", content)
    take_in(bench)
    delete(bench, *bench.videos())
    bench.lay("coffee/gold/b.mp4", content)
    assert take_in(bench) == Worked(finished=1)
    assert [video.name for video in bench.videos()] == ["b.mp4"]


@pytest.mark.parametrize(
    ("path", "content", "code"),
    [
        ("coffee/gold/a.mp4", b"\x89PNG\r\n" + bytes(100), "image"),
        ("coffee/gold/a.mp4", b"just some text", "text"),
        ("nowhere.mp4", None, "unknown_path"),
        ("Coffee/gold/a.mp4", None, "bad_task"),
    ],
)
def test_what_is_no_video_or_has_no_place_goes_to_failed_and_leaves_nothing(
    bench: Bench, film: MakeFilm, path: str, content: bytes | None, code: str
) -> None:
    bench.lay(path, content or film())
    assert take_in(bench) == Worked(quarantined=1)
    assert slip(bench.root / f"failed/{path}.json")["reason_code"] == code
    assert (bench.root / "failed" / path).exists()
    (item,) = bench.items(INTAKE)
    assert item.reason is not None
    assert item.reason.startswith(f"{code}: ")
    assert bench.kept == set()
    assert bench.videos() == []


def test_a_file_that_is_too_large_is_refused(bench: Bench, film: MakeFilm) -> None:
    bench.lay("coffee/gold/a.mp4", film() + bytes(1_000_000))
    assert take_in(bench.run(bench.place.run_id, most_upload_mb=1)) == Worked(quarantined=1)
    said = slip(bench.root / "failed/coffee/gold/a.mp4.json")
    assert (said["reason_code"], "OVPO_SOP__MOST_UPLOAD_MB" in said["reason"]) == ("too_many_bytes", True)


def test_a_file_that_changes_while_it_is_copied_is_left_for_a_later_look(bench: Bench, film: MakeFilm) -> None:
    content = film() + bytes(3_000_000)
    file = bench.lay("coffee/gold/a.mp4", content)

    class Copying(FolderInbox):
        def open(self, found: Found) -> Iterator[bytes]:
            for piece in super().open(found):
                with file.open("ab") as growing:
                    growing.write(b"more")
                yield piece

    discover(bench.place, bench.inbox)
    assert register(bench.place, Copying(bench.root, 0), bench.hours) == Worked(canceled=1)
    assert bench.kept == set()
    assert take_in(bench) == Worked(finished=1)
    assert [video.bytes for video in bench.videos()] == [file.stat().st_size]


@pytest.mark.parametrize("moment", ["before the row", "behind the row"])
def test_a_run_killed_in_the_middle_is_repeated_to_the_same_end(
    bench: Bench, film: MakeFilm, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    bench.lay("coffee/gold/a.mp4", film())

    def killed(*given: Any) -> Any:
        if moment == "behind the row":
            with bench.place.transaction() as connection:
                enter(connection, *given[1:])
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("ovpo.sop.intake.registering.enter", killed)
        with pytest.raises(Killed):
            take_in(bench)
    (stored,) = bench.kept
    give_back(bench)
    again = bench.run("run-2")
    assert take_in(again) == Worked(finished=1)
    (video,) = bench.videos()
    assert bench.kept == {stored} == {video.source_key}
    assert len(bench.items(PROBE)) == 1


def test_what_a_killed_run_stored_of_a_file_that_is_gone_is_removed(
    bench: Bench, film: MakeFilm, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = bench.lay("coffee/gold/a.mp4", film())
    with monkeypatch.context() as patched:
        patched.setattr("ovpo.sop.intake.registering.enter", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            take_in(bench)
    assert len(bench.kept) == 1
    give_back(bench)
    file.unlink()
    assert take_in(bench.run("run-2")) == Worked(canceled=1)
    assert bench.kept == set()


def test_what_failed_is_asked_for_again_by_the_next_run_of_its_window_and_only_that(
    bench: Bench, film: MakeFilm, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.lay("coffee/gold/a.mp4", film())
    with monkeypatch.context() as patched:
        patched.setattr("ovpo.sop.intake.registering.enter", lambda *_: (_ for _ in ()).throw(RuntimeError("broken")))
        assert take_in(bench) == Worked(failed=1)
    assert register(bench.place, bench.inbox, replace(bench.hours)) == Worked(finished=1)
    assert register(bench.run("run-2").place, bench.inbox, bench.hours) == Worked()
    (video,) = bench.videos()
    assert bench.kept == {video.source_key}


def test_of_two_that_register_the_same_content_at_once_one_is_the_duplicate(bench: Bench, film: MakeFilm) -> None:
    content = film()
    for number in range(4):
        bench.lay(f"coffee/gold/{number}.mp4", content)
    discover(bench.place, bench.inbox)
    barrier, worked = threading.Barrier(4), list[Worked]()

    def work(number: int) -> None:
        run = bench.run(f"{bench.place.run_id}-{number}")
        barrier.wait()
        worked.append(register(run.place, run.inbox, run.hours))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.finished for one in worked) == 4
    (video,) = bench.videos()
    assert bench.kept == {video.source_key}
    assert len(list((bench.root / "processed/coffee/gold").glob("*.json"))) == 3


def test_names_that_want_to_lead_elsewhere_or_are_very_long_are_taken_as_they_are(bench: Bench, film: MakeFilm) -> None:
    names = ["a..mp4", "%2e%2e%2fx.mp4", "'; DROP TABLE sop_videos; --.mp4", "動画 🎬.mp4", "x" * 251 + ".mp4"]
    for name in names:
        bench.lay(f"coffee/gold/{name}", film())
    assert take_in(bench) == Worked(finished=len(names))
    assert sorted(video.name for video in bench.videos()) == sorted(names)


def upload(bench: Bench, video_id: object, **changed: Any) -> NewVideo:
    new = NewVideo(
        video_id=uuid4(),
        tenant_id="demo",
        sha256=sha256(uuid4().bytes).hexdigest(),
        task_id="coffee",
        role=VideoRole.TRAINEE,
        name="a.mp4",
        bytes=10,
        source_key=f"sop/demo/videos/{video_id}/source.mp4",
        window_start=bench.place.now(),
    )
    return replace(new, **changed)


def test_an_upload_is_entered_by_the_weaker_role_with_its_work_and_once(bench: Bench) -> None:
    new = upload(bench, uuid4())
    with lend(bench.place.settings.postgres, PostgresRole.QUERY) as connection:
        connection.execute("SELECT set_config('app.current_tenant_id', 'demo', true)")
        entered = enter_upload(connection, new, bench.place.now())
        again = enter_upload(connection, replace(new, video_id=uuid4()), bench.place.now())
    assert isinstance(entered, Video)
    assert again == Duplicate(entered)
    assert (entered.window_start, entered.inbox_path) == (bench.hours.first, None)
    assert [item.subject for item in bench.items(PROBE)] == [str(entered.video_id)]

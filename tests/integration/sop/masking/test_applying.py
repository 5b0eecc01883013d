# SPDX-License-Identifier: Apache-2.0
"""A video's masks in the object store, over a folder and over a store whose objects are read from copies."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from obstore.store import LocalStore

from ovpo.foundation.objects.connect import FolderSigner
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.objects.errors import ObjectNotFoundError, ObjectStoreUnavailableError
from ovpo.foundation.objects.store import ObjectStore, list_one_page
from ovpo.foundation.settings.tree import Settings, Sop
from ovpo.sop.errors import MaskingError, VideoError
from ovpo.sop.masking.applying import Masked, masked
from ovpo.sop.records.rows import Video, VideoRole, VideoState
from ovpo.sop.video.probing import probe
from ovpo.sop.video.samples import Sampling
from ovpo.sop.video.sampling import sample
from ovpo.sop.working import Workplace
from tests.integration.sop.video.films import Film, shoot, steady

MASKS = """
cameras:
  default: []
  linz/press-1:
    - {x: 0, y: 0, width: 0.5, height: 0.5}
"""
NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
VIDEO_ID = UUID(int=7)
SOURCE = f"sop/demo/videos/{VIDEO_ID}/source.mp4"
KEY = f"sop/demo/videos/{VIDEO_ID}/masked.mp4"
VIDEO = Video(
    video_id=VIDEO_ID,
    tenant_id="demo",
    sha256="0" * 64,
    task_id="coffee",
    role=VideoRole.TRAINEE,
    site_id="linz",
    camera_id="press-1",
    operator_id_hash="",
    name="source.mp4",
    bytes=1,
    inbox_path=None,
    source_key=SOURCE,
    masked_key=None,
    thumbnail_key=None,
    window_start=NOW,
    state=VideoState.REGISTERED,
    reason_code=None,
    reason=None,
    probe=None,
    probed_by=None,
    registered_at=NOW,
    updated_at=NOW,
)
Open = Callable[..., Workplace]


@pytest.fixture(params=["folder", "copies"])
def open_place(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Open a workplace over a store that holds the source, with masks and originals as asked for."""
    folder = tmp_path / "objects"
    folder.mkdir()
    (tmp_path / "masks.yaml").write_text(MASKS)
    store = ObjectStore(
        LocalStore(folder),
        FolderSigner("http://127.0.0.1", b"secret", "objects"),
        list_one_page,
        "a store",
        folder if request.param == "folder" else None,
    )
    store.put(SOURCE, shoot(tmp_path / "source.mp4", Film(steady(1), sound=True)).read_bytes())

    def opened(masks: Path | None = tmp_path / "masks.yaml", keep_originals: bool = False) -> Workplace:
        settings = Settings(home=tmp_path, sop=Sop(masks=masks, keep_originals=keep_originals))
        return Workplace(settings, store, Copies(store, tmp_path / "copies"), "run", lambda: NOW)

    return opened


def keys(place: Workplace) -> set[str]:
    return {one.key for one in place.objects.list()}


def files(place: Workplace) -> list[Path]:
    return [file for file in place.copies.cache.rglob("*") if file.is_file()]


def test_the_masked_video_takes_the_place_of_the_one_that_came(open_place: Open) -> None:
    place = open_place()
    assert masked(place, VIDEO) == Masked(KEY, None)
    assert keys(place) == {KEY}
    assert files(place) == []
    shown = place.copies.file(KEY)
    assert not probe(shown).has_audio
    assert all(one.picture[:22, :30].max() < 12 for one in sample(shown, Sampling()))


def test_where_originals_are_kept_both_are_there(open_place: Open) -> None:
    place = open_place(keep_originals=True)
    assert masked(place, VIDEO) == Masked(KEY, SOURCE)
    assert keys(place) == {SOURCE, KEY}


@pytest.mark.parametrize("camera", ["press-2", ""])
def test_a_camera_without_masks_is_left_as_it_is(open_place: Open, camera: str) -> None:
    place = open_place()
    assert masked(place, replace(VIDEO, camera_id=camera)) is None
    assert keys(place) == {SOURCE}


def test_without_a_file_of_masks_nothing_is_masked(open_place: Open) -> None:
    place = open_place(masks=None)
    assert masked(place, VIDEO) is None
    assert keys(place) == {SOURCE}


@pytest.mark.parametrize("camera", ["press-1", "press-2"])
def test_masks_that_cannot_be_read_refuse_every_video_and_leave_it_as_it_was(
    open_place: Open, tmp_path: Path, camera: str
) -> None:
    for masks in (tmp_path / "gone.yaml", tmp_path / "wrong.yaml"):
        (tmp_path / "wrong.yaml").write_text("cameras: {default: black}")
        place = open_place(masks)
        with pytest.raises(MaskingError, match=masks.name):
            masked(place, replace(VIDEO, camera_id=camera))
        assert keys(place) == {SOURCE}


def test_a_video_that_cannot_be_masked_is_refused_and_leaves_nothing_behind(open_place: Open) -> None:
    place = open_place()
    place.objects.put(SOURCE, b"no video")
    with pytest.raises(VideoError):
        masked(place, VIDEO)
    assert keys(place) == {SOURCE}
    assert [file for file in files(place) if file.name.startswith("draft")] == []


def test_it_may_be_repeated_and_gives_the_same(open_place: Open) -> None:
    place = open_place(keep_originals=True)
    masked(place, VIDEO)
    first = place.objects.get(KEY)
    assert masked(place, replace(VIDEO, masked_key=KEY)) == Masked(KEY, SOURCE)
    assert place.objects.get(KEY) == first


def test_a_repetition_finds_what_an_attempt_left_that_ended_before_it_was_on_record(open_place: Open) -> None:
    place = open_place()
    masked(place, VIDEO)
    assert masked(place, VIDEO) == Masked(KEY, None)
    assert keys(place) == {KEY}


def test_a_video_of_which_only_the_masked_one_stayed_keeps_it_whatever_the_masks_are_now(open_place: Open) -> None:
    place = open_place()
    masked(place, VIDEO)
    row = replace(VIDEO, source_key=None, masked_key=KEY)
    assert masked(place, row) == masked(open_place(masks=None), row) == Masked(KEY, None)


def test_a_video_that_lies_nowhere_is_an_error_and_not_unmasked(open_place: Open) -> None:
    place = open_place()
    place.objects.delete(SOURCE)
    with pytest.raises(ObjectNotFoundError):
        masked(place, VIDEO)


def test_the_original_stays_where_the_masked_one_could_not_be_stored(
    open_place: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = open_place()

    def refuse(*_: object) -> None:
        raise ObjectStoreUnavailableError("the bucket does not answer")

    monkeypatch.setattr(Copies, "put", refuse)
    with pytest.raises(ObjectStoreUnavailableError):
        masked(place, VIDEO)
    assert keys(place) == {SOURCE}

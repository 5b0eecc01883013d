# SPDX-License-Identifier: Apache-2.0
"""Videos written with their masks: what can be decoded from them afterwards, by pixel, by time, by stream."""

import errno
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ovpo.sop.errors import MaskingError, VideoError
from ovpo.sop.masking import writing
from ovpo.sop.masking.masks import Mask, Style
from ovpo.sop.masking.writing import CLOCK, write_masked
from ovpo.sop.video.probing import probe
from ovpo.sop.video.samples import Picture, Sampling
from ovpo.sop.video.sampling import sample
from tests.integration.sop.video.films import Film, boxes, grey, packet_places, seconds_of, shoot, steady

CORNER = Mask(0, 0, 0.5, 0.5)
"""Covers the red corner of the test's pictures where they stand upright."""
VARYING = [*steady(1, 24), Fraction(1), *(Fraction(5, 2) + Fraction(index, 60) for index in range(30))]
OFF = 8
"""Levels by which the encoder may miss a colour beside an edge."""


def decoded(path: Path) -> list[tuple[Fraction, Picture]]:
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            found.append((frame.pts * frame.time_base, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)))
    return found


def masked(source: Path, *masks: Mask) -> list[tuple[Fraction, Picture]]:
    target = source.with_name("masked.mp4")
    write_masked(source, target, masks)
    return decoded(target)


def is_red(colour: Picture) -> bool:
    return bool(colour[0] > 150 and colour[1] < 90 and colour[2] < 90)


@pytest.mark.parametrize(
    ("name", "film"),
    [
        ("steady.mp4", Film(steady(1))),
        ("ntsc.mp4", Film(steady(1, Fraction(30_000, 1001)), rate=Fraction(30_000, 1001))),
        ("varying.mp4", Film(VARYING)),
        ("varying.mkv", Film([round(time * 1000) * Fraction(1, 1000) for time in VARYING], format="matroska")),
        ("late.ts", Film([time + 5 for time in steady(1)], format="mpegts")),
        ("steady.avi", Film(steady(1), codec="mpeg4", format="avi")),
    ],
)
def test_every_picture_keeps_its_time_and_the_masked_part_is_black_in_all(
    tmp_path: Path, name: str, film: Film
) -> None:
    source = shoot(tmp_path / name, film)
    shown = masked(source, CORNER)
    assert len(shown) == len(film.times)
    for (at, picture), time, (_, before) in zip(shown, film.times, decoded(source), strict=True):
        assert abs(at - (time - film.times[0])) <= CLOCK
        assert picture[:24, :32].max() <= OFF
        assert seconds_of(picture[24:, 32:]) == pytest.approx(seconds_of(before[24:, 32:]), abs=0.2)


@pytest.mark.parametrize("film", [Film(steady(2)), Film(steady(2, 50), rate=Fraction(50)), Film(VARYING)])
def test_a_masked_video_lasts_as_long_and_gives_as_many_samples(tmp_path: Path, film: Film) -> None:
    source = shoot(tmp_path / "source.mp4", film)
    masked(source, CORNER)
    before, after = (list(sample(path, Sampling())) for path in (source, tmp_path / "masked.mp4"))
    assert [one.seconds for one in after] == pytest.approx([one.seconds for one in before], abs=0.0001)
    step = film.times[-1] - film.times[-2]
    assert probe(tmp_path / "masked.mp4").seconds == pytest.approx(float(film.times[-1] + step), abs=0.025)


@pytest.mark.parametrize(
    ("rotation", "flipped", "red"),
    [
        (0, False, (0.1, 0.1)),
        (90, False, (0.1, 0.9)),
        (180, False, (0.9, 0.9)),
        (-90, False, (0.9, 0.1)),
        (0, True, (0.9, 0.1)),
    ],
)
def test_masks_lie_on_the_picture_as_it_is_shown_and_the_new_video_needs_no_turning(
    tmp_path: Path, rotation: float, flipped: bool, red: tuple[float, float]
) -> None:
    source = shoot(tmp_path / "turned.mp4", Film(steady(1), rotation=rotation, flipped=flipped))
    upright = next(sample(source, Sampling())).picture
    height, width = upright.shape[:2]
    across, down = red
    there = int(down * height), int(across * width)
    assert is_red(upright[there])
    mask = Mask(float(across > 0.5) / 2, float(down > 0.5) / 2, 0.5, 0.5)
    assert not any(is_red(picture[there]) for _, picture in masked(source, mask))
    plain = masked(source, Mask(0.45, 0.45, 0.1, 0.1))
    assert all(is_red(picture[there]) for _, picture in plain)
    assert plain[0][1].shape == upright.shape
    found = probe(tmp_path / "masked.mp4")
    assert (found.rotation, found.width, found.height) == (0, width, height)


def test_odd_sides_become_even_and_pixels_square(tmp_path: Path) -> None:
    odd = shoot(tmp_path / "odd.mp4", Film(steady(1), size=(65, 49), pixels="yuv444p"))
    assert {picture.shape for _, picture in masked(odd, CORNER)} == {(48, 64, 3)}
    wide = shoot(tmp_path / "wide.mp4", Film(steady(1), pixel=Fraction(2)))
    assert {picture.shape for _, picture in masked(wide, CORNER)} == {(48, 128, 3)}
    assert probe(tmp_path / "masked.mp4").pixel_aspect_ratio == 1


def test_very_large_pictures_are_made_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LONGEST_SIDE", 32)
    source = shoot(tmp_path / "large.mp4", Film(steady(1)))
    assert {picture.shape for _, picture in masked(source, CORNER)} == {(24, 32, 3)}


def test_a_part_that_is_covered_looks_the_same_whatever_was_there(tmp_path: Path) -> None:
    """The red corner and none at all: behind black the new videos cannot be told apart."""
    red = shoot(tmp_path / "red.mp4", Film(steady(1), options={"crf": "0"}, pixels="yuv444p"))
    with_corner = masked(red, CORNER)
    assert all(not is_red(picture[4, 4]) for _, picture in with_corner)
    assert np.ptp(np.stack([picture[:20, :28] for _, picture in with_corner])) <= OFF


@pytest.mark.parametrize("style", [Style.BLUR, Style.PIXELATE])
def test_the_softer_styles_leave_no_edge_of_what_was_there(tmp_path: Path, style: Style) -> None:
    film = Film(steady(1), size=(320, 240), options={"crf": "1"})
    shown = masked(shoot(tmp_path / "soft.mp4", film), Mask(0, 0, 0.45, 0.5, style))
    for _, picture in shown:
        # The corner's edge lies at 80 and is one of 200 levels; blocks are 18 wide from 0 on, and slopes as long.
        assert abs(int(picture[30, 84, 0]) - int(picture[30, 75, 0])) < 140
        assert len(np.unique(picture[10:110, 10:134, 0] // 16)) <= 64
    assert seconds_of(shown[0][1][120:, 160:]) == pytest.approx(0.0, abs=0.2)


def test_sound_and_what_a_file_says_of_itself_stay_behind(tmp_path: Path) -> None:
    source = shoot(tmp_path / "spoken.mp4", Film(steady(1), sound=True))
    named = tmp_path / "named.mp4"
    with av.open(str(source)) as given, av.open(str(named), "w") as told:
        told.metadata.update({"title": "Anna Gruber at the press", "comment": "shift 2"})
        streams = {stream.index: told.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                told.mux(packet)
    assert probe(named).has_audio
    assert b"Anna Gruber" in named.read_bytes()
    masked(named, CORNER)
    data = (tmp_path / "masked.mp4").read_bytes()
    with av.open(str(tmp_path / "masked.mp4")) as container:
        assert [(stream.type, stream.codec_context.name) for stream in container.streams] == [("video", "h264")]
        assert not {"title", "comment", "creation_time", "encoder"} & set(container.metadata)
    assert b"Anna Gruber" not in data
    assert b"mp4a" not in data
    created = [struct.unpack(">I", data[at + 4 : at + 8])[0] for at in boxes(data, b"mvhd") + boxes(data, b"tkhd")]
    assert created == [0, 0]


def test_the_index_stands_first_so_that_a_browser_can_begin_at_once(tmp_path: Path) -> None:
    masked(shoot(tmp_path / "source.mp4", Film(steady(1))), CORNER)
    data = (tmp_path / "masked.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(tmp_path / "masked.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.pix_fmt, stream.codec_context.color_range) == ("yuv420p", 1)


def test_the_same_video_and_masks_give_the_same_bytes(tmp_path: Path) -> None:
    source = shoot(tmp_path / "source.mp4", Film(steady(1)))
    for name in ("one.mp4", "two.mp4"):
        write_masked(source, tmp_path / name, [CORNER])
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_colours_beside_the_masks_stay_what_they_were(tmp_path: Path) -> None:
    source = shoot(tmp_path / "source.mp4", Film(steady(1), size=(320, 240)))
    for (_, before), (at, after) in zip(decoded(source), masked(source, Mask(0.4, 0.8, 0.1, 0.1)), strict=True):
        assert after[20, 20].astype(int) == pytest.approx(before[20, 20].astype(int), abs=OFF)
        assert after[20, 300].astype(int) == pytest.approx(before[20, 300].astype(int), abs=OFF)
        assert after[120, 160].mean() == pytest.approx(grey(float(at)), abs=OFF)


def only_source(folder: Path) -> bool:
    return [file.name for file in folder.iterdir()] == ["source.mp4"]


def test_a_file_that_is_no_video_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "source.mp4").write_bytes(b"no video at all" * 100)
    with pytest.raises(VideoError):
        write_masked(tmp_path / "source.mp4", tmp_path / "masked.mp4", [CORNER])
    assert only_source(tmp_path)


def test_a_video_that_breaks_off_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    source = shoot(tmp_path / "source.mp4", Film(steady(4), muxer={"movflags": "+faststart"}))
    at, _ = packet_places(source)[60]
    source.write_bytes(source.read_bytes()[:at])
    with pytest.raises(VideoError):
        write_masked(source, tmp_path / "masked.mp4", [CORNER])
    assert only_source(tmp_path)


def test_a_disk_that_is_full_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = shoot(tmp_path / "source.mp4", Film(steady(2)))

    class Full:
        def __init__(self, container: av.container.OutputContainer) -> None:
            self._container = container

        def __getattr__(self, name: str) -> object:
            return getattr(self._container, name)

        def mux(self, packet: object) -> None:
            raise av.FFmpegError(errno.ENOSPC, "No space left on device")

    really = av.open

    def opening(name: str, mode: str = "r", **options: object) -> object:
        container = really(name, mode, **options)  # type: ignore[call-overload]
        return Full(container) if mode == "w" else container

    monkeypatch.setattr(av, "open", opening)
    with pytest.raises(MaskingError, match=r"source\.mp4 cannot be written .* \(No space left") as raised:
        write_masked(source, tmp_path / "masked.mp4", [CORNER])
    assert raised.value.code == "not_masked"
    assert only_source(tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    source = shoot(tmp_path / "source.mp4", Film(steady(1)))
    with pytest.raises(MaskingError, match=r"cannot be written with its masks \(No such file or directory\)"):
        write_masked(source, tmp_path / "nowhere" / "masked.mp4", [CORNER])


def test_an_installation_without_an_encoder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CODEC", "no-such-codec")
    source = shoot(tmp_path / "source.mp4", Film(steady(1)))
    with pytest.raises(MaskingError, match="PyAV has no encoder for no-such-codec"):
        write_masked(source, tmp_path / "masked.mp4", [CORNER])
    assert only_source(tmp_path)


def test_a_former_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "source.mp4").write_bytes(b"no video")
    (tmp_path / "masked.mp4").write_bytes(b"former")
    with pytest.raises(VideoError):
        write_masked(tmp_path / "source.mp4", tmp_path / "masked.mp4", [CORNER])
    assert (tmp_path / "masked.mp4").read_bytes() == b"former"

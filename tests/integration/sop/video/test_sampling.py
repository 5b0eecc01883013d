# SPDX-License-Identifier: Apache-2.0
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from ovpo.sop.errors import VideoError
from ovpo.sop.video.limits import Limits
from ovpo.sop.video.samples import Sample, Sampling
from ovpo.sop.video.sampling import sample
from ovpo.sop.video.timeline import LATE
from tests.integration.sop.video.films import Film, packet_places, seconds_of, shoot, steady

NTSC = Fraction(30_000, 1001)
FILMS = {
    "h264.mp4": Film(steady(4)),
    "h264-30.mp4": Film(steady(4, 30), rate=Fraction(30)),
    "h264-ntsc.mp4": Film(steady(4, NTSC), rate=NTSC),
    "h264-no-b.mp4": Film(steady(4), options={"bf": "0", "g": "250"}),
    "h264.mkv": Film(steady(4), format="matroska"),
    "vp9.webm": Film(steady(4), codec="libvpx-vp9", format="webm", options={"cpu-used": "8", "deadline": "realtime"}),
    "h264.ts": Film(steady(4), format="mpegts"),
    "h264.flv": Film(steady(4), format="flv"),
    "h264.avi": Film(steady(4), format="avi"),
    "mpeg4.avi": Film(steady(4), codec="mpeg4", format="avi", options={"bf": "2"}),
    "mpeg2.mpg": Film(steady(4), codec="mpeg2video", format="mpeg", options={"b": "900000"}),
    "fragments.mp4": Film(steady(4), muxer={"movflags": "frag_keyframe+empty_moov"}),
    "odd.mp4": Film(steady(4), size=(321, 243), pixels="yuv444p"),
}


def _samples(path: Path, sampling: Sampling | None = None) -> list[Sample]:
    return list(sample(path, sampling or Sampling()))


@pytest.mark.parametrize("name", FILMS)
def test_every_container_and_rate_gives_the_same_samples(tmp_path: Path, name: str) -> None:
    film = FILMS[name]
    samples = _samples(shoot(tmp_path / name, film))
    assert [one.index for one in samples] == list(range(16))
    for one in samples:
        due = Fraction(one.index, 4)
        expected = float(max(time for time in film.times if time <= due + LATE))
        assert one.seconds == pytest.approx(expected, abs=0.002)
        # A grey level is 1/16 s, and codecs are one or two levels off.
        assert seconds_of(one.picture) == pytest.approx(expected, abs=0.2)


def test_a_picture_that_is_held_is_given_again_and_a_varying_rate_changes_nothing(tmp_path: Path) -> None:
    times = [*steady(1), Fraction(1), *(3 + Fraction(index, 60) for index in range(60))]
    samples = _samples(shoot(tmp_path / "varying.mp4", Film(times)))
    assert len(samples) == 16
    assert [one.seconds for one in samples[4:12]] == [1.0] * 8
    assert all(np.array_equal(one.picture, samples[4].picture) for one in samples[5:12])
    assert [one.seconds for one in samples[12:]] == pytest.approx([3.0, 3.25, 3.5, 3.75], abs=0.001)


def test_time_counts_from_the_first_picture(tmp_path: Path) -> None:
    late = Film([time + 5 for time in steady(2)], format="mpegts")
    samples = _samples(shoot(tmp_path / "late.ts", late))
    assert [one.seconds for one in samples] == pytest.approx([0, 0.24, 0.48, 0.72, 1.0, 1.24, 1.48, 1.72], abs=0.001)
    assert seconds_of(samples[0].picture) == pytest.approx(5, abs=0.2)


@pytest.mark.parametrize(("seconds", "count"), [(0.08, 1), (1.0, 4), (1.08, 4), (1.16, 5), (1.24, 5)])
def test_a_step_belongs_to_the_video_if_half_of_it_is_filled(tmp_path: Path, seconds: float, count: int) -> None:
    assert len(_samples(shoot(tmp_path / "short.mp4", Film(steady(seconds))))) == count


@pytest.mark.parametrize(
    ("rotation", "flipped", "shape", "red", "blue"),
    [
        (None, False, (48, 64), "upper left", "upper right"),
        (-90, False, (64, 48), "upper right", "lower right"),
        (90, False, (64, 48), "lower left", "upper left"),
        (180, False, (48, 64), "lower right", "lower left"),
        (0, True, (48, 64), "upper right", "upper left"),
    ],
)
def test_pictures_are_upright_as_a_player_shows_them(
    tmp_path: Path, rotation: float | None, flipped: bool, shape: tuple[int, int], red: str, blue: str
) -> None:
    film = Film(steady(1), rotation=rotation, flipped=flipped)
    picture = _samples(shoot(tmp_path / "turned.mp4", film))[0].picture
    assert picture.shape == (*shape, 3)
    corners = {
        "upper left": picture[:6, :6],
        "upper right": picture[:6, -6:],
        "lower left": picture[-6:, :6],
        "lower right": picture[-6:, -6:],
    }
    means = {name: corner.reshape(-1, 3).mean(axis=0) for name, corner in corners.items()}
    assert max(means, key=lambda name: means[name][0] - means[name][2]) == red
    assert max(means, key=lambda name: means[name][2] - means[name][0]) == blue


@pytest.mark.parametrize(
    ("size", "pixel", "longest", "shape"),
    [
        ((64, 48), None, 320, (48, 64)),
        ((640, 360), None, 320, (180, 320)),
        ((360, 640), None, 320, (320, 180)),
        ((322, 242), None, 320, (240, 320)),
        ((72, 64), Fraction(2), 72, (32, 72)),
    ],
)
def test_pictures_are_small_even_with_square_pixels_and_not_enlarged(
    tmp_path: Path, size: tuple[int, int], pixel: Fraction | None, longest: int, shape: tuple[int, int]
) -> None:
    path = shoot(tmp_path / "sized.mp4", Film(steady(0.6), size=size, pixel=pixel))
    assert _samples(path, Sampling(longest_side=longest))[0].picture.shape == (*shape, 3)


def test_a_video_that_changes_its_size_midway_keeps_the_size_of_its_first_picture(tmp_path: Path) -> None:
    first = shoot(tmp_path / "first.ts", Film(steady(2), format="mpegts"))
    then = [time + 2 for time in steady(2)]
    second = shoot(tmp_path / "second.ts", Film(then, format="mpegts", size=(64, 96)))
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    samples = _samples(both)
    assert len(samples) == 16
    assert {one.picture.shape for one in samples} == {(48, 64, 3)}
    assert samples[-1].picture[:, :14].max() < 8
    assert seconds_of(samples[-1].picture) == pytest.approx(3.72, abs=0.3)


def test_time_goes_on_where_time_stamps_begin_anew(tmp_path: Path) -> None:
    part = shoot(tmp_path / "part.ts", Film(steady(2), format="mpegts"))
    twice = tmp_path / "twice.ts"
    twice.write_bytes(part.read_bytes() * 2)
    samples = _samples(twice)
    assert len(samples) == 16
    assert [one.seconds for one in samples] == sorted(one.seconds for one in samples)
    assert seconds_of(samples[10].picture) == pytest.approx(0.5, abs=0.3)


def test_progress_grows_to_one(tmp_path: Path) -> None:
    seen: list[float] = []
    for _ in sample(shoot(tmp_path / "a.mp4", Film(steady(4))), Sampling(), progress=seen.append):
        pass
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert 0.4 < seen[len(seen) // 2] < 0.6
    assert seen[-1] == 1


def test_decoding_that_takes_too_long_is_given_up_but_the_taker_may_take_its_time(tmp_path: Path) -> None:
    path = shoot(tmp_path / "a.mp4", Film(steady(4)))
    now = [0.0]

    def slow() -> float:
        now[0] += 0.5
        return now[0]

    with pytest.raises(VideoError, match=r"a\.mp4: decoding has taken more than 20 s.*max_work_seconds") as refused:
        list(sample(path, Sampling(), limits=Limits(max_work_seconds=20), clock=slow))
    assert refused.value.code == "too_slow"

    given = []
    now[0] = 0
    for one in sample(path, Sampling(), limits=Limits(max_work_seconds=20), clock=lambda: now[0]):
        now[0] += 1000
        given.append(one)
    assert len(given) == 16


def test_some_damage_is_passed_over_and_much_damage_is_refused(tmp_path: Path) -> None:
    path = shoot(tmp_path / "a.mp4", Film(steady(12), options={"g": "10", "crf": "12", "bf": "0"}))
    whole, places = path.read_bytes(), packet_places(path)
    some, much = tmp_path / "some.mp4", tmp_path / "much.mp4"
    some.write_bytes(_scrambled(whole, places[95:100]))
    samples = _samples(some)
    assert len(samples) == 48
    assert seconds_of(samples[-1].picture) == pytest.approx(11.72, abs=0.2)
    much.write_bytes(_scrambled(whole, places[1::4]))
    with pytest.raises(VideoError, match=r"much\.mp4: [0-9]+ of [0-9]+ pictures are damaged; copy") as refused:
        _samples(much)
    assert refused.value.code == "damaged"


def _scrambled(data: bytes, places: list[tuple[int, int]]) -> bytes:
    changed, rng = bytearray(data), np.random.default_rng(3)
    for first, length in places:
        changed[first : first + length] = rng.bytes(length)
    return bytes(changed)

# SPDX-License-Identifier: Apache-2.0
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovpo.sop.errors import VideoError
from ovpo.sop.video.pictures import pictures_at
from ovpo.sop.video.samples import Picture, Sampling
from ovpo.sop.video.sampling import sample
from tests.integration.sop.video.films import Film, seconds_of, shoot, steady

RATE = 8.0
UNEVEN = [*steady(3), *(3 + Fraction(index, 7) for index in range(40)), Fraction(12)]
FILMS = {
    "even.mp4": Film(steady(12), options={"g": "30", "crf": "12"}),
    "uneven.mp4": Film(UNEVEN, options={"g": "9", "crf": "12"}),
    "one key.mp4": Film(steady(12), options={"g": "1000", "crf": "12", "sc_threshold": "0"}),
    "turned.mkv": Film(UNEVEN, format="matroska", rotation=90, options={"g": "20", "crf": "12"}),
    "open groups.ts": Film(
        steady(12), format="mpegts", options={"crf": "12", "x264-params": "open-gop=1:keyint=15:bframes=3"}
    ),
    "b.avi": Film(steady(12), format="avi"),
    "vp9.webm": Film(steady(8), codec="libvpx-vp9", format="webm", options={"cpu-used": "8", "g": "25"}),
}


@cache
def _sampled(name: str) -> tuple[Path, list[Picture]]:
    path = shoot(Path(mkdtemp()) / name, FILMS[name])
    return path, [one.picture for one in sample(path, Sampling(frames_per_second=RATE))]


@pytest.mark.parametrize("name", FILMS)
@given(data=st.data())
@settings(max_examples=6, deadline=None)
def test_the_picture_at_a_time_is_the_one_that_sampling_chooses(name: str, data: st.DataObject) -> None:
    path, sampled = _sampled(name)
    chosen = data.draw(st.lists(st.integers(0, len(sampled) - 1), min_size=1, max_size=5))
    found = pictures_at(path, [index / RATE for index in chosen], 320)
    assert all(np.array_equal(sampled[index], picture) for index, picture in zip(chosen, found, strict=True))


def test_times_outside_give_the_first_and_the_last_picture(tmp_path: Path) -> None:
    path = shoot(tmp_path / "a.mp4", Film(steady(6)))
    found = pictures_at(path, [100, -3, 2], 32)
    assert [seconds_of(picture) for picture in found] == pytest.approx([5.96, 0, 2], abs=0.2)
    assert {picture.shape for picture in found} == {(24, 32, 3)}
    assert pictures_at(path, [], 32) == []


def test_a_time_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="finite") as refused:
        pictures_at(shoot(tmp_path / "a.mp4", Film(steady(1))), [float("nan")], 32)
    assert refused.value.code == "no_such_time"

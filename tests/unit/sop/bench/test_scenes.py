# SPDX-License-Identifier: Apache-2.0
from types import ModuleType

import numpy as np
import pytest

from bench.sop.pairs import Kind, pairs
from bench.sop.scenes import judge, tune
from bench.sop.scenes.filming import Frame, frame_times
from bench.sop.scenes.script import truth
from bench.sop.scenes.takes import Footage, Nuisance, Procedure, Size, Still, Take

SMALL = Size(96, 64)
GENERATORS = pytest.mark.parametrize("scenes", [tune, judge])


def short(scenes: ModuleType) -> Procedure:
    own = scenes.procedure(3, 1, steps=4)
    assert isinstance(own, Procedure)
    return own


def film(scenes: ModuleType, take: Take) -> list[Frame]:
    return list(scenes.render(take))


@GENERATORS
def test_there_are_as_many_frames_as_the_truth_is_long(scenes: ModuleType) -> None:
    take = Take(procedure=short(scenes), person=1, size=SMALL, frames_per_second=5.0)
    frames = film(scenes, take)
    assert abs(len(frames) - 5 * truth(take).seconds) <= 1
    assert frames[0].picture.shape == (64, 96, 3)
    assert frames[0].picture.dtype == np.uint8
    assert frames[0].seconds == 0
    assert 0 < truth(take).seconds - frames[-1].seconds <= 0.2


@GENERATORS
def test_the_same_take_gives_the_same_pixels_and_another_person_others(scenes: ModuleType) -> None:
    take = Take(procedure=short(scenes), person=1, size=SMALL, frames_per_second=2.0)
    other = Take(procedure=short(scenes), person=2, size=SMALL, frames_per_second=2.0)
    first, again, another = film(scenes, take), film(scenes, take), film(scenes, other)
    assert all(np.array_equal(one.picture, two.picture) for one, two in zip(first, again, strict=True))
    assert not any(np.array_equal(one.picture, two.picture) for one, two in zip(first, another, strict=False))


@GENERATORS
def test_steps_look_unlike_one_another_and_like_themselves_in_a_retake(scenes: ModuleType) -> None:
    gold = Take(procedure=short(scenes), size=Size(192, 128), frames_per_second=4.0)
    again = Take(procedure=short(scenes), person=1, size=Size(192, 128), frames_per_second=4.0)
    looks = [_mean_looks(film(scenes, take), take) for take in (gold, again)]
    differences = np.array([[np.abs(one - two).mean() for two in looks[1]] for one in looks[0]])
    assert list(differences.argmin(axis=1)) == [0, 1, 2, 3]


@GENERATORS
def test_a_black_lead_is_black_and_then_the_bench_is_seen(scenes: ModuleType) -> None:
    nuisance = Nuisance(lead=2.0, still=Still.BLACK)
    take = Take(procedure=short(scenes), person=1, size=SMALL, frames_per_second=4.0, nuisance=nuisance)
    frames = film(scenes, take)
    assert max(frame.picture.mean() for frame in frames[:8]) < 12
    assert min(frame.picture.mean() for frame in frames[8:]) > 40


@GENERATORS
def test_three_frames_are_three_and_a_still_video_does_not_move(scenes: ModuleType) -> None:
    three = Take(procedure=short(scenes), person=1, size=SMALL, footage=Footage.THREE_FRAMES)
    assert len(film(scenes, three)) == 3
    still = Take(procedure=short(scenes), person=1, size=SMALL, footage=Footage.STILL, frames_per_second=1.0)
    frames = film(scenes, still)
    assert len(frames) == 20
    assert truth(still).steps == ()


def test_a_camera_of_variable_rate_leaves_frames_out_but_neither_the_first_nor_two_in_a_row() -> None:
    for person in range(1, 9):
        take = Take(procedure=short(tune), person=person, frames_per_second=10.0, variable=True)
        times = frame_times(take, 20.0)
        assert times[0] == 0
        assert set(np.round(np.diff(times), 6)) == {0.1, 0.2}


def test_more_pairs_begin_as_fewer_do_and_cover_every_kind() -> None:
    some, more = pairs("judge", 40, 1), pairs("judge", 80, 1)
    assert more[:40] == some
    assert {pair.kind for pair in some} == set(Kind)
    assert len({pair.name for pair in more}) == 80


def test_the_judged_set_has_every_fault_and_every_nuisance() -> None:
    listed = pairs("judge", 216, 1)
    types = [fault.type for pair in listed for fault in pair.trainee.faults]
    assert min(types.count(kind) for kind in set(types)) >= 12
    assert len(set(types)) == 8
    assert len({pair.trainee.nuisance.name for pair in listed if pair.kind is Kind.CLEAN}) == 18


def _mean_looks(frames: list[Frame], take: Take) -> list[np.ndarray]:
    looks = []
    for step in truth(take).steps:
        middle = [
            frame.picture.astype(float)
            for frame in frames
            if step.start + 0.3 * (step.end - step.start) < frame.seconds < step.end - 0.3 * (step.end - step.start)
        ]
        looks.append(np.mean(middle, axis=0))
    return looks

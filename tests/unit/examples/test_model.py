# SPDX-License-Identifier: Apache-2.0
"""Noise becomes the clip that the prompt and the seed ask for, the same one every time."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from examples.pipelines import model
from examples.pipelines.memory import Memory, OutOfMemoryError
from examples.pipelines.prompt import WIDTH, embed
from examples.pipelines.request import Request
from examples.pipelines.scene import compose, draw

SMALL = Request(frames=6, steps=8, width=64, height=36)


def clip_of(request: Request) -> list[NDArray[np.uint8]]:
    memory = Memory()
    weights = model.load(memory)
    goal = model.goal(weights, compose(embed(request.prompt), request.seed), request, memory)
    *_, latents = model.denoise(weights, goal, request, memory)
    return [model.decode(weights, frame, memory) for frame in latents]


def test_the_same_request_gives_the_same_pixels() -> None:
    assert np.array_equal(clip_of(SMALL), clip_of(SMALL))


@pytest.mark.parametrize("other", [{"seed": 8}, {"prompt": "a snowed-in village"}])
def test_another_seed_or_prompt_gives_other_pixels(other: dict[str, object]) -> None:
    changed = Request(**{"frames": 6, "steps": 8, "width": 64, "height": 36, **other})  # type: ignore[arg-type]
    assert not np.array_equal(clip_of(SMALL), clip_of(changed))


def test_the_latents_come_nearer_to_the_clip_with_every_step() -> None:
    memory = Memory()
    weights = model.load(memory)
    goal = model.goal(weights, compose(embed(SMALL.prompt), SMALL.seed), SMALL, memory)
    far = [float(np.abs(latents - goal).mean()) for latents in model.denoise(weights, goal, SMALL, memory)]
    assert len(far) == SMALL.steps
    assert all(before > after for before, after in pairwise(far))
    assert far[0] > 20 * far[-1]


def test_what_is_decoded_is_the_scene_that_was_asked_for() -> None:
    scene = compose(embed(SMALL.prompt), SMALL.seed)
    for index, picture in enumerate(clip_of(SMALL)):
        wanted = draw(scene, index / SMALL.fps, SMALL.width, SMALL.height) * 255
        assert np.abs(picture - wanted).mean() < 6


def test_the_decoder_undoes_the_encoder_up_to_what_it_leaves_out() -> None:
    memory = Memory()
    weights = model.load(memory)
    ramp = np.linspace(0.2, 0.8, 64, dtype=np.float32)[None, :, None] * np.ones((36, 1, 3), np.float32)
    assert np.abs(model.decode(weights, model.encode(weights, ramp), memory) - ramp * 255).max() < 2


def test_the_scene_moves() -> None:
    scene = compose(embed("x"), 3)
    assert not np.array_equal(draw(scene, 0, 64, 36), draw(scene, 0.5, 64, 36))


def test_lights_stay_in_the_picture_however_long_it_lasts() -> None:
    scene = compose(embed("x"), 3)
    sky = draw(replace(scene, radii=scene.radii - 10), 0, 64, 36)
    for seconds in (0.0, 60.0, 3600.0):
        assert (np.abs(draw(scene, seconds, 64, 36) - sky) > 0.02).any()


def test_an_embedding_depends_on_the_words_and_their_order_and_has_length_one() -> None:
    assert embed("red fox").shape == (WIDTH,)
    assert np.linalg.norm(embed("red fox")) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(embed("Red  FOX"), embed("red fox"))
    assert not np.allclose(embed("red fox"), embed("fox red"))
    assert not embed("").any()


def test_memory_is_given_back_when_an_array_goes() -> None:
    memory = Memory(1000)
    kept = memory.array((100,), np.uint8)
    memory.array((900,), np.uint8)
    assert memory.used == kept.nbytes


def test_an_array_that_does_not_fit_is_refused_with_what_is_free() -> None:
    memory = Memory(3 * 1024**2)
    kept = memory.array((1024**2,), np.uint8)
    with pytest.raises(OutOfMemoryError, match=r"allocate 4\.00 MiB, 2\.00 MiB free of 3\.00 MiB"):
        memory.array((1024**2,), np.float32)
    assert memory.used == kept.nbytes


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"frames": 0}, "frames is 0; takes 1 or more"),
        ({"steps": -1}, "steps is -1; takes 1 or more"),
        ({"seed": -1}, "seed is -1; takes 0 or more"),
        ({"width": 66}, "width is 66; takes a multiple of 4"),
        ({"height": 8}, "height is 8; takes a multiple of 4 from 16 on"),
    ],
)
def test_a_request_names_what_it_does_not_take(wrong: dict[str, int], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Request(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("frames", "steps"), [(20, 20), (20, 7), (20, 50), (1, 9), (2000, 4)])
def test_the_frames_that_steps_report_on_rise(frames: int, steps: int) -> None:
    request = Request(frames=frames, steps=steps)
    told = [frame for step in range(steps) if (frame := request.watched(step)) is not None]
    assert told[0] == 0
    assert len(told) == min(frames, steps)
    assert all(before < after for before, after in pairwise(told))
    assert told[-1] < frames

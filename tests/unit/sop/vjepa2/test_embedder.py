# SPDX-License-Identifier: Apache-2.0
"""The embedder as a whole, on a tiny model: its rows, its batches, its memory and what it calls itself."""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import VJEPA2Model

from ovpo.sop.clips import Clips
from ovpo.sop.embedders.vjepa2.embedder import VJepa2
from ovpo.sop.embedders.vjepa2.encoding import MEAN, STD
from ovpo.sop.embedders.vjepa2.pictures import Shaping
from ovpo.sop.embedding import Rows, Sidecar, refuse_to_mix
from ovpo.sop.errors import EmbeddingError
from ovpo.sop.result import VideoFacts
from ovpo.sop.video.samples import Sample
from tests.unit.sop.vjepa2.building import WINDOW, embedder, picture, samples, saved

CROP = 64


def rows_of(made: VJepa2, count: int) -> Rows:
    return made.embed(samples(count)).rows


def reference(checkpoint: Path, numbers: list[int]) -> Rows:
    """Make one row by the library's own call, a window at a time."""
    model = VJEPA2Model.from_pretrained(checkpoint)
    pictures = np.stack([Shaping(CROP).shape(picture(number)) for number in numbers])
    scaled = (pictures / 255 - np.array(MEAN)) / np.array(STD)
    clip = torch.from_numpy(scaled.astype(np.float32)).permute(0, 3, 1, 2)[None]
    with torch.no_grad():
        row = model.get_vision_features(clip).mean(dim=1)[0].numpy()
    return np.asarray(row / np.linalg.norm(row))


class Failing:
    """An encoder that runs out of memory over so many clips."""

    def __init__(self, encoder: Any, most: int) -> None:
        self.encoder, self.most, self.seen = encoder, most, list[int]()

    def __call__(self, pixel_values_videos: torch.Tensor) -> Any:
        self.seen.append(len(pixel_values_videos))
        if len(pixel_values_videos) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.encoder(pixel_values_videos=pixel_values_videos)


def failing(made: VJepa2, most: int) -> Failing:
    fault = Failing(made._encoding._encoder, most)
    made._encoding._encoder = fault
    return fault


def sidecar_of(made: VJepa2) -> Sidecar:
    facts = VideoFacts(sha256="a", name="a", seconds=1, clips=1, width=1, height=1, frames_per_second=25)
    return Sidecar(maker=made.maker, video=facts, brightness=(0.5,), motion=(0.5,))


def test_a_row_is_the_mean_over_the_tokens_of_its_window(checkpoint: Path) -> None:
    rows = rows_of(embedder(checkpoint), 30)
    clips = Clips(window=WINDOW, stride=4)
    assert rows.shape == (8, 64)
    assert rows.dtype == np.float32
    for number, row in enumerate(rows):
        np.testing.assert_allclose(row, reference(checkpoint, [*range(*clips.samples_of(number, 30))]), atol=1e-5)


def test_batches_of_one_and_of_seven_give_the_same_rows(checkpoint: Path) -> None:
    one, seven = (rows_of(embedder(checkpoint, batch=batch, stride=1), 45) for batch in (1, 7))
    np.testing.assert_allclose(one, seven, atol=1e-5, rtol=0)


def test_rows_differ_where_pictures_do(checkpoint: Path) -> None:
    rows = rows_of(embedder(checkpoint, stride=8), 20)
    similar = rows @ rows.T
    assert similar[~np.eye(len(rows), dtype=bool)].max() < 1 - 1e-5


def test_the_predictor_is_not_run(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise AssertionError("the predictor ran")

    monkeypatch.setattr("transformers.models.vjepa2.modeling_vjepa2.VJEPA2Predictor.forward", run)
    assert len(rows_of(embedder(checkpoint), 9)) == 3


@pytest.mark.parametrize(("count", "frames", "rows"), [(7, 6, 2), (6, 6, 2), (2, 2, 1), (3, 2, 1)])
def test_a_video_shorter_than_a_window_is_seen_in_fewer_frames(
    checkpoint: Path, count: int, frames: int, rows: int
) -> None:
    made = rows_of(embedder(checkpoint), count)
    assert len(made) == rows
    np.testing.assert_allclose(made, [reference(checkpoint, [*range(frames)])] * rows, atol=1e-5)


def test_a_single_picture_makes_a_row(checkpoint: Path) -> None:
    made = rows_of(embedder(checkpoint), 1)
    np.testing.assert_allclose(made, [reference(checkpoint, [0, 0])], atol=1e-5)


def test_a_video_without_pictures_is_refused(checkpoint: Path) -> None:
    with pytest.raises(EmbeddingError) as caught:
        rows_of(embedder(checkpoint), 0)
    assert caught.value.code == "no_pictures"


def test_out_of_memory_halves_the_batch_until_it_fits_and_loses_no_row(checkpoint: Path) -> None:
    expected = rows_of(embedder(checkpoint, stride=2), 40)
    made = embedder(checkpoint, stride=2, batch=8)
    fault = failing(made, most=3)
    np.testing.assert_allclose(rows_of(made, 40), expected, atol=1e-5)
    assert fault.seen[:4] == [8, 4, 2, 2]
    assert max(fault.seen[3:]) == 2
    assert made._encoding.batch == 2


def test_a_single_clip_that_does_not_fit_is_an_error_that_says_what_to_do(checkpoint: Path) -> None:
    made = embedder(checkpoint, batch=4)
    failing(made, most=0)
    with pytest.raises(EmbeddingError, match="device to cpu") as caught:
        rows_of(made, 20)
    assert caught.value.code == "out_of_memory"


def test_an_encoder_that_gives_no_numbers_is_an_error(checkpoint: Path) -> None:
    made = embedder(checkpoint)
    made._encoding._scale *= torch.nan
    with pytest.raises(EmbeddingError, match="precision") as caught:
        rows_of(made, 9)
    assert caught.value.code == "not_finite"


def test_a_long_video_keeps_no_more_pictures_than_a_few_windows(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, most = embedder(checkpoint, batch=3), 0
    tracked: list[weakref.ref[Any]] = []
    plain = picture(0)

    class Tracked(np.ndarray):
        """An array whose life can be followed."""

    def shape(_: Shaping, __: Any) -> Any:
        shaped = np.full((CROP, CROP, 3), 9, dtype=np.uint8).view(Tracked)
        tracked.append(weakref.ref(shaped))
        return shaped

    def video() -> Iterator[Sample]:
        nonlocal most
        for number in range(240):
            most = max(most, sum(reference() is not None for reference in tracked))
            yield Sample(number, number / 4, plain)

    monkeypatch.setattr(Shaping, "shape", shape)
    gc.collect()
    assert len(made.embed(video()).rows) == 60
    assert most <= 2 * (WINDOW + 3 * 4)


def test_brightness_and_motion_are_given_a_row(checkpoint: Path) -> None:
    seen = embedder(checkpoint).embed(samples(30))
    assert seen.brightness.shape == seen.motion.shape == (8,)
    assert ((seen.brightness > 0.2) & (seen.brightness < 0.8)).all()
    assert (seen.motion > 0.01).all()


def test_equal_weights_are_one_maker_however_they_are_stored(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((checkpoint / "config.json").read_bytes())
    torch.save(VJEPA2Model.from_pretrained(checkpoint).state_dict(), tmp_path / "pytorch_model.bin")
    refuse_to_mix(sidecar_of(embedder(checkpoint)), sidecar_of(embedder(tmp_path)))


@pytest.mark.parametrize("changes", [{"seed": 1}, {"seed": 0, "layer_norm_eps": 1e-3}])
def test_other_weights_or_another_shape_are_another_maker(
    checkpoint: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(EmbeddingError) as caught:
        refuse_to_mix(sidecar_of(embedder(checkpoint)), sidecar_of(embedder(saved(tmp_path, **changes))))
    assert caught.value.code == "mixed_embedders"


@pytest.mark.parametrize("options", [{"window": 4}, {"stride": 2}, {"precision": "bf16"}])
def test_other_settings_are_another_maker(checkpoint: Path, options: dict[str, Any]) -> None:
    with pytest.raises(EmbeddingError):
        refuse_to_mix(sidecar_of(embedder(checkpoint)), sidecar_of(embedder(checkpoint, **options)))


def test_batch_and_device_are_no_part_of_the_maker(checkpoint: Path) -> None:
    assert embedder(checkpoint, batch=1).maker == embedder(checkpoint, batch=7).maker


def test_half_precision_gives_nearly_the_same_rows(checkpoint: Path) -> None:
    full, half = rows_of(embedder(checkpoint), 20), rows_of(embedder(checkpoint, precision="bf16"), 20)
    assert (full * half).sum(axis=1).min() > 0.999
    assert not np.array_equal(full, half)


def test_pictures_are_asked_for_as_large_as_the_square_needs(checkpoint: Path) -> None:
    assert Shaping(256).longest_side == 520
    assert embedder(checkpoint).sampling.longest_side == Shaping(CROP).longest_side


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"window": 7}, "bad_window"),
        ({"window": 0}, "bad_window"),
        ({"stride": 0}, "bad_stride"),
        ({"batch": 0}, "bad_batch"),
        ({"device": "cuda:99"}, "no_device"),
        ({"device": "nonsense"}, "no_device"),
        ({"device": "meta"}, "no_device"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(checkpoint: Path, options: dict[str, Any], code: str) -> None:
    with pytest.raises(EmbeddingError) as caught:
        embedder(checkpoint, **options)
    assert caught.value.code == code


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_on_cuda_the_rows_are_nearly_those_of_the_cpu(checkpoint: Path) -> None:
    there = embedder(checkpoint, device="cuda", batch=3, stride=1)
    here = rows_of(embedder(checkpoint, stride=1), 60)
    assert (rows_of(there, 60) * here).sum(axis=1).min() > 0.999

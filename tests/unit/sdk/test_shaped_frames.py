# SPDX-License-Identifier: Apache-2.0
"""The numbers of a frame event, held to the contract."""

from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.telemetry.contract.validators import validators
from ovpo_sdk.errors import InvalidTelemetryError
from ovpo_sdk.records import GpuMetrics, LatentStats
from ovpo_sdk.shaping.frames import shaped_gpu, shaped_index, shaped_latents, shaped_media_time, shaped_quality

EVENT = {
    "type": "event",
    "schema_version": "0.08",
    "event_id": "1f3c1f0e-5d1f-4c55-9d9e-2c8ff7f5a003",
    "trace_id": "1f3c1f0e-5d1f-4c55-9d9e-2c8ff7f5a002",
    "span_id": "1f3c1f0e-5d1f-4c55-9d9e-2c8ff7f5a001",
    "event_type": "frame_generated",
    "observed_at": "2026-01-01T00:00:00Z",
    "frame_index": 0,
    "media_time_ms": 0,
}
NAMES = st.one_of(
    st.sampled_from(
        ["motion_score", "temporal_consistency", "brightness_avg", "clip_text_similarity", "aesthetic_score", "my.own"]
    ),
    st.text(),
)
NUMBERS = st.one_of(st.floats(), st.integers(), st.floats(-2, 2), st.none(), st.text(), st.booleans())


def raising(message: str) -> None:
    raise InvalidTelemetryError(message)


def test_sound_metrics_are_copied() -> None:
    quality = {"motion_score": 3.0, "temporal_consistency": 1.0, "my_own": -7.5}
    for _ in range(2):
        shaped = shaped_quality(quality, raising)
        assert shaped == quality
        assert shaped is not quality


def test_whole_and_numpy_numbers_become_floats() -> None:
    shaped = shaped_quality({"aesthetic_score": 7, "edge_density": np.float32(0.5), "own": np.int16(3)}, raising)
    assert [(type(value), value) for value in shaped.values()] == [(float, 7.0), (float, 0.5), (float, 3.0)]


@pytest.mark.parametrize("similarity", [np.float32(1.0000002), 1.0000002])
def test_a_similarity_that_rounding_put_past_the_edge_is_the_edge(similarity: float) -> None:
    assert shaped_quality({"clip_text_similarity": similarity}, raising) == {"clip_text_similarity": 1.0}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("temporal_consistency", 1.1, "from 0 to 1"),
        ("brightness_avg", 256.0, "from 0 to 255"),
        ("motion_score", -1.0, "goes from 0"),
        ("clip_image_similarity", -1.5, "from -1 to 1"),
        ("own", float("nan"), "not a finite number"),
        ("own", float("inf"), "not a finite number"),
        ("own", True, "not a finite number"),
        ("own", "0.5", "not a finite number"),
        ("", 0.5, "needs a name"),
        ("a\0", 0.5, "needs a name"),
    ],
)
def test_a_metric_that_cannot_be_sent_is_left_out_and_told_of(name: str, value: Any, said: str) -> None:
    told: list[str] = []
    assert shaped_quality({name: value, "edge_density": 0.5}, told.append) == {"edge_density": 0.5}
    assert len(told) == 1
    assert said in told[0]


@given(st.dictionaries(NAMES, NUMBERS, max_size=10))
def test_metrics_that_come_out_are_what_the_collector_takes(values: dict[str, Any]) -> None:
    told: list[str] = []
    shaped = shaped_quality(values, told.append)
    validators().items["event"].validate({**EVENT, "quality_metrics": shaped})
    assert len(told) == len(values) - len(shaped)


@pytest.mark.parametrize("index", [0, 7, 2**63 - 1])
def test_a_count_is_itself(index: int) -> None:
    assert shaped_index(index, raising) == index


def test_a_numpy_count_becomes_an_int() -> None:
    assert type(shaped_index(np.int64(3), raising)) is int


@pytest.mark.parametrize("index", [-1, 2**63, 1.0, "1", None, True, np.float32(1)])
def test_what_is_no_count_is_told_of(index: object) -> None:
    told: list[str] = []
    assert shaped_index(index, told.append, "step index") is None
    assert told[0].startswith("step index is ")


@pytest.mark.parametrize(("given_time", "time"), [(0.0, 0.0), (40, 40.0), (Fraction(1, 2), 0.5), (np.float32(2), 2.0)])
def test_a_media_time_becomes_a_float(given_time: Any, time: float) -> None:
    shaped = shaped_media_time(given_time, raising)
    assert type(shaped) is float
    assert shaped == time


@pytest.mark.parametrize("time", [-0.1, float("nan"), float("inf"), "40", None, True, 10**400])
def test_what_is_no_media_time_is_told_of(time: object) -> None:
    told: list[str] = []
    assert shaped_media_time(time, told.append) is None
    assert told[0].startswith("media_time_ms is ")


@given(st.builds(LatentStats, *[st.one_of(st.none(), NUMBERS)] * 6))
def test_latents_that_come_out_are_what_the_collector_takes(stats: LatentStats) -> None:
    shaped = shaped_latents(stats, lambda _: None)
    written = msgspec.json.decode(msgspec.json.encode(shaped))
    validators().items["event"].validate({**EVENT, "latent_stats": written})
    assert shaped_latents(shaped, raising) is shaped


def test_of_latents_with_nan_the_counts_remain() -> None:
    told: list[str] = []
    stats = LatentStats(float("nan"), float("nan"), -1.0, np.float64(1.5), 12, 0)
    assert shaped_latents(stats, told.append) == LatentStats(None, None, -1.0, 1.5, 12, 0)
    assert [message.split()[0] for message in told] == ["'latents.mean'", "'latents.std_dev'"]


def test_a_spread_below_zero_is_left_out_and_told_of() -> None:
    told: list[str] = []
    assert shaped_latents(LatentStats(0.5, -1.0), told.append) == LatentStats(0.5)
    assert told == ["'latents.std_dev' is -1; it goes from 0"]


@given(st.builds(GpuMetrics, *[st.one_of(st.none(), NUMBERS, st.floats(0, 150))] * 3))
def test_gpu_metrics_that_come_out_are_what_the_collector_takes(metrics: GpuMetrics) -> None:
    shaped = shaped_gpu(metrics, lambda _: None)
    written = msgspec.json.decode(msgspec.json.encode(shaped))
    validators().items["event"].validate({**EVENT, "gpu_metrics": written})
    assert shaped_gpu(shaped, raising) is shaped

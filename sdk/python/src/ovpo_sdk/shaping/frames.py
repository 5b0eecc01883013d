# SPDX-License-Identifier: Apache-2.0
"""The numbers of a frame event, held to the contract at the call: the hottest path of the caller's thread."""

import operator
import sys
from collections.abc import Mapping
from typing import Final

from ovpo_sdk.records import GpuMetrics, LatentStats
from ovpo_sdk.shaping.numbers import number
from ovpo_sdk.shaping.problems import Problem, is_sound_text, quoted

Range = tuple[float, float]

_MOST: Final = sys.float_info.max
_ANY: Final[Range] = (-_MOST, _MOST)
_RANGES: Final[dict[str, Range]] = {
    "motion_score": (0.0, _MOST),
    "temporal_consistency": (0.0, 1.0),
    "contrast_ratio": (0.0, _MOST),
    "brightness_avg": (0.0, 255.0),
    "edge_density": (0.0, 1.0),
    "noise_estimate": (0.0, _MOST),
    "clip_text_similarity": (-1.0, 1.0),
    "clip_image_similarity": (-1.0, 1.0),
    "aesthetic_score": (0.0, 10.0),
    "artifact_score": (0.0, 1.0),
    "nsfw_score": (0.0, 1.0),
}
_LATENTS: Final[dict[str, Range]] = {"mean": _ANY, "std_dev": (0.0, _MOST), "min_val": _ANY, "max_val": _ANY}
_GPU: Final[dict[str, Range]] = {
    "vram_used_mb": (0.0, _MOST),
    "gpu_utilization_pct": (0.0, 100.0),
    "temperature_c": (0.0, 120.0),
}
_ROUNDING: Final = 1e-5
"""A cosine in float32 comes out as 1.0000002: so much past an edge counts as the edge."""
_MOST_COUNT: Final = 2**63 - 1
_NAME_CHARACTERS: Final = 128
_REMEMBERED: Final = 4096
_sound_names: Final[dict[str, Range]] = dict(_RANGES)


def shaped_quality(values: Mapping[str, object], problem: Problem) -> dict[str, float]:
    """Give a copy of quality metrics that the contract allows; what it does not allow is told of and left out."""
    for name, value in values.items():
        limits = _sound_names.get(name)
        if type(value) is not float or limits is None or not limits[0] <= value <= limits[1]:
            break
    else:
        return dict(values)  # type: ignore[arg-type]
    kept: dict[str, float] = {}
    for name, value in values.items():
        limits = _limits_of(name, problem)
        sound = None if limits is None else _within(value, limits, name, problem)
        if sound is not None:
            kept[name] = sound
    return kept


def shaped_index(value: object, problem: Problem, field: str = "frame index") -> int | None:
    """Give a count from zero as it may be sent, or None once its problem was told."""
    if type(value) is int and 0 <= value <= _MOST_COUNT:
        return value
    try:
        index = None if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        index = None
    if index is None:
        problem(f"{field} is a {type(value).__name__}; write an int, counted from 0")
    elif not 0 <= index <= _MOST_COUNT:
        problem(f"{field} is {'negative' if index < 0 else 'larger than 2**63 - 1'}; count from 0")
        index = None
    return index


def shaped_media_time(value: object, problem: Problem) -> float | None:
    """Give a frame's place in the video in milliseconds as it may be sent, or None once its problem was told."""
    if type(value) is float and 0.0 <= value <= _MOST:
        return value
    try:
        time = None if isinstance(value, (str, bytes, bool)) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError, OverflowError):
        time = None
    if time is None:
        problem(f"media_time_ms is a {type(value).__name__}; write milliseconds, for instance 1000 * index / fps")
    elif not 0.0 <= time <= _MOST:
        problem("media_time_ms is negative or not finite; count from the video's start, from 0")
        time = None
    return time


def shaped_latents(stats: LatentStats, problem: Problem) -> LatentStats:
    """Give statistics of latents as they may be sent; a number that JSON cannot hold is told of and left out."""
    if type(stats) is not LatentStats:
        problem(
            f"latents is a {type(stats).__name__}; hand in LatentStats(mean=…), "
            "which ovpo_sdk.latents.latent_stats makes of a tensor or an array"
        )
        return LatentStats()
    mean, deviation, least, most = stats.mean, stats.std_dev, stats.min_val, stats.max_val
    nans, infs = stats.nan_count, stats.inf_count
    if (
        (mean is None or (type(mean) is float and -_MOST <= mean <= _MOST))
        and (deviation is None or (type(deviation) is float and 0.0 <= deviation <= _MOST))
        and (least is None or (type(least) is float and -_MOST <= least <= _MOST))
        and (most is None or (type(most) is float and -_MOST <= most <= _MOST))
        and (nans is None or (type(nans) is int and 0 <= nans <= _MOST_COUNT))
        and (infs is None or (type(infs) is int and 0 <= infs <= _MOST_COUNT))
    ):
        return stats
    return LatentStats(
        **_fields(stats, _LATENTS, "latents", problem),
        nan_count=_count(nans, "latents.nan_count", problem),
        inf_count=_count(infs, "latents.inf_count", problem),
    )


def shaped_gpu(metrics: GpuMetrics, problem: Problem) -> GpuMetrics:
    """Give GPU metrics as they may be sent; what the contract does not allow is told of and left out."""
    for name, (low, high) in _GPU.items():
        value = getattr(metrics, name)
        if value is not None and not (type(value) is float and low <= value <= high):
            return GpuMetrics(**_fields(metrics, _GPU, "gpu", problem))
    return metrics


def _count(value: int | None, field: str, problem: Problem) -> int | None:
    return None if value is None else shaped_index(value, problem, field)


def _fields(record: object, ranges: Mapping[str, Range], of: str, problem: Problem) -> dict[str, float | None]:
    return {
        name: _within(value, limits, f"{of}.{name}", problem)
        for name, limits in ranges.items()
        if (value := getattr(record, name)) is not None
    }


def _limits_of(name: object, problem: Problem) -> Range | None:
    if name in _sound_names:
        return _sound_names[name]
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_CHARACTERS or not is_sound_text(name):
        problem(f"quality metric {quoted(name)} needs a name of 1 to {_NAME_CHARACTERS} characters; rename it")
        return None
    if len(_sound_names) < _REMEMBERED:
        _sound_names[name] = _ANY
    return _ANY


def _within(value: object, limits: Range, name: str, problem: Problem) -> float | None:
    sound = number(value)
    if sound is None:
        problem(f"{quoted(name)} is not a finite number; leave it out, or write one")
        return None
    low, high = limits
    if not low - _ROUNDING <= sound <= high + _ROUNDING:
        upper = "" if high == _MOST else f" to {high:g}"
        problem(f"{quoted(name)} is {sound:g}; it goes from {low:g}{upper}")
        return None
    return float(min(max(sound, low), high))

# SPDX-License-Identifier: Apache-2.0
"""Steps and pictures as frame events, numbered so that a trace keeps the contract's frame invariants.

Over all events of a trace, whatever their type, neither the place in the video nor the clock may run back in the order
of `frame_index` (the clock by 5 s at most). A step looks at all frames of a video, and long before they come out: so
either each step has a number of its own and the pictures come after them, or the frames are numbered from 0 and one
step, the last, stands at the first of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from ovpo_sdk.forks import Guard
from ovpo_sdk.kinds import EventType
from ovpo_sdk.latents import latent_stats

if TYPE_CHECKING:
    from ovpo_sdk.diffusion.outputs import Pictures
    from ovpo_sdk.records import LatentStats
    from ovpo_sdk.span import Span
    from ovpo_sdk.trace import Trace


@dataclass(slots=True)
class Place:
    """Where the events of a trace go on, however many pipelines run in it."""

    index: int = 0
    media_time_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is over."""

    span: Span
    number: int
    latents: LatentStats | None
    at: datetime


_places: Final[WeakKeyDictionary[Trace, Place]] = WeakKeyDictionary()
_guard: Final = Guard()


def place_in(trace: Trace) -> Place:
    """Give the place that all calls within a trace share."""
    with _guard.lock:
        return _places.setdefault(trace, Place())


def stats_at(number: int, latents: Any, *, every: int) -> LatentStats | None:
    """Look at the latents of every so many steps; 0 never does."""
    return latent_stats(latents) if every and number % every == 0 and hasattr(latents, "shape") else None


def tell_step(step: Step, *, numbered: bool) -> None:
    """Tell of a step: under a number of its own, or under that of the frame that comes next."""
    place = place_in(step.span.trace)
    step.span.frame(
        place.index,
        place.media_time_ms,
        step=step.number,
        latents=step.latents,
        event_type=EventType.SAMPLED,
        observed_at=step.at,
    )
    place.index += numbered


def tell_pictures(span: Span, found: Pictures, fps: float) -> None:
    """Tell of each picture that came out; frames of a video follow one another in time."""
    place = place_in(span.trace)
    between = 1000 / fps if found.moving else 0.0
    for _ in range(found.count):
        span.frame(place.index, place.media_time_ms)
        place.index += 1
        place.media_time_ms += between

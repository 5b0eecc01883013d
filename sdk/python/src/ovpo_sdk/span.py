# SPDX-License-Identifier: Apache-2.0
"""A span: one stage of a run, its attributes and the frames observed during it. Its methods are hot and never wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Final, Self

from ovpo_sdk.current import enter, leave
from ovpo_sdk.errors import InvalidTelemetryError
from ovpo_sdk.ids import new_id
from ovpo_sdk.kinds import EventType, SpanKind, SpanStatus
from ovpo_sdk.records import ArtifactRef, Provenance
from ovpo_sdk.shaping import attributes as attribute_rules
from ovpo_sdk.shaping import frames as frame_rules
from ovpo_sdk.shaping.problems import quoted
from ovpo_sdk.shaping.texts import NAME_CHARACTERS, cut
from ovpo_sdk.shaping.whole import sound
from ovpo_sdk.transport.encoding import Observed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from ovpo_sdk.current import Place
    from ovpo_sdk.records import GpuMetrics, LatentStats
    from ovpo_sdk.shaping.attributes import Attribute
    from ovpo_sdk.shaping.problems import Problem
    from ovpo_sdk.shaping.unsound import Unsound
    from ovpo_sdk.trace import Trace

_GENERATED: Final = EventType.GENERATED
_NO_QUALITY: Final[dict[str, float]] = {}
_NO_ATTRIBUTES: Final[dict[str, Attribute]] = {}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PREFIX: Final = len("SPAN_KIND_")
_NAMES: Final = {kind: kind[_PREFIX:].lower() for kind in SpanKind}


class Span:
    """One stage of a run.

    Use it with `with` or `async with`, or call `start` and `end`. It is sent when it ends.
    """

    __slots__ = (
        "_began",
        "_place",
        "attributes",
        "id",
        "kind",
        "name",
        "parent_id",
        "started_ns",
        "status",
        "took_ns",
        "trace",
    )

    def __init__(
        self,
        trace: Trace,
        kind: SpanKind,
        name: str | None = None,
        attributes: Mapping[str, object] | None = None,
        parent_id: str | None = None,
    ) -> None:
        self.trace = trace
        self.kind = kind if type(kind) is SpanKind else _kind(kind, trace)
        self.name = _NAMES[self.kind] if name is None else _named(name, self.kind, trace)
        self.parent_id = parent_id
        self.id = new_id()
        self.attributes = _NO_ATTRIBUTES if attributes is None else self._shaped(attributes)
        self.status: SpanStatus | None = None
        self.started_ns = 0
        self.took_ns = 0
        self._began = 0
        self._place: Place | None = None

    def start(self) -> Self:
        """Begin, without becoming the current span."""
        if self.status is None:
            self.started_ns = time_ns()
            self._began = perf_counter_ns()
        return self

    def end(self, status: SpanStatus = SpanStatus.OK) -> None:
        """End; what comes after is not part of it. A second end does nothing."""
        if self.status is None:
            if not self._began:
                self.start()
            self.took_ns = perf_counter_ns() - self._began
            self.status = status if type(status) is SpanStatus else _status(status, self.trace)
            self.trace.line.put(self)

    def set(self, name: str, value: object) -> None:
        """Set an attribute: a text, a number or a boolean under a name such as `custom.steps`."""
        try:
            given = {name: value}
        except Exception as error:  # noqa: BLE001
            self.trace.mishap("attributes", error)
        else:
            self.update(given)

    def update(self, attributes: Mapping[str, object]) -> None:
        """Set several attributes at once."""
        if self.status is not None:
            self.trace.problem(f"span {self.name!r} has ended, so its attributes stand; set them before it ends")
            return
        self.attributes = self._shaped(attributes, self.attributes)

    def span(self, kind: SpanKind, name: str | None = None, attributes: Mapping[str, object] | None = None) -> Span:
        """Make a span within this one."""
        return Span(self.trace, kind, name, attributes, self.id)

    def frame(
        self,
        index: int,
        media_time_ms: float,
        *,
        step: int | None = None,
        quality: Mapping[str, object] | None = None,
        latents: LatentStats | None = None,
        gpu: GpuMetrics | None = None,
        artifacts: Sequence[ArtifactRef | Unsound] = (),
        provenance: Provenance | None = None,
        event_type: EventType = _GENERATED,
        observed_at: datetime | None = None,
    ) -> None:
        """Tell of a frame of the video: which one it is, where in the video it lies, and what is known of it."""
        trace = self.trace
        try:
            problem = trace.problem
            place = frame_rules.shaped_index(index, problem)
            media_time = frame_rules.shaped_media_time(media_time_ms, problem)
            if place is None or media_time is None:
                return
            if type(event_type) is not EventType:
                event_type = EventType(event_type)
            if event_type is _GENERATED and trace.expected_frames is not None:
                trace.see_frame(place)
            trace.line.put(
                Observed(
                    trace.id,
                    self.id,
                    event_type,
                    time_ns() if observed_at is None else _nanoseconds(observed_at),
                    place,
                    media_time,
                    None if step is None else frame_rules.shaped_index(step, problem, "step"),
                    frame_rules.shaped_quality(quality, problem) if quality else _NO_QUALITY,
                    None if latents is None else frame_rules.shaped_latents(latents, problem),
                    trace.gpu() if gpu is None else frame_rules.shaped_gpu(gpu, problem),
                    _artifacts(artifacts, problem) if artifacts else (),
                    None if provenance is None else sound(provenance, Provenance, "provenance", problem),
                )
            )
        except Exception as error:  # noqa: BLE001
            trace.mishap("frame", error)

    def frame_error(
        self,
        index: int,
        media_time_ms: float,
        *,
        step: int | None = None,
        quality: Mapping[str, object] | None = None,
        latents: LatentStats | None = None,
        gpu: GpuMetrics | None = None,
        artifacts: Sequence[ArtifactRef | Unsound] = (),
        observed_at: datetime | None = None,
    ) -> None:
        """Tell of a frame that could not be made."""
        self.frame(
            index,
            media_time_ms,
            step=step,
            quality=quality,
            latents=latents,
            gpu=gpu,
            artifacts=artifacts,
            event_type=EventType.ERROR,
            observed_at=observed_at,
        )

    def _shaped(
        self, attributes: Mapping[str, object], before: dict[str, Attribute] = _NO_ATTRIBUTES
    ) -> dict[str, Attribute]:
        """Add to what was there before; the limits are of all together."""
        try:
            return attribute_rules.shaped({**before, **attributes} if before else attributes, self.trace.problem)
        except Exception as error:  # noqa: BLE001
            self.trace.mishap("attributes", error)
            return before

    def __enter__(self) -> Self:
        if self._place is None:
            self._place = enter(self)
        self.trace.failed_in = None
        if self.status is None:
            self.started_ns = time_ns()
            self._began = perf_counter_ns()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._place is not None:
            leave(self._place)
            self._place = None
        if error is not None and self.trace.failed_in is None:
            self.trace.failed_in = self.name
        self.end(SpanStatus.OK if error is None else SpanStatus.ERROR)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, at)


class NoSpan(Span):
    """What there is in place of a span where no trace is current: takes everything, tells nothing, is never current."""

    __slots__ = ()

    def start(self) -> Self:
        """Begin nothing."""
        return self

    def end(self, status: SpanStatus = SpanStatus.OK) -> None:
        """End nothing."""

    def update(self, attributes: Mapping[str, object]) -> None:
        """Set nothing."""

    def span(self, kind: SpanKind, name: str | None = None, attributes: Mapping[str, object] | None = None) -> Span:  # noqa: ARG002
        """Stand for what is within it, too."""
        return self

    def frame(self, *args: object, **kwargs: object) -> None:
        """Tell of nothing."""

    def frame_error(self, *args: object, **kwargs: object) -> None:
        """Tell of nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave nothing."""


def _nanoseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise InvalidTelemetryError("observed_at has no time zone; give datetime.now(UTC)")
    return round((moment - _EPOCH) / _MICROSECOND) * 1000


def _artifacts(given: Sequence[ArtifactRef | Unsound], problem: Problem) -> tuple[ArtifactRef, ...]:
    checked = (sound(one, ArtifactRef, "an artifact of a frame", problem) for one in given)
    return tuple(one for one in checked if one is not None)


def _named(given: object, kind: SpanKind, trace: Trace) -> str:
    if isinstance(given, str):
        return cut(given, NAME_CHARACTERS)
    trace.problem(f"the name of a span is a {type(given).__name__}; write a text")
    return _NAMES[kind]


def _kind(given: object, trace: Trace) -> SpanKind:
    """Read a kind that was given as a text; what is none becomes POSTPROCESS, which claims least."""
    text = given.upper() if isinstance(given, str) else ""
    for kind in SpanKind:
        if text in {kind.value, kind.value[_PREFIX:]}:
            return kind
    trace.problem(f"span kind {quoted(given)} is none; give one of SpanKind: {', '.join(k.name for k in SpanKind)}")
    return SpanKind.POSTPROCESS


def _status(given: object, trace: Trace) -> SpanStatus:
    for status in SpanStatus:
        if isinstance(given, str) and given.upper() == status.value:
            return status
    trace.problem(f"span status {quoted(given)} is none; give SpanStatus.OK or SpanStatus.ERROR")
    return SpanStatus.ERROR

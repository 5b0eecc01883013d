# SPDX-License-Identifier: Apache-2.0
"""A trace: one run of a pipeline, from its first record to its last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from ovpo_sdk.current import enter, innermost, leave
from ovpo_sdk.failures import RETRYABLE, failure_of, status_of
from ovpo_sdk.ids import new_id
from ovpo_sdk.kinds import FailureKind, SpanKind, TraceStatus
from ovpo_sdk.records import SCHEMA_VERSION, Failure, Manifest, TraceRecord
from ovpo_sdk.shaping import tags as tag_rules
from ovpo_sdk.shaping.texts import MESSAGE_CHARACTERS, WORD_CHARACTERS, cut
from ovpo_sdk.shaping.whole import sound
from ovpo_sdk.span import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from ovpo_sdk.current import Place
    from ovpo_sdk.records import GpuMetrics
    from ovpo_sdk.request import Given
    from ovpo_sdk.shaping.unsound import Unsound
    from ovpo_sdk.transport.line import Line, Nowhere

LACKING: Final = "lacking_frames"
_STATUS_OF: Final = {FailureKind.TIMEOUT: TraceStatus.TIMEOUT, FailureKind.CANCELLED: TraceStatus.CANCELLED}


@dataclass(frozen=True, slots=True)
class Host:
    """What a trace needs of its client."""

    line: Line | Nowhere
    problem: Callable[[str], None]
    """Hears of what breaks the contract; raises in strict mode."""
    mishap: Callable[[str, Exception], None]
    """Hears of anything else that goes wrong, with what it was about; raises in strict mode."""
    gpu: Callable[[], GpuMetrics | None]
    clean: Callable[[str], str]
    """Takes personal data out of a text."""
    finished: Callable[[], None]
    """Hears that a trace has ended."""


class Trace:
    """One run of a pipeline.

    Use it with `with` or `async with`: an exception becomes its failure and goes on. Or call `start` and one of
    `complete`, `fail`, `cancel`, `timeout` and `partial`; the first of them counts.
    """

    def __init__(self, host: Host, given: Given) -> None:
        self._host = host
        self._given = given
        self.id = new_id()
        self.status = given.status
        self.line = host.line
        self.problem = host.problem
        self.mishap = host.mishap
        self.gpu = host.gpu
        self.expected_frames = given.expected_frames
        self._frames_seen = bytearray(given.expected_frames or 0)
        self.failed_in: str | None = None
        """The innermost span that the latest exception left; to begin another says that it was caught."""
        self._tags = dict(given.tags)
        self._failure: Failure | None = None
        self._manifest: Manifest | None = None
        self._created: datetime | None = None
        self._started: datetime | None = None
        self._place: Place | None = None
        self._finished = False

    @property
    def trace(self) -> Trace:
        """Itself, so that a trace and a span answer alike."""
        return self

    @property
    def seen_frames(self) -> int:
        """How many of the expected frames were told of as generated."""
        return sum(self._frames_seen)

    def see_frame(self, index: int) -> None:
        """Note that one of the expected frames is there."""
        if index < len(self._frames_seen):
            self._frames_seen[index] = 1

    def start(self) -> Self:
        """Begin, without becoming the current trace."""
        if self._created is None:
            self._created = datetime.now(UTC)
            self._started = None if self.status is TraceStatus.PENDING else self._created
            self.line.put(self._record(None))
        return self

    def generating(self) -> None:
        """Leave the queue: a run that began as PENDING is worked on from now."""
        if self.status is TraceStatus.PENDING:
            self.start()
            self.status, self._started = TraceStatus.GENERATING, datetime.now(UTC)
            self.line.put(self._record(None))

    def span(
        self,
        kind: SpanKind,
        name: str | None = None,
        attributes: Mapping[str, object] | None = None,
        *,
        parent: Span | None = None,
    ) -> Span:
        """Make a span, within `parent` or else within the current span of this trace."""
        if parent is None:
            node = innermost()
            parent = node if isinstance(node, Span) and node.trace is self else None
        elif not (isinstance(parent, Span) and parent.trace is self):
            self.problem("the parent of a span is no span of this trace; hand in one, or leave it out")
            parent = None
        return Span(self, kind, name, attributes, None if parent is None else parent.id)

    def tag(self, name: str, text: str) -> None:
        """Tag the run; tags can be filtered by. What the last record says counts."""
        if self._is_over("tags"):
            return
        try:
            self._tags = self._given.shape.tags({**self._tags, name: text})
        except Exception as error:  # noqa: BLE001
            self.mishap("tag", error)

    def output(self, manifest: Manifest | Unsound) -> None:
        """Say what came of it, by reference: see `ovpo_sdk.manifest`."""
        if self._is_over("output manifest"):
            return
        try:
            self._manifest = sound(manifest, Manifest, "the output manifest", self.problem)
        except Exception as error:  # noqa: BLE001
            self.mishap("output", error)

    def complete(self) -> None:
        """End well; PARTIAL, and tagged with how many are lacking, where fewer frames came than were expected."""
        lacking = (self.expected_frames or 0) - self.seen_frames
        if lacking and not self._finished:
            self._tags = {LACKING: str(lacking), **dict(list(self._tags.items())[: tag_rules.MOST - 1])}
        self._end(TraceStatus.PARTIAL if lacking else TraceStatus.COMPLETED)

    def partial(self) -> None:
        """End with a part of what was asked for."""
        self._end(TraceStatus.PARTIAL)

    def cancel(self, message: str = "cancelled") -> None:
        """End because somebody asked for that."""
        self.fail(FailureKind.CANCELLED, message)

    def timeout(self, message: str = "took too long") -> None:
        """End because it took too long."""
        self.fail(FailureKind.TIMEOUT, message)

    def fail(
        self,
        why: FailureKind | BaseException,
        message: str | None = None,
        *,
        retryable: bool | None = None,
        stage: str | None = None,
        error_code: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """End badly: with a kind and a message, or with the exception that says both."""
        if self._finished:
            return
        status = TraceStatus.FAILED
        self._failure = Failure(FailureKind.UNKNOWN, "no reason could be told", retryable=False)
        try:
            status, found = self._told(why, cut(self._clean(stage or self.failed_in or ""), WORD_CHARACTERS) or None)
            self._failure = Failure(
                found.kind,
                cut(self._clean(str(message)), MESSAGE_CHARACTERS) if message else found.message,
                found.retryable if retryable is None else bool(retryable),
                found.stage,
                cut(self._clean(error_code), WORD_CHARACTERS) if error_code else found.error_code,
                found.details if details is None else self._given.shape.tree(details, "failure details"),
            )
        except Exception as mishap:  # noqa: BLE001
            self.mishap("fail", mishap)
        self._end(status)

    def _clean(self, text: str) -> str:
        """Take the run's prompts and personal data out of a text, of which little more is read than can be sent."""
        return self._host.clean(self.without_prompt(text[: 2 * MESSAGE_CHARACTERS]))

    def without_prompt(self, text: str) -> str:
        """Take the run's own prompts out of a text, unless they are sent in any case."""
        for words in self._given.withheld:
            if words in text:
                text = text.replace(words, "[prompt]")
        return text

    def _told(self, why: FailureKind | BaseException, stage: str | None) -> tuple[TraceStatus, Failure]:
        if isinstance(why, BaseException):
            return status_of(why), failure_of(why, stage, self._clean)
        kinds = ", ".join(kind.name for kind in FailureKind)
        if why not in list(FailureKind):
            self.problem(f"fail takes an exception or one of FailureKind: {kinds}; a text is its message")
        kind = FailureKind(why) if why in list(FailureKind) else FailureKind.UNKNOWN
        return _STATUS_OF.get(kind, TraceStatus.FAILED), Failure(kind, kind.value, kind in RETRYABLE, stage)

    def _end(self, status: TraceStatus) -> None:
        if self._finished:
            return
        self._finished = True
        self.start()
        self.status = status
        self.line.put(self._record(datetime.now(UTC)))
        self.line.send_now()

    def _is_over(self, what: str) -> bool:
        if self._finished:
            self.problem(f"the trace has ended, so its {what} stand; say so before it ends")
        return self._finished

    def _record(self, ended: datetime | None) -> TraceRecord:
        given, created = self._given, self._created or datetime.now(UTC)
        return TraceRecord(
            trace_id=self.id,
            status=self.status,
            pipeline_config=given.config,
            input_context=given.context,
            created_at=created,
            schema_version=SCHEMA_VERSION,
            parent_trace_id=given.parent,
            user_id_hash=given.user_hash,
            pipeline_config_ref=given.config_ref,
            output_manifest=self._manifest,
            cost_attribution=given.costs,
            failure=self._failure,
            retry_count=given.retry_count,
            tags=self._tags,
            started_at=self._started,
            completed_at=ended,
        )

    def __enter__(self) -> Self:
        if self._place is None:
            self._place = enter(self)
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._place is not None:
            leave(self._place)
            self._place = None
        if error is None or status_of(error) is TraceStatus.COMPLETED:
            self.complete()
        else:
            self.fail(error)
        self._host.finished()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, at)

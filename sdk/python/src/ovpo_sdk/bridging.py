# SPDX-License-Identifier: Apache-2.0
"""What bridges from other systems share: derived ids, moments, failures known by a name, traces without personal data.

A bridge has no exception in its hands, only what another system wrote down of one; and the client takes its records as
they are, where it shapes what a caller hands in.
"""

import hashlib
import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from msgspec import structs

from ovpo_sdk.configuration import Configuration
from ovpo_sdk.failures import RETRYABLE
from ovpo_sdk.ids import as_id
from ovpo_sdk.kinds import FailureKind, SpanKind, TraceStatus
from ovpo_sdk.records import Failure, Item, TraceRecord
from ovpo_sdk.shaping.personal import PersonalData
from ovpo_sdk.shaping.texts import MESSAGE_CHARACTERS, NAME_CHARACTERS, WORD_CHARACTERS, cut

_MOST_NOTICED: Final = 256
_noticed: Final[set[str]] = set()
_log: Final = logging.getLogger("ovpo_sdk")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_KINDS: Final = {kind.name: kind for kind in SpanKind} | {kind.value: kind for kind in SpanKind}
_BY_TYPE: Final = (
    (re.compile(r"out_?of_?memory|memoryerror$"), FailureKind.OOM),
    (re.compile(r"timeout|timedout|deadline"), FailureKind.TIMEOUT),
    (re.compile(r"cancel|interrupt"), FailureKind.CANCELLED),
    (re.compile(r"acceleratorerror|cudaerror|nvmlerror|hardware"), FailureKind.HARDWARE_ERROR),
    (re.compile(r"validationerror$"), FailureKind.VALIDATION_ERROR),
)
_BY_MESSAGE: Final = (
    (re.compile(r"out of memory"), FailureKind.OOM),
    (re.compile(r"(cuda|hip|xpu) error|uncorrectable ecc"), FailureKind.HARDWARE_ERROR),
)
_STATUSES: Final = {FailureKind.CANCELLED: TraceStatus.CANCELLED, FailureKind.TIMEOUT: TraceStatus.TIMEOUT}


class Sink(Protocol):
    """What a bridge needs of a client."""

    @property
    def configuration(self) -> Configuration:
        """How the client behaves."""

    def emit(self, record: Item, /) -> None:
        """Take a finished record; never blocks."""

    def flush(self, seconds: float | None = None, /) -> bool:
        """Tell whether everything was delivered in the time."""


def emit_trace(sink: Sink, record: TraceRecord) -> None:
    """Emit a trace's record without personal data in its texts, as the client's policy wants it."""
    personal = PersonalData(sink.configuration.personal_data)
    failure = record.failure
    if failure is not None:
        message = cut(personal.clean(failure.message, "failure message", _notice), MESSAGE_CHARACTERS)
        failure = structs.replace(failure, message=message)
    sink.emit(
        structs.replace(
            record,
            pipeline_config=personal.clean_tree(record.pipeline_config, "config", _notice),
            tags={name: personal.clean(text, f"tag {name}", _notice) for name, text in record.tags.items()},
            failure=failure,
        )
    )


def derived_id(*parts: str) -> str:
    """Give the id that these parts always have."""
    return as_id(hashlib.sha256("\0".join(parts).encode()).digest()[:16])


def at_nanoseconds(since_epoch: int) -> datetime:
    """Give the moment, to the microsecond."""
    return EPOCH + timedelta(microseconds=since_epoch // 1000)


def at_seconds(since_epoch: float) -> datetime:
    """Give the moment, to the microsecond."""
    return EPOCH + timedelta(microseconds=round(since_epoch * 1e6))


def span_kind(word: object) -> SpanKind | None:
    """Read a span kind with or without its prefix, in any case."""
    return _KINDS.get(word.strip().upper()) if isinstance(word, str) else None


def failure_named(type_name: str, message: str, stage: str | None = None) -> Failure:
    """Say why a run failed, from the name of its exception's class and its message."""
    kind = _kind(type_name.rpartition(".")[2].lower(), message.lower())
    return Failure(
        kind=kind,
        message=cut(message.strip() or type_name or "no message was given", MESSAGE_CHARACTERS),
        retryable=kind in RETRYABLE,
        stage=cut(stage, WORD_CHARACTERS) if stage else None,
        details={"exception": cut(type_name, NAME_CHARACTERS)} if type_name else {},
    )


def status_after(failure: Failure) -> TraceStatus:
    """Give the state that a run with this failure ends in."""
    return _STATUSES.get(failure.kind, TraceStatus.FAILED)


def _notice(message: str) -> None:
    if message not in _noticed and len(_noticed) < _MOST_NOTICED:
        _noticed.add(message)
        _log.warning("ovpo: %s", message)


def _kind(type_name: str, message: str) -> FailureKind:
    for patterns, text in ((_BY_TYPE, type_name), (_BY_MESSAGE, message)):
        for pattern, kind in patterns:
            if pattern.search(text):
                return kind
    return FailureKind.CRASH if type_name else FailureKind.UNKNOWN

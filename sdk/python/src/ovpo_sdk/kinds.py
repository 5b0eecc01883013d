# SPDX-License-Identifier: Apache-2.0
"""The fixed words of the telemetry contract: kinds of spans, events and failures, and states of traces."""

from enum import StrEnum


class SpanKind(StrEnum):
    """What a stage of a pipeline does."""

    LOAD = "SPAN_KIND_LOAD"
    TEXT_ENCODE = "SPAN_KIND_TEXT_ENCODE"
    SAMPLING = "SPAN_KIND_SAMPLING"
    DECODE = "SPAN_KIND_DECODE"
    POSTPROCESS = "SPAN_KIND_POSTPROCESS"
    OUTPUT_ENCODE = "SPAN_KIND_OUTPUT_ENCODE"
    GUARD = "SPAN_KIND_GUARD"
    QUEUE = "SPAN_KIND_QUEUE"


class SpanStatus(StrEnum):
    """How a stage ended."""

    OK = "OK"
    ERROR = "ERROR"


class EventType(StrEnum):
    """What was observed about a frame."""

    GENERATED = "frame_generated"
    ERROR = "frame_error"
    SAMPLED = "frame_sampled"


class TraceStatus(StrEnum):
    """Where a run stands; all but the first two are final."""

    PENDING = "PENDING"
    GENERATING = "GENERATING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"
    PARTIAL = "PARTIAL"


class FailureKind(StrEnum):
    """Why a run failed."""

    OOM = "oom"
    TIMEOUT = "timeout"
    CRASH = "crash"
    CANCELLED = "cancelled"
    HARDWARE_ERROR = "hardware_error"
    VALIDATION_ERROR = "validation_error"
    UNKNOWN = "unknown"

# SPDX-License-Identifier: Apache-2.0
"""OVPO's SDK for Python: three lines in a script, and the observatory explains its runs.

from ovpo_sdk import OvpoClient, SpanKind

client = OvpoClient()
with client.trace("wan-2.1", prompt="a red fox") as trace, trace.span(SpanKind.SAMPLING) as span:
    span.frame(0, media_time_ms=0.0)
"""

from ovpo_sdk.artifacts import artifact, file_uri, intermediate, manifest, primary_output
from ovpo_sdk.client import OvpoClient
from ovpo_sdk.counters import Counters
from ovpo_sdk.current import current_span, current_trace
from ovpo_sdk.errors import ConfigurationError, DeliveryError, InvalidTelemetryError, OvpoError
from ovpo_sdk.kinds import EventType, FailureKind, SpanKind, SpanStatus, TraceStatus
from ovpo_sdk.records import ArtifactRef, Costs, GpuMetrics, LatentStats, Manifest, Provenance
from ovpo_sdk.shaping.unsound import Unsound
from ovpo_sdk.span import Span
from ovpo_sdk.trace import Trace

__all__ = [
    "ArtifactRef",
    "ConfigurationError",
    "Costs",
    "Counters",
    "DeliveryError",
    "EventType",
    "FailureKind",
    "GpuMetrics",
    "InvalidTelemetryError",
    "LatentStats",
    "Manifest",
    "OvpoClient",
    "OvpoError",
    "Provenance",
    "Span",
    "SpanKind",
    "SpanStatus",
    "Trace",
    "TraceStatus",
    "Unsound",
    "artifact",
    "current_span",
    "current_trace",
    "file_uri",
    "intermediate",
    "manifest",
    "primary_output",
]

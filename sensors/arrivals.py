# SPDX-License-Identifier: Apache-2.0
"""What the processor wrote, told to Dagster without a run: a look a minute, recorded when it shows something new."""

from datetime import UTC, datetime
from hashlib import blake2b

import dagster as dg
import msgspec

from ovpo.telemetry.rollups.landing import FramesLanded, Landed
from ovpo.telemetry.rollups.window import HOUR, Window
from ovpo_assets import automation
from ovpo_assets.traces import frame_metrics, landed
from resources.telemetry import Telemetry

Metadata = dict[str, int | float | dg.TimestampMetadataValue]


@dg.sensor(minimum_interval_seconds=60, default_status=automation.SENSORS)
def telemetry_arrivals(context: dg.SensorEvaluationContext, telemetry: Telemetry) -> dg.SensorResult:
    """Observe the telemetry of the last hour; the event log keeps it for ever, so what stayed the same is left out."""
    now = datetime.now(UTC)
    window = Window(now - HOUR, now)
    with telemetry.session() as session:
        traces, frames = session.landed(window), session.frames_landed(window)
    seen = fingerprint(traces, frames)
    if seen == context.cursor:
        return dg.SensorResult(skip_reason="Nothing landed and nothing was settled since the last look.", cursor=seen)
    recorded = observations(traces, frames, now)
    return dg.SensorResult(asset_events=recorded, skip_reason="Recorded what landed, which takes no run.", cursor=seen)


def fingerprint(traces: Landed, frames: FramesLanded) -> str:
    """Tell looks apart by what they saw; how long something waits is no news."""
    return blake2b(msgspec.json.encode((traces, frames)), digest_size=16).hexdigest()


def observations(traces: Landed, frames: FramesLanded, now: datetime) -> list[dg.AssetObservation]:
    """Say what a look saw; numbers of the last hour but for what waits, which may be older."""
    return [
        dg.AssetObservation(
            landed.key,
            metadata={
                "traces": traces.traces,
                "orphans": traces.orphans,
                "spans": traces.spans,
                "frame_events": traces.frame_events,
                "refused": traces.refused,
                "unsettled": traces.unsettled,
                **_age("oldest_unsettled_is_due", traces.oldest_due_at, now),
                **_age("newest_trace", traces.newest_at, now),
                **_known(lag_p50_seconds=traces.lag_p50_seconds, lag_p95_seconds=traces.lag_p95_seconds),
            },
        ),
        dg.AssetObservation(
            frame_metrics.key,
            metadata={
                "traces": frames.traces,
                "rows_with_repeats": frames.rows,
                "frame_events": frames.frame_events,
                "frames": frames.frames,
                "findings": frames.findings,
                **_age("newest_event", frames.newest_at, now),
            },
        ),
    ]


def _age(name: str, moment: datetime | None, now: datetime) -> Metadata:
    if moment is None:
        return {}
    return {name: dg.MetadataValue.timestamp(moment), f"{name}_seconds_ago": (now - moment).total_seconds()}


def _known(**values: float | None) -> Metadata:
    return {name: value for name, value in values.items() if value is not None}

# SPDX-License-Identifier: Apache-2.0
"""What Dagster is told of telemetry without a run: what landed, how late it is, and nothing twice."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import dagster as dg
import pytest

from ovpo_assets.traces import frame_metrics, landed
from sensors.arrivals import telemetry_arrivals
from tests.integration.collector.batches import span
from tests.runs.conftest import Resources
from tests.runs.traces.conftest import Processor
from tests.runs.traces.pipelines import pipeline

Look = Callable[[], list[dg.AssetObservation]]


@pytest.fixture
def look(instance: dg.DagsterInstance, resources: Resources) -> Look:
    """Evaluate the sensor and do with its answer what the daemon does."""
    cursor: list[str | None] = [None]

    def evaluate() -> list[dg.AssetObservation]:
        bound = {"telemetry": resources["telemetry"]}
        with dg.build_sensor_context(instance=instance, resources=bound, cursor=cursor[0]) as context:
            answer = telemetry_arrivals.evaluate_tick(context)
        assert not answer.run_requests
        assert ("Recorded" in str(answer.skip_message)) == bool(answer.asset_events)
        for event in answer.asset_events:
            instance.report_runless_asset_event(event)
        cursor[0] = answer.cursor
        return [event for event in answer.asset_events if isinstance(event, dg.AssetObservation)]

    return evaluate


def observed(instance: dg.DagsterInstance, asset: dg.AssetSpec) -> dict[str, Any]:
    """Give the newest observation of an asset, as its page shows it."""
    (record,) = instance.fetch_observations(asset.key, limit=1).records
    found = record.asset_observation
    assert found is not None
    return {name: value.value for name, value in found.metadata.items()}


def test_what_landed_is_observed_without_a_run(
    processor: Processor, look: Look, instance: dg.DagsterInstance, now: datetime
) -> None:
    whole = pipeline()
    processor.take(*whole, at=now)
    processor.take(*whole[2:5], *pipeline([])[1:], at=now)
    look()
    traces = observed(instance, landed)
    counted = ("traces", "orphans", "spans", "frame_events", "refused", "unsettled")
    assert tuple(traces[name] for name in counted) == (2, 1, 2, 10, 0, 0)
    assert traces["newest_trace"] == pytest.approx(now.timestamp())
    assert traces["newest_trace_seconds_ago"] >= 30
    assert 0 < traces["lag_p50_seconds"] <= traces["lag_p95_seconds"]
    frames = observed(instance, frame_metrics)
    assert (frames["traces"], frames["frame_events"], frames["frames"], frames["findings"]) == (1, 10, 10, 0)
    assert 10 <= frames["rows_with_repeats"] <= 13
    assert instance.get_runs() == []


def test_a_look_that_sees_nothing_new_records_nothing(processor: Processor, look: Look, now: datetime) -> None:
    processor.take(*pipeline(), at=now)
    assert len(look()) == 2
    assert look() == []
    processor.take(*pipeline(), at=now)
    assert len(look()) == 2


def test_what_waits_and_what_was_refused_is_told(
    processor: Processor, look: Look, instance: dg.DagsterInstance, now: datetime
) -> None:
    one = pipeline()
    processor.take(*one, at=now)
    processor.take(span(one[0]["trace_id"], span_id=one[1]["span_id"]), at=now, settle=False)
    look()
    traces = observed(instance, landed)
    assert (traces["refused"], traces["unsettled"]) == (1, 1)
    assert "oldest_unsettled_is_due" in traces


def test_an_empty_platform_is_observed_as_such(processor: Processor, look: Look, instance: dg.DagsterInstance) -> None:
    look()
    assert observed(instance, landed)["traces"] == 0
    assert observed(instance, frame_metrics)["rows_with_repeats"] == 0
    assert "newest_trace" not in observed(instance, landed)


def test_no_trace_and_no_tenant_is_named(
    processor: Processor, look: Look, instance: dg.DagsterInstance, now: datetime
) -> None:
    one = pipeline()
    processor.take(*one, at=now)
    shown = str(look())
    assert one[0]["trace_id"] not in shown
    assert "demo" not in shown

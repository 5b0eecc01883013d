# SPDX-License-Identifier: Apache-2.0
"""Compute units are seconds times the factor of the hardware, from a file that carries its version."""

from pathlib import Path
from typing import Any

import pytest

from ovpo.foundation.settings.tree import Settings
from tests.integration.collector.batches import Item, new_id, span, trace
from tests.integration.processor.conftest import Kept, Processor, Start, queue_up, settled


def timed(one: str, seconds: float, kind: str = "SAMPLING", **attributes: Any) -> Item:
    named = {name.replace("_", ".", 1): value for name, value in attributes.items()}
    return span(one, span_kind=f"SPAN_KIND_{kind}", duration_ms=seconds * 1000, attributes=named)


def test_units_add_up_by_hardware_count_and_kind(processor: Processor, settings: Settings, kept: Kept) -> None:
    one = new_id()
    spans = [
        timed(one, 10, "LOAD", gpu_model="rtx_4090"),
        timed(one, 10, gpu_model="h100"),
        timed(one, 10, gpu_model="a100_40gb", gpu_count=2),
        timed(one, 10, "DECODE", gpu_model="v100", gpu_count=0),
        timed(one, 10, "DECODE", gpu_model="abacus"),
        timed(one, 10, "GUARD"),
        timed(one, 10, "GUARD", gpu_count="many", model_name="wan-2.1"),
        timed(one, 10, "QUEUE", gpu_model="h100", gpu_count=2.5),
    ]
    queue_up(settings.broker, trace(one, pipeline_config={"model": "another"}), *spans)
    summary = settled(kept, one, lambda found: bool(found["spans"] == len(spans)))
    units = {"LOAD": 10.0, "SAMPLING": 90.0, "DECODE": 18.0, "GUARD": 20.0, "QUEUE": 100.0}
    assert summary["units"] == {f"SPAN_KIND_{kind}": value for kind, value in units.items()}
    assert summary["compute_units"] == sum(units.values())
    assert summary["milliseconds"]["SPAN_KIND_DECODE"] == 20_000
    assert (summary["factors_version"], summary["unknown_hardware"], summary["model"]) == ("2026-11", 1, "wan-2.1")
    assert summary["span_errors"] == len(spans)
    statement = "SELECT compute_units, units FROM trace_facts FINAL WHERE trace_id = {trace:UUID}"
    assert kept.clickhouse().query(statement, {"trace": one}).result_rows == [(238.0, summary["units"])]


def test_a_span_without_a_duration_lasts_from_its_start_to_its_end(
    processor: Processor, settings: Settings, kept: Kept
) -> None:
    one = new_id()
    at = {"start_time": "2026-11-21T12:00:00Z"}
    spans = [
        span(one, end_time="2026-11-21T12:00:01.5Z", **at),
        span(one, end_time="2026-11-21T11:00:00Z", **at),
        span(one, **at),
    ]
    queue_up(settings.broker, trace(one, started_at=at["start_time"], completed_at="2026-11-21T11:00:00Z"), *spans)
    summary = settled(kept, one, lambda found: bool(found["spans"] == 3))
    assert (summary["compute_units"], summary["total_ms"]) == (1.5, 1500.0)


def test_a_trace_lasts_as_long_as_its_record_says(processor: Processor, settings: Settings, kept: Kept) -> None:
    one = new_id()
    record = trace(one, started_at="2026-11-21T12:00:00Z", completed_at="2026-11-21T12:00:09.25Z")
    queue_up(settings.broker, record, timed(one, 1))
    assert settled(kept, one)["total_ms"] == 9250.0


def test_numbers_of_one_sender_that_overflow_leave_the_traces_of_others_alone(
    processor: Processor, settings: Settings, kept: Kept
) -> None:
    one, other = new_id(), new_id()
    large = [timed(one, 1.7e305, gpu_model="h100", gpu_count=1e300) for _ in range(3)]
    queue_up(settings.broker, trace(one), *large, trace(other), timed(other, 1))
    assert settled(kept, other)["compute_units"] == 1.0
    assert settled(kept, one)["compute_units"] == pytest.approx(3 * 1e12 * 1e6 * 4.0)


def test_a_model_is_a_name_and_nothing_else(processor: Processor, settings: Settings, kept: Kept) -> None:
    one, long, other = new_id(), new_id(), new_id()
    queue_up(settings.broker, trace(one, pipeline_config={"model": {"name": "x"}}))
    queue_up(settings.broker, trace(long, pipeline_config={"model": "m" * 60_000}))
    queue_up(settings.broker, trace(other, pipeline_config={"model": "wan-2.1"}))
    assert [settled(kept, each)["model"] for each in (one, long, other)] == [None, "m" * 256, "wan-2.1"]


def test_a_file_of_ones_own_gives_the_factors(
    processor: Processor, settings: Settings, kept: Kept, start: Start, tmp_path: Path
) -> None:
    file = tmp_path / "own.toml"
    file.write_text('version = "own-7"\nother = 2\n[factors]\nb200 = 10\n')
    second = start(OVPO_PROCESSOR__HARDWARE=file)
    processor.kill()
    second.start()
    try:
        one = new_id()
        queue_up(settings.broker, timed(one, 1, gpu_model="b200"), timed(one, 1, gpu_model="h100"))
        summary = settled(kept, one)
        assert (summary["factors_version"], summary["compute_units"]) == ("own-7", 12.0)
    finally:
        second.kill()
        processor.start()


def test_a_processor_with_a_wrong_file_says_so_in_one_line_and_ends(start: Start, tmp_path: Path) -> None:
    wrong = start(OVPO_PROCESSOR__HARDWARE=tmp_path / "nowhere.toml")
    super(Processor, wrong).start()
    assert wrong.running is not None
    assert wrong.running.wait(20) != 0
    lines = wrong.log.read_text().splitlines()
    assert [("OVPO_PROCESSOR__HARDWARE" in line, "Traceback" in line) for line in lines] == [(True, False)], lines

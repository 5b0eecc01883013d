# SPDX-License-Identifier: Apache-2.0
"""Which hours and days are judged, and what of them is a fault."""

from datetime import UTC, datetime, timedelta

import polars as pl

from ovpo.telemetry.rollups import adding_up, daily, hourly
from ovpo.telemetry.rollups.window import DAY, HOUR

NOW = datetime(2026, 11, 21, 15, 5, tzinfo=UTC)
TEN = datetime(2026, 11, 21, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RAW = {**adding_up.RAW_COLUMNS, **adding_up.RAW_FRAME_COLUMNS}


def raw(hour: datetime = TEN, tenant: str = "demo", frame_events: int = 10, *, moves: bool = False) -> pl.DataFrame:
    row = {"hour": hour, "tenant_id": tenant, "traces": 1, "spans": 2, "moves": moves, "frame_events": frame_events}
    return pl.DataFrame([row], schema=RAW)


def rolled(
    hour: datetime = TEN, tenant: str = "demo", frame_events: int = 10, counted_at: datetime = NOW, units: float = 4.0
) -> pl.DataFrame:
    known = {"hour": hour, "tenant_id": tenant, "traces": 1, "spans": 2, "frame_events": frame_events}
    row = {"compute_units": units, "counted_at": counted_at, **known}
    return pl.DataFrame([row | {name: row.get(name) for name in hourly.COLUMNS}], schema=hourly.COLUMNS)


def facts(hour: datetime = TEN, grown_at: datetime = TEN + HOUR, units: float = 4.0) -> pl.DataFrame:
    row = {"hour": hour, "traces": 1, "compute_units": units, "frame_events": 10, "grown_at": grown_at}
    return pl.DataFrame([row], schema=daily.HOUR_COLUMNS)


def costs(units: float, counted_at: datetime = NOW) -> pl.DataFrame:
    row = {"day": TEN.replace(hour=0), "units": units, "traces": 1, "counted_at": counted_at}
    return pl.DataFrame([{name: row.get(name) for name in daily.COST_COLUMNS}], schema=daily.COST_COLUMNS)


def whats(faults: pl.DataFrame) -> list[str]:
    return faults["what"].to_list()


def test_equal_counts_are_no_fault() -> None:
    assert adding_up.differences(raw(), rolled(), NOW).is_empty()


def test_an_hour_that_moves_is_not_judged() -> None:
    assert whats(adding_up.differences(raw(frame_events=11), rolled(), NOW)) == ["frame_events"]
    assert adding_up.differences(raw(frame_events=11, moves=True), rolled(), NOW).is_empty()


def test_one_tenant_too_many_does_not_make_up_for_another_too_few() -> None:
    counted = pl.concat([raw(), raw(tenant="acme")])
    table = pl.concat([rolled(frame_events=9), rolled(tenant="acme", frame_events=11)])
    assert whats(adding_up.differences(counted, table, NOW)) == ["frame_events", "frame_events"]


def test_a_roll_up_of_what_is_not_there_and_what_was_not_rolled_up_are_faults() -> None:
    assert len(adding_up.differences(raw().clear(), rolled(), NOW)) == 3
    assert len(adding_up.differences(raw(), rolled().clear(), NOW)) == 3


def test_frame_events_are_not_looked_for_when_they_have_ended() -> None:
    old = NOW - 181 * DAY
    assert adding_up.differences(raw(old, frame_events=0), rolled(old), NOW).is_empty()


def test_an_hour_is_stale_when_nothing_changed_and_it_differs() -> None:
    assert whats(adding_up.stale_hours(facts(units=5.0), rolled(), NOW)) == ["compute_units"]
    grown = facts(units=5.0, grown_at=NOW - timedelta(seconds=1))
    assert adding_up.stale_hours(grown, rolled(), NOW).is_empty()
    assert adding_up.stale_hours(facts(units=4.0 + 1e-9), rolled(), NOW).is_empty()


def test_an_hour_without_roll_up_is_stale_once_it_had_the_time_to_be_made() -> None:
    assert len(adding_up.stale_hours(facts(), rolled().clear(), TEN + 2 * HOUR)) == 2
    assert adding_up.stale_hours(facts(), rolled().clear(), TEN + 2 * HOUR - MINUTE).is_empty()


def test_a_day_charges_what_its_hours_used_unless_it_grew_since() -> None:
    used = pl.concat([facts(), facts(TEN + HOUR)])
    assert adding_up.units_lost(costs(8.0), used).is_empty()
    assert adding_up.units_lost(costs(7.0), used)["raw"].to_list() == [8.0]
    assert adding_up.units_lost(costs(7.0, counted_at=TEN), used).is_empty()
    assert len(adding_up.units_lost(costs(7.0), used.clear())) == 1
    assert len(adding_up.units_lost(costs(7.0).clear(), used)) == 1

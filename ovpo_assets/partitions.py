# SPDX-License-Identifier: Apache-2.0
"""The windows of time that assets are cut into, and how a moment, a run and a range name them.

Never a partition per file, prompt, trace or user: the ledger sees those.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from ovpo.sop.working import Hours

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)

# The end offset makes the window that is still open a window: work is done while it fills. The formats hold no more
# than the start of a window does, so that any moment inside it formats to its key.
hours = dg.HourlyPartitionsDefinition(start_date=START, timezone="UTC", fmt="%Y-%m-%d-%H:00", end_offset=1)
days = dg.DailyPartitionsDefinition(start_date=START, timezone="UTC", end_offset=1)

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


class NothingToCheckError(Exception):
    """A check was started before there was anything to check."""


def key_of(windows: dg.TimeWindowPartitionsDefinition, moment: datetime) -> str:
    """Name the window that a moment falls into."""
    return moment.astimezone(UTC).strftime(windows.fmt)


def range_tags(windows: dg.TimeWindowPartitionsDefinition, first: datetime, last: datetime) -> dict[str, str]:
    """Give the tags that make one run cover every window from first to last."""
    return {RANGE_START: key_of(windows, first), RANGE_END: key_of(windows, last)}


def hours_of(context: dg.AssetExecutionContext) -> Hours:
    """Give the hours that a run covers."""
    window = context.partition_time_window
    return Hours(window.start, window.end - HOUR)


def day_of(context: dg.AssetExecutionContext) -> datetime:
    """Give the last of the days that a run covers."""
    end: datetime = context.partition_time_window.end
    return end - DAY


def span_of(windows: dg.TimeWindowPartitionsDefinition, keys: Sequence[str]) -> Hours:
    """Give windows, named by their keys, as the hours from the first to the last."""
    spans = [windows.time_window_for_partition_key(key) for key in keys]
    return Hours(min(span.start for span in spans), max(span.end for span in spans) - HOUR)


def windows_to_check(context: dg.AssetCheckExecutionContext, asset: dg.AssetKey) -> Sequence[str]:
    """Name the windows that a check reads: those of its run, or the newest one when it runs by itself."""
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys)
    newest = context.instance.fetch_materializations(asset, limit=1).records
    if not newest or newest[0].partition_key is None:
        raise NothingToCheckError(f"{asset.to_user_string()} has no window yet; materialise one, then check it")
    return [newest[0].partition_key]

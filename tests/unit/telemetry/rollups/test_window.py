# SPDX-License-Identifier: Apache-2.0
"""Windows: cut into hours, and refused where their rows begin to end."""

from datetime import UTC, datetime, timedelta

import pytest

from ovpo.telemetry.rollups.window import FRAMES_KEPT, HOUR, Window, WindowGoneError

NOW = datetime(2026, 11, 21, 15, 5, tzinfo=UTC)


def test_its_hours_cover_it_without_overlap() -> None:
    window = Window(NOW, NOW + 2.5 * HOUR)
    cut = list(window.hours())
    assert [one.end - one.first for one in cut] == [HOUR, HOUR, HOUR / 2]
    assert [one.first for one in cut[1:]] == [one.end for one in cut[:-1]]
    assert (cut[0].first, cut[-1].end) == (window.first, window.end)


def test_a_window_is_refused_a_day_before_its_rows_can_end() -> None:
    oldest = NOW - FRAMES_KEPT + timedelta(days=1)
    Window(oldest, oldest + HOUR).must_be_kept(FRAMES_KEPT, NOW)
    with pytest.raises(WindowGoneError, match=r"kept for 180 days .* leave such windows out of the backfill"):
        Window(oldest - HOUR, oldest).must_be_kept(FRAMES_KEPT, NOW)

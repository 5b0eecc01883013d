# SPDX-License-Identifier: Apache-2.0
"""The tiers that come with OVPO, and what is said of a file of one's own that is wrong."""

from pathlib import Path

import pytest

from ovpo.foundation.settings.faults import SettingsError
from ovpo.telemetry.collector.limits import Tier, load_tiers


def test_each_tier_that_comes_with_ovpo_lets_more_pass_than_the_one_below() -> None:
    budgets = load_tiers(None)
    rates = [budgets[tier].limit / budgets[tier].window.total_seconds() for tier in Tier]
    assert rates == sorted(set(rates))
    assert [budgets[tier].burst for tier in Tier] == sorted({budget.burst for budget in budgets.values()})


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"OVPO_COLLECTOR__TIERS: .*none\.toml"):
        load_tiers(tmp_path / "none.toml")


def test_a_file_that_is_no_utf_8_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "tiers.toml").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="OVPO_COLLECTOR__TIERS"):
        load_tiers(tmp_path / "tiers.toml")

# SPDX-License-Identifier: Apache-2.0
"""The tiers that come with OVPO, and what is said of a file of one's own that is wrong."""

from importlib.resources.abc import Traversable
from pathlib import Path

import pytest

from ovpo.foundation.rates.tiers import Tier, TierFile, load_tiers
from ovpo.foundation.settings.faults import SettingsError
from ovpo.services.query import TIERS as OF_QUERY
from ovpo.telemetry.collector.app import TIERS as OF_COLLECTOR


@pytest.mark.parametrize("packaged", [OF_COLLECTOR, OF_QUERY])
def test_each_tier_that_comes_with_ovpo_lets_more_pass_than_the_one_below(packaged: Traversable) -> None:
    budgets = load_tiers(TierFile("OVPO_X__TIERS", None, packaged))
    rates = [budgets[tier].limit / budgets[tier].window.total_seconds() for tier in Tier]
    assert rates == sorted(set(rates))
    assert [budgets[tier].burst for tier in Tier] == sorted({budget.burst for budget in budgets.values()})


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"OVPO_X__TIERS: .*none\.toml"):
        load_tiers(TierFile("OVPO_X__TIERS", tmp_path / "none.toml", OF_QUERY))


def test_a_file_that_is_no_utf_8_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "tiers.toml").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="OVPO_X__TIERS"):
        load_tiers(TierFile("OVPO_X__TIERS", tmp_path / "tiers.toml", OF_QUERY))

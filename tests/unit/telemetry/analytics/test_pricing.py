# SPDX-License-Identifier: Apache-2.0
"""Pricing profiles come from a file; what is wrong with it names the setting, the file and the entry."""

from pathlib import Path

import pytest

from ovpo.foundation.settings.faults import SettingsError
from ovpo.telemetry.analytics.costs import listed
from ovpo.telemetry.analytics.pricing import load_pricing
from ovpo.telemetry.processor.hardware import load_hardware

DEFAULT = load_hardware(None)
OWN = '[profiles.own]\nversion = "7"\nother = 2\n[profiles.own.factors]\nb200 = 10\n'


def test_the_default_profile_is_the_one_that_the_processor_counts_by() -> None:
    profiles = load_pricing(None, DEFAULT)
    assert profiles["default"] is DEFAULT
    assert set(profiles["device_seconds"].factors) == set(DEFAULT.factors)
    assert set(profiles["device_seconds"].factors.values()) == {1.0}


def test_a_file_of_ones_own_takes_the_place_of_the_packaged_one(tmp_path: Path) -> None:
    file = tmp_path / "pricing.toml"
    file.write_text(OWN)
    profiles = load_pricing(file, DEFAULT)
    assert sorted(profiles) == ["default", "own"]
    assert (profiles["own"].version, profiles["own"].other, profiles["own"].factors) == ("7", 2, {"b200": 10})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (None, "No such file"),
        ("profiles = 1", "profiles"),
        ("[profiles", "TOML"),
        (OWN.replace("other = 2", "other = 0"), "other"),
        (OWN.replace("other = 2", "others = 2"), "others"),
        (OWN.replace("b200 = 10", "b200 = -1"), "factors"),
        (OWN.replace("own", "Own"), "profiles"),
        (OWN.replace("profiles.own", "profiles.default"), "profiles.default"),
        ("\xff", "pricing.toml"),
    ],
)
def test_a_wrong_file_is_named_with_its_setting(tmp_path: Path, text: str | None, named: str) -> None:
    file = tmp_path / "pricing.toml"
    if text is not None:
        file.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError) as refused:
        load_pricing(file, DEFAULT)
    assert "OVPO_QUERY__PRICING" in str(refused.value)
    assert str(file) in str(refused.value)
    assert named.lower() in str(refused.value).lower()


@pytest.mark.parametrize(("traces", "spans"), [(1, 1000), (20, 1000), (40, 500), (1000, 20)])
def test_an_answer_lists_at_most_twenty_thousand_spans(traces: int, spans: int) -> None:
    assert listed(traces) == spans

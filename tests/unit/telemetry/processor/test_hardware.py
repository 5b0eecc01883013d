# SPDX-License-Identifier: Apache-2.0
"""Factors of compute units: those that come with OVPO, those of a file, and one clear line for a file that is wrong."""

from pathlib import Path

import pytest

from ovpo.foundation.settings.faults import SettingsError
from ovpo.telemetry.processor.hardware import load_hardware


def test_the_factors_of_the_contract_come_with_ovpo() -> None:
    hardware = load_hardware(None)
    assert hardware.factors == {"rtx_4090": 1.0, "a100_40gb": 2.5, "h100": 4.0, "v100": 0.8}
    assert (hardware.other, bool(hardware.version)) == (1.0, True)


def test_a_file_replaces_them(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('version = "7"\nother = 2\n[factors]\nb200 = 9.5\n')
    hardware = load_hardware(file)
    assert (hardware.version, hardware.other, hardware.factors) == ("7", 2.0, {"b200": 9.5})


WRONG = {
    "no toml": ("version =", "Invalid value"),
    "no version": ("other = 1\n[factors]\n", "version"),
    "an empty version": ('version = ""\nother = 1\n[factors]\n', "$.version"),
    "no other": ('version = "1"\n[factors]\n', "other"),
    "a factor of zero": ('version = "1"\nother = 1\n[factors]\nh100 = 0\n', "$.factors"),
    "a negative factor": ('version = "1"\nother = 1\n[factors]\nh100 = -4\n', "$.factors"),
    "an infinite factor": ('version = "1"\nother = 1\n[factors]\nh100 = inf\n', "$.factors"),
    "a factor that is no number": ('version = "1"\nother = nan\n[factors]\n', "$.other"),
    "a name in capitals": ('version = "1"\nother = 1\n[factors]\nH100 = 4\n', "factors"),
    "an unknown field": ('version = "1"\nother = 1\nprice = 3\n[factors]\n', "price"),
    "bytes that are no text": (b"\xff\xfe\x00", ""),
}


@pytest.mark.parametrize(("content", "named"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_one_line_that_names_setting_file_and_entry(
    tmp_path: Path, content: str | bytes, named: str
) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError) as raised:
        load_hardware(file)
    [fault] = raised.value.lines
    assert fault.startswith(f"OVPO_PROCESSOR__HARDWARE: {file}: ")
    assert named in fault
    assert "\n" not in fault


@pytest.mark.parametrize("there", [False, True])
def test_a_file_that_cannot_be_read_is_one_too(tmp_path: Path, there: bool) -> None:
    file = tmp_path if there else tmp_path / "nowhere.toml"
    with pytest.raises(SettingsError, match="OVPO_PROCESSOR__HARDWARE"):
        load_hardware(file)

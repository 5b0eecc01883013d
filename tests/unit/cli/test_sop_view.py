# SPDX-License-Identifier: Apache-2.0
"""A result on a terminal."""

import pytest
from rich.text import Text

from ovpo.cli.sop_view import print_result
from tests.unit.sop import results


def test_a_narrow_window_names_a_remedy_that_the_command_has(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "50")
    print_result(results.flawed())
    said = " ".join(Text.from_ansi(capsys.readouterr().out).plain.split())
    assert "Left out in this window: gold, similarity. --json has everything." in said
    assert "Left out in this window: confidence, severity. --json has everything." in said
    assert "-o csv" not in said

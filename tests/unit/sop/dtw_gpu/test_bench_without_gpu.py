# SPDX-License-Identifier: Apache-2.0
"""The GPU benchmark on a machine without a GPU."""

import pytest

from bench.dtw_gpu import __main__ as bench
from ovpo.sop.dtw.gpu import device


def test_without_a_device_the_benchmark_says_so_in_one_line_and_succeeds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(device, "available", lambda: False)
    assert bench.main() == 0
    printed = capsys.readouterr().out
    assert printed.startswith("not measured: ")
    assert printed.count("\n") == 1

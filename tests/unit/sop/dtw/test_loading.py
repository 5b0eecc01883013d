# SPDX-License-Identifier: Apache-2.0
"""The first call waits for nothing, and imports nothing heavy; the compiled programme comes by itself."""

import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import ovpo
from ovpo.sop.dtw import wavefront
from ovpo.sop.dtw.compiled import kernels, loading
from ovpo.sop.dtw.compiled.loading import Loading
from ovpo.sop.dtw.directions import Programme

IMPORT = """
import sys
import ovpo.sop.dtw, ovpo.sop.dtw.alignment
others = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"__main__", "numpy", "ovpo"}
print(sorted(name for name in others if not name.startswith(("_", "sitecustomize"))))
print(sorted(name for name in sys.modules if name.startswith("ovpo.") and not name.startswith("ovpo.sop")))
"""

FOLDERS = """
import numpy as np, sys
from ovpo.sop.dtw.alignment import align
from ovpo.sop.dtw.compiled.loading import LOADING
rows = np.random.default_rng(1).standard_normal((60, 8))
first = align(rows, rows[::2])
assert "numba" not in sys.modules or not LOADING.ready(0)
assert LOADING.ready(120)
again = align(rows, rows[::2])
assert np.array_equal(first.path, again.path) and first.total_cost == again.total_cost
print(LOADING.now.name)
"""


def run(code: str, *options: str, **variables: str) -> list[str]:
    environment = {"PATH": "/usr/bin:/bin", **variables}
    command = [sys.executable, *options, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_importing_takes_numpy_alone() -> None:
    assert run(IMPORT) == ["[]", "[]"]


def test_a_package_folder_that_may_not_be_written_to_is_no_hindrance(tmp_path: Path) -> None:
    package, home = tmp_path / "site" / "ovpo", tmp_path / "home"
    home.mkdir()
    source = Path(next(iter(ovpo.__path__)))
    for file in [*source.glob("*.py"), *(source / "sop").glob("*.py"), *(source / "sop" / "dtw").rglob("*.py")]:
        copy = package / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    # A file where the folder of caches would be keeps even root from writing there.
    (package / "sop" / "dtw" / "compiled" / "__pycache__").write_text("")
    assert run(FOLDERS, "-B", PYTHONPATH=str(tmp_path / "site"), HOME=str(home)) == ["compiled"]
    assert any(home.rglob("*.nbi"))


def test_it_is_compiled_each_time_where_nothing_may_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def programme(*, cache: bool) -> Programme:
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return replace(wavefront.PROGRAMME, name="compiled")

    monkeypatch.setattr(kernels, "programme", programme)
    own = Loading()
    assert own.ready(60)
    assert own.now.name == "compiled"
    assert asked == [True, False]


def test_numpy_serves_where_nothing_compiles(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "ovpo.sop.dtw")

    def fail() -> None:
        raise ImportError("no numba here")

    monkeypatch.setattr(loading, "_compiled", fail)
    own = Loading()
    assert not own.ready(60)
    assert own.now is wavefront.PROGRAMME
    assert "no compiled alignment" in caplog.text

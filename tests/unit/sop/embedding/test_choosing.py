# SPDX-License-Identifier: Apache-2.0
"""Embedders by name: light to ask, and clear about what is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from ovpo.sop.embedders.choosing import choose
from ovpo.sop.embedders.vjepa2.options import VJepa2Options
from ovpo.sop.errors import EmbeddingError
from tests.unit.sop.vjepa2.building import saved

HEAVY = "print([name for name in ('torch', 'transformers', 'safetensors', 'cv2') if name in sys.modules])"


def test_the_heuristic_embedder_is_chosen_by_its_name() -> None:
    assert choose("heuristic").maker.embedder == "heuristic"


def test_vjepa2_is_chosen_with_its_options(tmp_path: Path) -> None:
    made = choose("vjepa2", VJepa2Options(model=str(saved(tmp_path)), window=4, device="cpu"))
    assert made.maker.embedder == "vjepa2"
    assert made.maker.clips.window == 4


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(EmbeddingError, match=r"heuristic, vjepa2.*ovpo\[vjepa2\]") as caught:
        choose("clip")
    assert caught.value.code == "unknown_embedder"


@pytest.mark.parametrize("package", ["torch", "transformers", "safetensors"])
def test_a_missing_package_is_answered_with_the_extra_to_install(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("ovpo.sop.embedders.vjepa2.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EmbeddingError, match=rf"{package}.*pip install 'ovpo\[vjepa2\]'") as caught:
        choose("vjepa2")
    assert caught.value.code == "missing_extra"


def test_asking_imports_nothing_heavy() -> None:
    program = f"import sys, ovpo.sop.embedders.choosing, ovpo.sop.embedding_files; {HEAVY}"
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"

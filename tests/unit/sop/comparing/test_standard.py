# SPDX-License-Identifier: Apache-2.0
"""What is put through an adapter, and what is refused instead of being taken for it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ovpo.sop.adapters.fitting import fit
from ovpo.sop.calibration.calibration import DEFAULT
from ovpo.sop.comparing import compare
from ovpo.sop.embedders.choosing import choose
from ovpo.sop.embedding_files import save
from ovpo.sop.errors import EmbeddingError
from ovpo.sop.result import Verdict
from ovpo.sop.standard import adapted_by, prepare
from ovpo.sop.watching import look
from tests.unit.sop.comparing.drawing import run_of

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
GOLD = run_of((1, 2, 3, 4), "gold.mp4")
ADAPTER = fit([GOLD], now=NOW, id="mine1234")
MINE = ADAPTER.record.name


def saved(folder: Path, name: str, adapter: str | None = None) -> Path:
    return save(folder / f"{name}.npy", run_of((1, 2, 3, 4), f"{name}.mp4", adapter=adapter))


def test_rows_that_went_through_the_adapter_are_left_and_raw_ones_are_adapted() -> None:
    once = adapted_by(ADAPTER, GOLD)
    assert once.sidecar.adapter == MINE
    assert adapted_by(ADAPTER, once) is once
    assert adapted_by(None, once) is once


def test_rows_that_went_through_another_adapter_are_refused_where_one_is_given() -> None:
    with pytest.raises(EmbeddingError, match=rf"run\.mp4 went through theirs, and {MINE} is given") as caught:
        adapted_by(ADAPTER, run_of((1, 2), adapter="theirs"))
    assert caught.value.code == "mixed_adapters"


def test_a_gold_or_a_retake_of_another_adapter_is_no_standard(tmp_path: Path) -> None:
    embedder = choose("heuristic")
    for gold, retake in (("theirs", None), (None, "theirs")):
        with pytest.raises(EmbeddingError) as caught:
            prepare(
                look(saved(tmp_path, "gold", gold), embedder),
                embedder,
                adapter=ADAPTER,
                calibration=DEFAULT,
                retakes=[run_of((1, 2), adapter=retake)],
                now=NOW,
            )
        assert caught.value.code == "mixed_adapters"


@pytest.mark.parametrize(("gold", "trainee"), [("theirs", "theirs"), ("theirs", None), (None, "theirs")])
def test_a_given_adapter_is_never_ignored(tmp_path: Path, gold: str | None, trainee: str | None) -> None:
    ours, theirs = saved(tmp_path, "gold", gold), saved(tmp_path, "run", trainee)
    with pytest.raises(EmbeddingError) as caught:
        compare(ours, theirs, adapter=ADAPTER, calibration=DEFAULT, now=NOW)
    assert caught.value.code == "mixed_adapters"


@pytest.mark.parametrize(("gold", "trainee"), [("theirs", None), (None, "theirs"), ("theirs", "others")])
def test_without_one_two_videos_of_two_adapters_cannot_be_judged(
    tmp_path: Path, gold: str | None, trainee: str | None
) -> None:
    result = compare(saved(tmp_path, "gold", gold), saved(tmp_path, "run", trainee), now=NOW).result
    assert (result.verdict, [one.code for one in result.reasons]) == (Verdict.CANNOT_JUDGE, ["mixed_adapters"])

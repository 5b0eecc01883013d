# SPDX-License-Identifier: Apache-2.0
"""What is told of latents: of the finite values their moments, of the others their number."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ovpo_sdk.latents import latent_stats
from ovpo_sdk.records import LatentStats

ANY_FLOAT = st.floats(width=32) | st.sampled_from([math.nan, math.inf, -math.inf])
MODERATE = st.floats(-1e6, 1e6, width=32) | st.sampled_from([math.nan, math.inf, -math.inf])


def told(values: Any) -> LatentStats:
    stats = latent_stats(values)
    assert stats is not None
    return stats


@given(st.lists(MODERATE, min_size=1, max_size=50))
def test_a_tensor_and_an_array_tell_what_plain_arithmetic_tells(values: list[float]) -> None:
    finite = [value for value in values if math.isfinite(value)]
    for stats in (told(torch.tensor(values)), told(np.array(values, dtype=np.float32))):
        assert stats.nan_count == sum(math.isnan(value) for value in values)
        assert stats.inf_count == sum(math.isinf(value) for value in values)
        if not finite:
            assert (stats.mean, stats.std_dev, stats.min_val, stats.max_val) == (None,) * 4
            continue
        mean = math.fsum(finite) / len(finite)
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in finite) / len(finite))
        assert stats.mean == pytest.approx(mean, rel=1e-6, abs=1e-6)
        assert stats.std_dev == pytest.approx(deviation, rel=1e-4, abs=max(map(abs, finite)) * 1e-6 + 1e-6)
        assert (stats.min_val, stats.max_val) == (min(finite), max(finite))


@given(st.lists(ANY_FLOAT, min_size=1, max_size=20))
def test_no_number_that_is_told_is_other_than_finite(values: list[float]) -> None:
    for stats in (told(torch.tensor(values)), told(np.array(values, dtype=np.float32))):
        numbers = (stats.mean, stats.std_dev, stats.min_val, stats.max_val)
        assert all(number is None or math.isfinite(number) for number in numbers)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.bool])
def test_any_real_type_of_tensor_is_looked_at(dtype: torch.dtype) -> None:
    stats = told(torch.tensor([[0, 1], [1, 0]], dtype=dtype))
    assert stats == LatentStats(mean=0.5, std_dev=0.5, min_val=0.0, max_val=1.0, nan_count=0, inf_count=0)


def test_half_precision_does_not_run_over() -> None:
    assert told(torch.full((4096,), 60_000.0, dtype=torch.float16)).mean == 60_000.0
    assert told(np.full(4096, 60_000.0, dtype=np.float16)).mean == 60_000.0


@pytest.mark.parametrize(
    "values",
    [torch.empty(0), torch.tensor([1j]), np.empty(0), np.array([1j]), np.array(["a"])],
    ids=["no tensor values", "complex tensor", "no array values", "complex array", "texts"],
)
def test_what_holds_no_real_numbers_tells_nothing(values: Any) -> None:
    assert latent_stats(values) is None


def test_looking_leaves_a_tensor_and_its_graph_alone() -> None:
    values = torch.tensor([1.0, math.nan], requires_grad=True)
    told(values)
    assert values.requires_grad
    assert values.grad is None


def test_a_tensor_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[str] = []
    for name in ("item", "tolist", "cpu", "numpy", "__float__", "__bool__", "__int__"):
        kept = getattr(torch.Tensor, name)

        def noted(self: torch.Tensor, *args: Any, kept: Any = kept, name: str = name) -> Any:
            waits.append(name)
            return kept(self, *args)

        monkeypatch.setattr(torch.Tensor, name, noted)
    told(torch.tensor([1.0, math.nan, math.inf]))
    assert waits == ["tolist"]

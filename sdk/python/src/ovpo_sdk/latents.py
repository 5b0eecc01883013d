# SPDX-License-Identifier: Apache-2.0
"""What a tensor of latents holds, in six numbers: for tensors of torch and arrays of NumPy.

The numbers are of the finite values; what is not finite is counted. A tensor is looked at where it lies, and one small
tensor is copied from there: a step of the sampling waits for its GPU once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from ovpo_sdk.records import LatentStats

if TYPE_CHECKING:
    import numpy as np
    import torch


def latent_stats(values: torch.Tensor | np.ndarray) -> LatentStats | None:
    """Look at a tensor or an array; what holds no real numbers tells nothing."""
    numbers = _of_tensor(cast("torch.Tensor", values)) if hasattr(values, "detach") else _of_array(values)
    return None if numbers is None else _stats(*numbers)


def _of_tensor(values: torch.Tensor) -> list[float] | None:
    import torch

    if values.is_complex() or not values.numel():
        return None
    with torch.no_grad():
        seen = values.detach()
        if not seen.is_floating_point() or seen.element_size() < torch.float32.itemsize:
            seen = seen.to(torch.float32)
        exact = torch.float32 if seen.device.type == "mps" else torch.float64
        finite = torch.isfinite(seen)
        nans = torch.isnan(seen).sum()
        count = finite.sum()
        mean = torch.where(finite, seen, 0).sum(dtype=exact) / count
        variance = torch.where(finite, seen - mean, 0).square().sum(dtype=exact) / count
        least = torch.where(finite, seen, math.inf).amin()
        most = torch.where(finite, seen, -math.inf).amax()
        infinite = seen.numel() - count - nans
        return torch.stack([one.to(exact) for one in (mean, variance, least, most, nans, infinite)]).tolist()


def _of_array(values: np.ndarray) -> list[float] | None:
    import numpy as np

    if not values.size or values.dtype.kind not in "fiub":
        return None
    finite = values[np.isfinite(values)]
    nans = int(np.isnan(values).sum())
    infinite = values.size - finite.size - nans
    if not finite.size:
        return [math.nan, math.nan, math.nan, math.nan, nans, infinite]
    moments = finite.mean(dtype=np.float64), finite.var(dtype=np.float64), finite.min(), finite.max()
    return [*map(float, moments), nans, infinite]


def _stats(mean: float, variance: float, least: float, most: float, nans: float, infinite: float) -> LatentStats:
    return LatentStats(
        mean=_finite(mean),
        std_dev=_finite(math.sqrt(variance)) if variance >= 0 else None,
        min_val=_finite(least),
        max_val=_finite(most),
        nan_count=int(nans),
        inf_count=int(infinite),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

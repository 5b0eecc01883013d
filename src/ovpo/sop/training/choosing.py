# SPDX-License-Identifier: Apache-2.0
"""Whether a candidate becomes champion: it must be sound, and no worse than the champion on the same golds. Pure."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np
from msgspec import Struct, to_builtins

from ovpo.sop.adapters.adapter import Adapter, Role
from ovpo.sop.records.adapters import Decision
from ovpo.sop.training.evaluating import Separation

TOLERANCE: Final = 0.01
"""How much smaller the area under the curve may be: one comparison in a hundred. One gold more or less moves it by up
to 0.0035 on drawn golds, so that nothing is lost by chance, and a candidate knows golds that no champion saw."""


class Evaluation(Struct, frozen=True, kw_only=True):
    """A candidate held against the champion, where there is one, and against rows that no adapter changed."""

    candidate: Separation | None
    champion: Separation | None
    champion_adapter: str | None
    champion_fault: str | None
    """Why the champion cannot be used any more."""
    raw: Separation | None
    least_std: float
    eps: float
    videos: int
    rows: int

    def as_record(self) -> Mapping[str, Any]:
        """Give it as it is kept."""
        kept: Mapping[str, Any] = to_builtins(self)
        return kept


def choose(evaluation: Evaluation, faults: Collection[str]) -> Decision:
    """Decide on a candidate; the first adapter of a tenant becomes champion if it is sound."""
    record = evaluation.as_record()
    if faults:
        return Decision(champion=False, reason=f"it is not sound: {'; '.join(faults)}", evaluation=record)
    if evaluation.champion_adapter is None:
        return Decision(champion=True, reason="the first one, and sound", evaluation=record)
    if evaluation.champion_fault is not None:
        gone = f"sound, while {evaluation.champion_adapter} cannot be used: {evaluation.champion_fault}"
        return Decision(champion=True, reason=gone, evaluation=record)
    ours, theirs = evaluation.candidate, evaluation.champion
    if ours is None or theirs is None:
        return Decision(champion=False, reason="no two golds can be compared: give longer ones", evaluation=record)
    told = f"{ours.auc:.4f} of comparisons right, {theirs.auc:.4f} through {evaluation.champion_adapter}"
    if ours.auc < theirs.auc - TOLERANCE:
        return Decision(champion=False, reason=f"worse by more than {TOLERANCE}: {told}", evaluation=record)
    return Decision(champion=True, reason=f"no worse: {told}", evaluation=record)


def faults(adapter: Adapter, golds: Collection[str]) -> list[str]:
    """Say what keeps an adapter from being used; `golds` are the SHA-256 of all gold videos it may know."""
    found = []
    for name, values in (("mean", adapter.mean), ("std", adapter.std)):
        if not np.isfinite(values).all():
            found.append(f"{name} is not finite in {int((~np.isfinite(values)).sum())} dimensions")
    if not (adapter.std > 0).all():
        found.append(f"std is not above 0 in {int((~(adapter.std > 0)).sum())} dimensions")
    strangers = [
        video for video in adapter.record.trained_on if video.role is not Role.GOLD or video.sha256 not in golds
    ]
    if strangers or not adapter.record.trained_on:
        found.append(f"{len(strangers)} of its {len(adapter.record.trained_on)} videos are no gold on record")
    return found

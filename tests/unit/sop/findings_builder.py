# SPDX-License-Identifier: Apache-2.0
"""Findings of made-up runs: which steps were done, in which order, how fast and how alike, with what deviations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

import numpy as np

from ovpo.sop.judging.findings import Findings
from ovpo.sop.result import Deviation, DeviationType, FramePair, Interval, StepResult

ROW_SECONDS = 0.25
EXPECTED = 0.9
LEAST = 0.5


def deviation(
    kind: DeviationType, *steps: int, severity: float = 0.5, confidence: float = 0.9, sentence: str = "It went wrong."
) -> Deviation:
    """Make a deviation at some gold steps."""
    return Deviation(
        type=kind,
        steps=steps,
        names=tuple(f"step {number}" for number in steps),
        confidence=confidence,
        severity=severity,
        sentence=sentence,
        evidence=FramePair(),
    )


def performed(
    order: Sequence[int] = (1, 2, 3, 4, 5, 6),
    *,
    steps: int = 6,
    step_seconds: float = 5.0,
    paces: Mapping[int, float] | None = None,
    cosines: Mapping[int, float] | None = None,
    usually: float = EXPECTED,
    spread: float = 0.0,
    critical: Sequence[int] = (),
    deviations: Sequence[Deviation] = (),
) -> Findings:
    """Let a trainee do gold steps of equal length in an order; what is not in it is missing, with its deviation."""
    long = round(step_seconds / ROW_SECONDS)
    random = Random(1)
    pairs: list[tuple[int, int]] = []
    found: dict[int, Interval] = {}
    similarity: list[float] = []
    at = 0
    for number in order:
        rows = max(round(long * (paces or {}).get(number, 1.0)), 1)
        length = max(rows, long)
        pairs += [((number - 1) * long + k * long // length, at + k * rows // length) for k in range(length)]
        usual = (cosines or {}).get(number, usually)
        similarity += [usual + random.uniform(-spread, spread) for _ in range(length)]
        found[number] = Interval(at * ROW_SECONDS, (at + rows) * ROW_SECONDS)
        at += rows
    results = tuple(
        StepResult(
            number=number,
            name=f"step {number}",
            critical=number in critical,
            gold=Interval((number - 1) * step_seconds, number * step_seconds),
            trainee=found.get(number),
        )
        for number in range(1, steps + 1)
    )
    gone = [deviation(DeviationType.STEP_MISSING, number) for number in range(1, steps + 1) if number not in found]
    return Findings(
        steps=results,
        deviations=(*gone, *deviations),
        row_seconds=ROW_SECONDS,
        gold_rows=steps * long,
        procedure=Interval(0.0, at * ROW_SECONDS),
        path=np.array(pairs, np.int32).reshape(-1, 2),
        similarity=np.array(similarity, np.float32),
        expected=EXPECTED,
        least=LEAST,
        brightness=np.full(at, 0.5, np.float32),
        motion=np.full(at, 0.02, np.float32),
    )


def left_out(findings: Findings, number: int) -> Findings:
    """Give the same run without one step that was done: its pairs and deviations go, a missing step comes."""
    step = findings.steps[number - 1]
    rows = (findings.path[:, 0] + 0.5) * findings.row_seconds
    kept = (rows < step.gold.start) | (rows >= step.gold.end)
    return replace(
        findings,
        steps=tuple(
            StepResult(number=one.number, name=one.name, critical=one.critical, gold=one.gold)
            if one.number == number
            else one
            for one in findings.steps
        ),
        deviations=(
            *(one for one in findings.deviations if number not in one.steps),
            deviation(DeviationType.STEP_MISSING, number),
        ),
        path=findings.path[kept],
        similarity=findings.similarity[kept],
    )

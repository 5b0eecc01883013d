# SPDX-License-Identifier: Apache-2.0
"""Builds results as a comparison would give them, for tests of what is drawn, printed and kept."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.result import (
    Alignment,
    Deviation,
    DeviationType,
    FramePair,
    Interval,
    Metric,
    Reason,
    Result,
    StepResult,
    Verdict,
    Versions,
    VideoFacts,
)

ROW_SECONDS = 0.25
NAMES = ("Wash hands", "Put on gloves", "Open the valve", "Read the gauge", "Close the valve", "Write the log")
METRICS = (
    ("missing", 30.0),
    ("swap", 15.0),
    ("extra", 8.0),
    ("repeat", 6.0),
    ("deviation_share", 10.0),
    ("over_time_ratio", 8.0),
    ("temporal_warp", 5.0),
    ("local_similarity_gap", 10.0),
    ("alignment_cost", 8.0),
)


def video(name: str, seconds: float, **changed: Any) -> VideoFacts:
    """Give facts of a video that only its name and length tell from others."""
    facts: dict[str, Any] = {
        "sha256": sha256(name.encode()).hexdigest(),
        "name": name,
        "seconds": seconds,
        "clips": int(seconds / ROW_SECONDS),
        "width": 1280,
        "height": 720,
        "frames_per_second": 29.97,
    }
    return VideoFacts(**(facts | changed))


def step(number: int, name: str, gold: Interval, trainee: Interval | None, **changed: Any) -> StepResult:
    """Give a step; its pace follows from its times."""
    facts: dict[str, Any] = {
        "number": number,
        "name": name,
        "critical": False,
        "gold": gold,
        "trainee": trainee,
        "pace": None if trainee is None else round(trainee.seconds / gold.seconds, 3),
        "similarity": None if trainee is None else 0.91,
    }
    return StepResult(**(facts | changed))


def deviation(kind: DeviationType, steps: Sequence[StepResult] = (), **changed: Any) -> Deviation:
    """Give a deviation of some steps at their places."""
    gold = Interval(steps[0].gold.start, steps[-1].gold.end) if steps else None
    trainee = steps[0].trainee if steps else None
    names = tuple(concerned.name for concerned in steps)
    facts: dict[str, Any] = {
        "type": kind,
        "steps": tuple(concerned.number for concerned in steps),
        "names": names,
        "gold": gold,
        "trainee": trainee,
        "confidence": 0.87,
        "severity": 0.6,
        "sentence": f"{kind.value.replace('_', ' ').capitalize()}: {' and '.join(names) or 'something else'}.",
    }
    facts |= changed
    if "evidence" not in facts:
        gold, trainee = facts["gold"], facts["trainee"]
        facts["evidence"] = FramePair(
            gold=None if gold is None else (gold.start + gold.end) / 2,
            trainee=None if trainee is None else (trainee.start + trainee.end) / 2,
        )
    return Deviation(**facts)


def metrics(score: float | None) -> tuple[Metric, ...]:
    """Spread the points lost over the metrics."""
    if score is None:
        return ()
    left = 100 - score
    parts = []
    for name, weight in METRICS:
        loss = min(weight, left)
        left -= loss
        parts.append(Metric(name=name, value=round(loss / weight, 4), weight=weight, loss=loss))
    return tuple(parts)


def straight(steps: Sequence[StepResult]) -> tuple[tuple[float, float], ...]:
    """Give the path that goes straight through each matched step, in the order of the trainee's video."""
    path: list[tuple[float, float]] = []
    done = sorted((one.trainee.start, one.trainee.seconds, one.gold) for one in steps if one.trainee)
    for start, seconds, gold in done:
        parts = np.linspace(0, 1, max(int(seconds / ROW_SECONDS), 1), endpoint=False).tolist()
        path += [(round(gold.start + at * gold.seconds, 3), round(start + at * seconds, 3)) for at in parts]
    return tuple(path)


def result(steps: Sequence[StepResult] = (), deviations: Sequence[Deviation] = (), **changed: Any) -> Result:
    """Give a result of steps and deviations that were made elsewhere."""
    score = changed.get("score", 71.5)
    facts: dict[str, Any] = {
        "task_id": "valve-check",
        "created_at": datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
        "verdict": Verdict.FAIL,
        "reasons": (Reason("below_threshold", "The score is below the 80 points that pass."),),
        "score": score,
        "threshold": 80.0,
        "gold": video("gold.mp4", max((one.gold.end for one in steps), default=30.0)),
        "trainee": video("trainee.mp4", max((one.trainee.end for one in steps if one.trainee), default=28.0) + 3.0),
        "steps": tuple(steps),
        "deviations": tuple(deviations),
        "metrics": metrics(score),
        "alignment": Alignment(path=straight(steps), mean_cost=0.11),
        "settings": {"frames_per_second": 4.0, "longest_side": 320, "open_ends": True, "threshold": 80.0},
        "versions": Versions(
            ovpo="0.1.0",
            embedder="heuristic 1",
            adapter="feature_adapter_20260301T080000Z_3f2a9c",
            calibration="calibration 20260301T080500Z_77b1e0",
        ),
    }
    return Result(**(facts | changed))


def flawed() -> Result:
    """Give a run with one of everything: six steps, the second left out, two exchanged, one repeated, one slow."""
    gold = [Interval(float(5 * place), 5.0 * place + 5) for place in range(6)]
    wash = step(1, NAMES[0], gold[0], Interval(2.0, 7.0))
    gloves = step(2, NAMES[1], gold[1], None, critical=True)
    valve = step(3, NAMES[2], gold[2], Interval(12.0, 17.0))
    gauge = step(4, NAMES[3], gold[3], Interval(7.0, 12.0), similarity=0.84)
    shut = step(5, NAMES[4], gold[4], Interval(20.0, 28.5), similarity=0.72)
    log = step(6, NAMES[5], gold[5], Interval(28.5, 33.0), repeats=(Interval(33.0, 37.0),))
    steps = (wash, gloves, valve, gauge, shut, log)
    found = (
        deviation(
            DeviationType.STEP_MISSING,
            (gloves,),
            trainee=Interval(7.0, 7.0),
            confidence=0.96,
            severity=1.0,
            sentence="Step 2, Put on gloves, was left out; it is critical.",
            evidence=FramePair(gold=7.5),
        ),
        deviation(
            DeviationType.ORDER_SWAP,
            (valve, gauge),
            trainee=Interval(7.0, 17.0),
            sentence="Step 4, Read the gauge, was done before step 3, Open the valve.",
            evidence=FramePair(gold=12.5, trainee=9.5),
        ),
        deviation(
            DeviationType.EXTRA_STEP,
            trainee=Interval(17.0, 20.0),
            sentence="From 0:17.0 to 0:20.0 something was done that the gold demonstration does not show.",
            confidence=0.71,
        ),
        deviation(DeviationType.OVER_TIME, (shut,), sentence="Close the valve took 8.5 s, 1.7 times the gold's 5.0 s."),
        deviation(
            DeviationType.EXECUTION_DEVIATION,
            (shut,),
            gold=Interval(21.5, 23.0),
            trainee=Interval(23.0, 25.5),
            confidence=0.58,
            sentence="For 2.5 s of Close the valve the picture is not like the gold's.",
        ),
        deviation(
            DeviationType.REPEATED_STEP,
            (log,),
            trainee=Interval(33.0, 37.0),
            sentence="Write the log was done twice.",
        ),
    )
    return result(
        steps,
        found,
        score=48.5,
        reasons=(
            Reason("below_threshold", "48.5 points are fewer than the 80 that pass."),
            Reason("critical_step", "The critical step Put on gloves was left out."),
        ),
        trainee=video("trainee.mp4", 40.0),
    )


def clean() -> Result:
    """Give a run without a fault."""
    gold = [Interval(float(5 * place), 5.0 * place + 5) for place in range(6)]
    steps = [step(n + 1, NAMES[n], at, Interval(at.start + 1, at.end + 1)) for n, at in enumerate(gold)]
    return result(steps, score=98.0, verdict=Verdict.PASS, reasons=(Reason("passed", "98 points, nothing amiss."),))


def unjudged() -> Result:
    """Give the result of a comparison that could not be made."""
    return result(
        score=None,
        verdict=Verdict.CANNOT_JUDGE,
        reasons=(Reason("too_dark", "The trainee's video is too dark to see anything for 0:26.0 of 0:28.0."),),
        alignment=Alignment(path=(), mean_cost=0.0),
    )


def crowded(steps: int = 12, deviations: int = 40) -> Result:
    """Give a run of many steps with more deviations than fit a page."""
    kinds = tuple(DeviationType)
    made = []
    for place in range(steps):
        at = Interval(7.0 * place, 7.0 * place + 7)
        made.append(step(place + 1, f"Procedure part {place + 1}", at, Interval(at.start + 2, at.end + 2)))
    found = [deviation(kinds[place % len(kinds)], (made[place % steps],)) for place in range(deviations)]
    return result(made, found, score=12.0)


def similarity(of: Result, noise: float = 0.05) -> NDArray[np.float32]:
    """Give a matrix, gold rows by trainee rows, that is high where matched steps meet."""
    rows, columns = int(of.gold.seconds / ROW_SECONDS), int(of.trainee.seconds / ROW_SECONDS)
    y, x = np.mgrid[0:rows, 0:columns] * ROW_SECONDS
    values = np.random.default_rng(7).normal(0.1, noise, (rows, columns))
    for one in of.steps:
        for done in (*(() if one.trainee is None else (one.trainee,)), *one.repeats):
            within = (y >= one.gold.start) & (y < one.gold.end) & (x >= done.start) & (x < done.end)
            distance = np.abs((y - one.gold.start) / one.gold.seconds - (x - done.start) / done.seconds)
            values = np.where(within, 0.95 - 0.6 * distance, values)
    return values.astype(np.float32)

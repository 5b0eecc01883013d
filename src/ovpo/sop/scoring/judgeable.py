# SPDX-License-Identifier: Apache-2.0
"""Whether a video can be judged at all: long enough, light enough, somebody at work, and the same procedure."""

import numpy as np

from ovpo.sop.judging.findings import Findings
from ovpo.sop.result import Reason
from ovpo.sop.scoring.likeness import likeness
from ovpo.sop.scoring.settings import Scoring

QUICK = 90
"""The percentile of motion that a still video does not reach: nine rows in ten move less."""


def obstacles(findings: Findings, scoring: Scoring) -> tuple[Reason, ...]:
    """Give what keeps a video from being judged, each with what to do; wrong only where the picture is good."""
    return _of_the_picture(findings, scoring) or _of_the_procedure(findings, scoring)


def too_short(seconds: float, scoring: Scoring) -> Reason | None:
    """Tell that a trainee's video is too short to be judged, if it is."""
    if seconds >= scoring.least_seconds:
        return None
    return Reason(
        "too_short",
        f"The trainee's video has {seconds:.1f} s, {scoring.least_seconds:.1f} s are needed: "
        "record the whole procedure.",
    )


def _of_the_picture(findings: Findings, scoring: Scoring) -> tuple[Reason, ...]:
    if short := too_short(len(findings.brightness) * findings.row_seconds, scoring):
        return (short,)
    within = _within(findings)
    found: list[Reason] = []
    brightness = float(np.median(findings.brightness[within]))
    if brightness < scoring.dark_brightness:
        found.append(
            Reason(
                "too_dark",
                f"The trainee's video is too dark to see the work (median brightness {brightness:.3f}, "
                f"{scoring.dark_brightness:.3f} is needed): put on more light, open the lens and record it again.",
            )
        )
    motion = float(np.percentile(findings.motion[within], QUICK))
    if motion < scoring.still_motion:
        found.append(
            Reason(
                "still",
                f"Nothing moves in the trainee's video (motion {motion:.4f}, {scoring.still_motion:.4f} is needed): "
                "see that the camera shows the place of work and does not send a frozen picture.",
            )
        )
    return tuple(found)


def _of_the_procedure(findings: Findings, scoring: Scoring) -> tuple[Reason, ...]:
    steps = len(findings.steps)
    found = sum(step.trainee is not None for step in findings.steps)
    advice = "compare it with the gold video of its own procedure, recorded from the same side."
    if not found:
        return (Reason("wrong_procedure", f"None of the {steps} steps is in the trainee's video: {advice}"),)
    below = likeness(findings).below
    if np.mean(below) > 1 - scoring.explained_share:
        return (
            Reason(
                "wrong_procedure",
                f"What was matched does not look like the gold in {np.mean(below):.0%} of its time: {advice}",
            ),
        )
    explained = _explained(findings)
    if explained < scoring.explained_share and found <= scoring.found_share * steps:
        return (
            Reason(
                "wrong_procedure",
                f"Only {explained:.0%} of the trainee's video looks like the gold's, and only {found} of {steps} "
                f"steps were found: {advice}",
            ),
        )
    return ()


def _explained(findings: Findings) -> float:
    """Tell which share of the trainee's procedure was matched by what looks like it."""
    alike = np.unique(findings.path[findings.similarity >= findings.least, 1])
    rows = max(round(findings.procedure.seconds / findings.row_seconds), 1)
    return min(1.0, len(alike) / rows)


def _within(findings: Findings) -> slice:
    """Give the rows of the procedure, or all where none was found."""
    first = max(round(findings.procedure.start / findings.row_seconds), 0)
    end = min(round(findings.procedure.end / findings.row_seconds), len(findings.brightness))
    return slice(first, end) if end > first else slice(None)

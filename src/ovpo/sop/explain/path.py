# SPDX-License-Identifier: Apache-2.0
"""The path of the alignment as lines to draw: broken where it jumps, with no more points than can be seen."""

from math import hypot

Moments = tuple[float, float]
"""A gold time and the trainee time that was matched to it."""
Run = tuple[Moments, ...]


def runs(path: tuple[Moments, ...], gap: float) -> tuple[Run, ...]:
    """Cut a path wherever either time jumps by more than `gap` seconds, as it does where steps were exchanged."""
    found: list[list[Moments]] = []
    for gold, trainee in path:
        last = found[-1][-1] if found else None
        if last is None or abs(gold - last[0]) > gap or abs(trainee - last[1]) > gap:
            found.append([])
        found[-1].append((gold, trainee))
    return tuple(tuple(run) for run in found)


def thinned(run: Run, apart: float) -> Run:
    """Keep the ends of a run and, between them, points at least `apart` seconds from the one before."""
    kept = [run[0]]
    for point in run[1:-1]:
        if hypot(point[0] - kept[-1][0], point[1] - kept[-1][1]) >= apart:
            kept.append(point)
    if len(run) > 1:
        kept.append(run[-1])
    return tuple(kept)

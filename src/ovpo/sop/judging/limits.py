# SPDX-License-Identifier: Apache-2.0
"""From when on something is a deviation: seconds and shares that a task may set."""

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """The defaults hold for steps of two seconds and more, done by hand."""

    extra_seconds: float = 1.5
    """A stretch that matches nothing and is shorter is no extra step."""
    deviation_seconds: float = 2.0
    """A stretch of a step that matches nothing and is shorter is no execution deviation."""
    unlike: float = 0.75
    """A stretch of a step is like the gold's if half of it reaches this share of the pair's usual cosine."""
    strange: float = 0.55
    """A step was not done where half of what was taken for it does not reach this share of the pair's usual cosine, and
    part of a step was not done if nothing in it does."""
    replacing: float = 2.0
    """What takes longer than this many times a step is not that step, done otherwise."""
    passing: float = 0.35
    """If the gold goes on by this share of a stretch's length, it is part of a step; by less, an extra one."""
    rushing: float = 4.5
    """If the gold goes on by more than this many times its length, the steps that passed were not done."""
    end_seconds: float = 2.5
    """Before the first and after the last step so much may be done that is none of them."""
    repeat_share: float = 0.4
    """A step is repeated if this share of it is to be seen again."""
    over: float = 1.1
    """A step is over its time if it takes longer than this many times the gold's, at the trainee's usual pace."""
    broken: float = 0.5
    """How severe it is if a step breaks a bound of its definition."""
    under: float = 0.5
    """A step is under its time if it takes less than this many times the gold's, at the trainee's usual pace."""
    slack_seconds: float = 0.5
    """How well the ends of a step are known."""
    slack_share: float = 0.08
    """How much one step of an honest retake is slower than the others."""
    slowest_pace: float = 1.25
    """A trainee whose usual pace is slower is slow in every step."""
    fastest_pace: float = 0.75
    cut_seconds: float = 1.5
    """So much of the first step may be done before the recording begins."""
    warp: float = 0.3
    """How far, as a share of a step, its progress may be ahead of or behind the gold's."""
    even: float = 0.8
    """The pace is not said to stray if, at an even pace, the step looks this much like the gold's."""
    warp_seconds: float = 6.0
    """Steps that are shorter have no pace of their own."""

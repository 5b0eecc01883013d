# SPDX-License-Identifier: Apache-2.0
"""What a pipeline gave back: how many pictures, and whether they are the frames of a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_PICTURE: Final = 3
"""Height, width and colours: the dimensions of one picture as an array."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of an output."""

    count: int
    moving: bool
    """They are frames, one after another in time."""


NONE: Final = Pictures(0, moving=False)


def pictures(output: Any) -> Pictures:
    """Count the pictures of what a pipeline returns: an output object, or a tuple that begins with them."""
    for name in ("frames", "images"):
        held = getattr(output, name, None)
        if held is not None:
            return _counted(held, moving=name == "frames")
    return _counted(output[0], moving=False) if isinstance(output, tuple) and output else NONE


def _counted(held: Any, *, moving: bool) -> Pictures:
    dimensions = len(getattr(held, "shape", ()))
    if dimensions > _PICTURE:
        videos = dimensions > _PICTURE + 1
        return Pictures(held.shape[0] * held.shape[1] if videos else held.shape[0], moving=moving or videos)
    if dimensions or not isinstance(held, Sequence) or isinstance(held, str | bytes):
        return NONE
    inside = [_counted(one, moving=True) for one in held if _is_many(one)]
    if inside:
        return Pictures(sum(one.count for one in inside), moving=True)
    return Pictures(sum(_is_picture(one) for one in held), moving=moving)


def _is_many(held: Any) -> bool:
    return isinstance(held, list | tuple) or len(getattr(held, "shape", ())) > _PICTURE


def _is_picture(held: Any) -> bool:
    return hasattr(held, "getbbox") or len(getattr(held, "shape", ())) in {2, _PICTURE}

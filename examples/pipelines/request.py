# SPDX-License-Identifier: Apache-2.0
"""What is asked of the pipeline: a prompt, a seed, and how large a video."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

PATCH: Final = 4
"""A latent stands for a square of so many pixels a side."""
_NOT_CONFIG: Final = frozenset({"prompt", "seed", "model"})


@dataclass(frozen=True, slots=True)
class Request:
    """One video; the same request gives the same pixels."""

    prompt: str = "a lantern drifts over a dark lake"
    seed: int = 7
    frames: int = 20
    steps: int = 20
    width: int = 320
    height: int = 180
    fps: int = 10
    model: str = "fake-video-gen"
    thumbnail_every: int = 1
    """Of how many frames one gets a thumbnail."""

    def __post_init__(self) -> None:
        for name, least in (("frames", 1), ("steps", 1), ("fps", 1), ("thumbnail_every", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; takes {least} or more")
        for name in ("width", "height"):
            if getattr(self, name) < 4 * PATCH or getattr(self, name) % PATCH:
                raise ValueError(f"{name} is {getattr(self, name)}; takes a multiple of {PATCH} from {4 * PATCH} on")

    @property
    def config(self) -> Mapping[str, Any]:
        """Give what a trace keeps as the pipeline's configuration; the model is named apart."""
        return {name: value for name, value in asdict(self).items() if name not in _NOT_CONFIG}

    def watched(self, step: int) -> int | None:
        """Name the frame that a step reports on, None where the step before did already.

        All frames are denoised together, but the contract has the frame index rise from one event to the next.
        """
        frame = step * self.frames // self.steps
        return frame if step == 0 or frame > (step - 1) * self.frames // self.steps else None

# SPDX-License-Identifier: Apache-2.0
"""The model: latents between noise and a clip, the weights that denoise them, and the way from latents to pixels.

Nothing here was trained. The model knows the clip that it is heading for, and its layers add texture drawn from the
noise; the diffusion itself, the latents and the decoder are real arithmetic, so what is measured of them is real too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from examples.pipelines.memory import Memory
from examples.pipelines.request import PATCH, Request
from examples.pipelines.scene import Scene, draw

KEPT: Final = 6
"""How many waves of each colour a latent keeps of the 16 that a patch of 4 by 4 pixels has."""
CHANNELS: Final = 3 * KEPT
LAYERS: Final = 3
TEXTURE: Final = 0.35
"""How much of the noise the layers turn into texture."""
_MIDDLE: Final = np.float32(0.5)
_CACHE_BYTES: Final = 256 * 1024
"""How much of the latents is worked on at once: what stays in a core's cache."""
_TAPS: Final = tuple((down, across) for down in range(3) for across in range(3))
Numbers = NDArray[np.float32]
Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Weights:
    """What LOAD brings in."""

    waves: Numbers
    """The slowest cosine waves of a patch, one a row, at right angles to one another: the decoder."""
    layers: Numbers
    """Taps of 3 by 3 for every channel, layer upon layer: the denoiser."""

    @property
    def count(self) -> int:
        """Tell how many numbers these are."""
        return self.waves.size + self.layers.size


def load(memory: Memory) -> Weights:
    """Build the weights, the same ones every time."""
    places = (np.arange(PATCH) + 0.5) * np.pi / PATCH
    lines = [np.cos(rate * places) / np.linalg.norm(np.cos(rate * places)) for rate in range(PATCH)]
    order = sorted(((i, j) for i in range(PATCH) for j in range(PATCH)), key=lambda rate: (sum(rate), rate))
    waves = memory.array((KEPT, PATCH * PATCH))
    waves[:] = [np.outer(lines[i], lines[j]).ravel() for i, j in order[:KEPT]]
    taps = memory.array((LAYERS, len(_TAPS), CHANNELS))
    taps[:] = np.random.default_rng(20_08).standard_normal(taps.shape) / 3
    return Weights(waves, taps)


def encode(weights: Weights, picture: Numbers) -> Numbers:
    """Give the latents of a picture: per patch and colour, how strong each wave is."""
    height, width, _ = picture.shape
    squares = picture.reshape(height // PATCH, PATCH, width // PATCH, PATCH, 3).transpose(0, 2, 4, 1, 3)
    patches = squares.reshape(*squares.shape[:3], PATCH * PATCH) - _MIDDLE
    waves = np.asarray(patches @ weights.waves.T, np.float32)
    return waves.reshape(*squares.shape[:2], CHANNELS)


def decode(weights: Weights, latents: Numbers, memory: Memory) -> Picture:
    """Give the picture of one frame's latents."""
    rows, columns, _ = latents.shape
    patches = memory.array((rows, columns, 3, PATCH * PATCH))
    np.matmul(latents.reshape(rows, columns, 3, KEPT), weights.waves, out=patches)
    spread = patches.reshape(rows, columns, 3, PATCH, PATCH).transpose(0, 3, 1, 4, 2)
    picture: Picture = memory.array((rows * PATCH, columns * PATCH, 3), np.uint8)
    picture[:] = np.clip(spread.reshape(picture.shape) * 255 + 128, 0, 255)
    return picture


def goal(weights: Weights, scene: Scene, request: Request, memory: Memory) -> Numbers:
    """Give the latents of the clip that the prompt asks for."""
    clip: Numbers = memory.array((request.frames, request.height // PATCH, request.width // PATCH, CHANNELS))
    for index in range(request.frames):
        clip[index] = encode(weights, draw(scene, index / request.fps, request.width, request.height))
    return clip


def denoise(weights: Weights, clip: Numbers, request: Request, memory: Memory) -> Iterator[Numbers]:
    """Go from noise to the clip; gives the latents after each step, always in the same array."""
    latents: Numbers = memory.array(clip.shape)
    np.random.default_rng(request.seed).standard_normal(dtype=np.float32, out=latents)
    kept = _kept(request.steps)
    together = max(1, _CACHE_BYTES // clip[0].nbytes)
    for before, after in pairwise(kept):
        for first in range(0, request.frames, together):
            frames = latents[first : first + together]
            guess = clip[first : first + together] + TEXTURE * np.sqrt(1 - before) * _texture(weights, frames)
            noise = (frames - np.sqrt(before) * guess) / np.sqrt(1 - before)
            frames[:] = np.sqrt(after) * guess + np.sqrt(1 - after) * noise
        yield latents


def _kept(steps: int) -> Numbers:
    """Tell how much of the clip, against noise, the latents hold before and after each step."""
    return (np.sin(np.linspace(0.02, 1, steps + 1) * np.pi / 2) ** 2).astype(np.float32)


def _texture(weights: Weights, frames: Numbers) -> Numbers:
    _, rows, columns, _ = frames.shape
    for taps in weights.layers:
        padded = np.pad(frames, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        total = np.zeros_like(frames)
        for (down, across), tap in zip(_TAPS, taps, strict=True):
            total += padded[:, down : down + rows, across : across + columns] * tap
        frames = np.tanh(total)
    return frames

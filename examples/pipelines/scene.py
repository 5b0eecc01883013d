# SPDX-License-Identifier: Apache-2.0
"""The moving scene that a prompt and a seed stand for: lights that drift over a sky. Pure."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LIGHTS: Final = 6
Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scene:
    """Lights, one a row, and the colours of the sky above and below; lengths are shares of the picture's height."""

    top: Numbers
    bottom: Numbers
    colours: Numbers
    radii: Numbers
    starts: Numbers
    speeds: Numbers
    """How far each light goes in a second, across and down."""


def compose(embedding: Numbers, seed: int) -> Scene:
    """Lay out the scene: the embedding says how it looks, the seed where things are and where they go."""
    tint = np.reciprocal(1 + np.exp(-4 * embedding[: 6 + 3 * LIGHTS]), dtype=np.float32)
    drawn = np.random.default_rng(seed)
    return Scene(
        top=np.float32(0.35) * tint[:3],
        bottom=np.float32(0.15) + np.float32(0.5) * tint[3:6],
        colours=np.float32(0.3) + np.float32(0.7) * tint[6:].reshape(LIGHTS, 3),
        radii=drawn.uniform(0.06, 0.2, LIGHTS).astype(np.float32),
        starts=drawn.uniform(0, 1, (LIGHTS, 2)).astype(np.float32),
        speeds=drawn.uniform(-0.35, 0.35, (LIGHTS, 2)).astype(np.float32),
    )


def draw(scene: Scene, seconds: float, width: int, height: int) -> Numbers:
    """Give the picture at a moment, as rows of red, green and blue between 0 and 1."""
    down = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]
    across = ((np.arange(width, dtype=np.float32) + 0.5) / height)[None, :]
    rows = (scene.top * (1 - down) + scene.bottom * down)[:, None, :]
    picture = np.broadcast_to(rows, (height, width, 3)).astype(np.float32)
    extent = np.array([width / height, 1], np.float32)
    for colour, radius, start, speed in zip(scene.colours, scene.radii, scene.starts, scene.speeds, strict=True):
        x, y = _bounced(start * extent + speed * np.float32(seconds), extent)
        distance = np.sqrt((across - x) ** 2 + (down - y) ** 2)
        cover = np.clip((radius - distance) * 24 + 0.5, 0, 1)[..., None]
        picture += cover * (colour - picture)
    return picture


def _bounced(position: Numbers, extent: Numbers) -> Numbers:
    """Keep a position inside, as a ball between walls would stay."""
    turned = np.mod(position, 2 * extent)
    return np.where(turned > extent, 2 * extent - turned, turned).astype(np.float32)

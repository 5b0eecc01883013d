# SPDX-License-Identifier: Apache-2.0
"""The work of the small pipelines that the compliance suite is tested with: the same for the same frame, always."""

import hashlib
from collections.abc import Mapping

FRAMES = 40
FPS = 25
ROUNDS = 40
_NOISE = bytes(range(256)) * 64


def render(index: int, rounds: int = ROUNDS) -> bytes:
    """Make a frame in about half a millisecond."""
    picture = index.to_bytes(4)
    for _ in range(rounds):
        picture = hashlib.sha256(picture + _NOISE).digest()
    return picture


def video(pictures: list[bytes]) -> str:
    """What comes of a run: the same for the same frames."""
    return hashlib.sha256(b"".join(pictures)).hexdigest()


def at(index: int) -> float:
    """Where in the video a frame lies, in milliseconds."""
    return index * 1000 / FPS


def quality(picture: bytes) -> Mapping[str, float]:
    """Two numbers of a frame."""
    return {"brightness_avg": float(picture[0]), "edge_density": picture[1] / 255}

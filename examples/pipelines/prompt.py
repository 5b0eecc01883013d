# SPDX-License-Identifier: Apache-2.0
"""From a prompt to an embedding: a word becomes a direction by its hash, and a prompt is the sum of its words. Pure."""

from hashlib import sha256
from typing import Final

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 64


def embed(prompt: str) -> NDArray[np.float32]:
    """Give the embedding of a prompt, of length 1; one without words has none, so its embedding is all zeros."""
    total = np.zeros(WIDTH, np.float32)
    for place, word in enumerate(prompt.lower().split()):
        seed = int.from_bytes(sha256(word.encode()).digest()[:8], "big")
        total += np.random.default_rng(seed).standard_normal(WIDTH, np.float32) / np.float32(1 + place) ** 0.5
    length = float(np.linalg.norm(total))
    return total / np.float32(length) if length else total

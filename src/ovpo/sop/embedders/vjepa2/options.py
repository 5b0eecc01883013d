# SPDX-License-Identifier: Apache-2.0
"""How the V-JEPA 2 embedder is set; light, so that it can be asked for without the model's packages."""

from typing import Final, Literal

from msgspec import Struct

DEFAULT_MODEL: Final = "facebook/vjepa2-vitl-fpc64-256"

Precision = Literal["bf16", "fp16", "fp32"]


class VJepa2Options(Struct, frozen=True, kw_only=True):
    """What is left out is chosen by the hardware that is there."""

    model: str = DEFAULT_MODEL
    """A folder with `config.json` and weights, or a model's name on the hub."""
    revision: str | None = None
    """Which state of the model on the hub; the newest if left out."""
    window: int = 16
    """Samples that a row sees; even."""
    stride: int = 4
    """Samples from one row to the next."""
    device: str | None = None
    """`cpu`, `cuda` or `cuda:1`."""
    precision: Precision | None = None
    batch: int | None = None
    """Clips at once, to begin with."""
    compiled: bool = False
    """Whether the encoder is compiled at its first use, which takes a minute and pays over many videos."""

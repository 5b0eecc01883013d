# SPDX-License-Identifier: Apache-2.0
"""Choosing an embedder by its name; what the others need is not imported."""

from typing import Final

from ovpo.sop.embedders.interface import Embedder
from ovpo.sop.embedders.vjepa2.options import VJepa2Options
from ovpo.sop.errors import EmbeddingError

EXTRAS: Final = {"torch": "vjepa2", "transformers": "vjepa2", "safetensors": "vjepa2", "huggingface_hub": "vjepa2"}


def choose(name: str, vjepa2: VJepa2Options | None = None) -> Embedder:
    """Make the embedder of that name on the best hardware there is; the options are those of `vjepa2`."""
    maker = {"heuristic": _heuristic, "vjepa2": _vjepa2}
    if name not in maker:
        raise EmbeddingError(
            "unknown_embedder",
            f"there is no embedder {name!r}; choose one of {', '.join(maker)} "
            "(vjepa2 needs: pip install 'ovpo[vjepa2]')",
        )
    try:
        return maker[name](vjepa2 or VJepa2Options())
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in EXTRAS:
            raise
        raise EmbeddingError(
            "missing_extra",
            f"embedder {name} needs {package}, which is not installed; run: pip install 'ovpo[{EXTRAS[package]}]'",
        ) from error


def _heuristic(_: VJepa2Options) -> Embedder:
    from ovpo.sop.embedders.heuristic.embedder import Heuristic

    return Heuristic()


def _vjepa2(options: VJepa2Options) -> Embedder:
    from ovpo.sop.embedders.vjepa2.embedder import VJepa2

    return VJepa2(options)

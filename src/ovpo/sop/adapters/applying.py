# SPDX-License-Identifier: Apache-2.0
"""Putting rows through an adapter."""

from typing import Final

import msgspec
import numpy as np

from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.embedding import Embedding, Rows
from ovpo.sop.errors import AdapterError

ROWS_AT_ONCE: Final = 4096


def apply(adapter: Adapter, embedding: Embedding) -> Embedding:
    """Give the adapted embedding; zero rows, in which there was nothing to see, stay zero."""
    _check(adapter, embedding)
    scale = 1 / np.maximum(adapter.std, adapter.record.shrinking.eps)
    rows: Rows = np.empty(embedding.rows.shape, dtype=np.float32)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        raw = embedding.rows[start : start + ROWS_AT_ONCE]
        scores = (raw - adapter.mean) * scale
        lengths = np.sqrt(np.einsum("ij,ij->i", scores, scores))
        seen = raw.any(axis=1) & (lengths > 0)
        scores *= np.divide(1, lengths, out=np.zeros_like(lengths), where=seen)[:, None]
        rows[start : start + ROWS_AT_ONCE] = scores
    return Embedding(rows, msgspec.structs.replace(embedding.sidecar, adapter=adapter.record.name))


def _check(adapter: Adapter, embedding: Embedding) -> None:
    sidecar, name = embedding.sidecar, adapter.record.name
    if sidecar.adapter is not None:
        raise AdapterError(
            "already_adapted",
            f"the rows of {sidecar.video.name} went through {sidecar.adapter}; give its raw embedding",
        )
    for what in ("embedder", "version", "dims", "clips", "settings"):
        ours, theirs = getattr(adapter.record.maker, what), getattr(sidecar.maker, what)
        if ours != theirs:
            raise AdapterError(
                "other_maker",
                f"{name} was learnt from rows with {what} {ours}, those of {sidecar.video.name} have {theirs}; "
                "fit an adapter for this embedder and these settings",
            )

# SPDX-License-Identifier: Apache-2.0
"""Putting rows through an adapter."""

from typing import Final

import msgspec
import numpy as np

from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.embedding import Embedding, Rows, Sidecar, difference
from ovpo.sop.errors import AdapterError

ROWS_AT_ONCE: Final = 4096


def apply(adapter: Adapter, embedding: Embedding) -> Embedding:
    """Give the adapted embedding; zero rows, in which there was nothing to see, stay zero."""
    sidecar = embedding.sidecar
    if sidecar.adapter is not None:
        raise AdapterError(
            "already_adapted",
            f"the rows of {sidecar.video.name} went through {sidecar.adapter}; give its raw embedding",
        )
    refuse_other_maker(adapter, sidecar)
    scale = 1 / np.maximum(adapter.std, adapter.record.shrinking.eps)
    rows: Rows = np.empty(embedding.rows.shape, dtype=np.float32)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        raw = embedding.rows[start : start + ROWS_AT_ONCE]
        scores = (raw - adapter.mean) * scale
        lengths = np.sqrt(np.einsum("ij,ij->i", scores, scores))
        seen = raw.any(axis=1) & (lengths > 0)
        scores *= np.divide(1, lengths, out=np.zeros_like(lengths), where=seen)[:, None]
        rows[start : start + ROWS_AT_ONCE] = scores
    return Embedding(rows, msgspec.structs.replace(sidecar, adapter=adapter.record.name), embedding.rows)


def refuse_other_maker(adapter: Adapter, sidecar: Sidecar) -> None:
    """Raise AdapterError unless an adapter was learnt from rows like these."""
    if found := difference(adapter.record.maker, sidecar.maker):
        what, ours, theirs = found
        raise AdapterError(
            "other_maker",
            f"{adapter.record.name} was learnt from rows with {what} {ours}, those of {sidecar.video.name} have "
            f"{theirs}; fit or give an adapter of this embedder and these settings",
        )

# SPDX-License-Identifier: Apache-2.0
"""How a score lies in the object store: its result, the similarity matrix made compact, and the report beside them.

Everything that one attempt made lies under one prefix. A score's row points to one attempt; what lies under others is
nobody's and is removed when the row is.
"""

from io import BytesIO
from typing import Final
from uuid import UUID
from zipfile import BadZipFile

import msgspec
import numpy as np
from numpy.typing import NDArray

from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.foundation.objects.store import ObjectStore
from ovpo.sop.explain.matrix import Similarity, averaged
from ovpo.sop.records.keys import of_score
from ovpo.sop.result import Result

RESULT: Final = "result.json"
MATRIX: Final = "matrix.npz"
REPORT: Final = "report.pdf"
MOST_LINES: Final = 2048
"""The most rows, and columns, that are kept: more are averaged down, as no picture shows them. 8 minutes have fewer."""


def prefix_of(key: str) -> str:
    """Give the prefix that an object of an attempt lies under."""
    return key.rpartition("/")[0]


def all_attempts_of(tenant_id: str, score_id: UUID) -> str:
    """Give the prefix that everything lies under which was ever made of a score."""
    return prefix_of(of_score(tenant_id, score_id, "-"))


def save_result(objects: ObjectStore, prefix: str, result: Result) -> str:
    """Write a result; give its key."""
    key = f"{prefix}/{RESULT}"
    objects.put(key, msgspec.json.encode(result) + b"\n")
    return key


def load_result(objects: ObjectStore, key: str) -> Result:
    """Read a result."""
    return msgspec.json.decode(objects.get(key), type=Result)


def save_matrix(objects: ObjectStore, prefix: str, values: NDArray[np.float32], row_seconds: float) -> None:
    """Write a similarity matrix, a byte a cell between its lowest and its highest value."""
    small = averaged(values, MOST_LINES, MOST_LINES)
    low, high = float(small.min()), float(small.max())
    cells = np.rint((small - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)
    gold, trainee = (row_seconds * whole / kept for whole, kept in zip(values.shape, small.shape, strict=True))
    content = BytesIO()
    np.savez_compressed(content, allow_pickle=False, cells=cells, scale=np.array([low, high, gold, trainee]))
    objects.put(f"{prefix}/{MATRIX}", content.getvalue())


def load_matrix(objects: ObjectStore, result_key: str) -> Similarity | None:
    """Read the matrix beside a result; none where nothing was compared."""
    try:
        content = objects.get(f"{prefix_of(result_key)}/{MATRIX}")
    except ObjectNotFoundError:
        return None
    try:
        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            low, high, gold, trainee = map(float, arrays["scale"])
            values = arrays["cells"].astype(np.float32) * ((high - low) / 255) + low
    except (ValueError, KeyError, EOFError, OSError, BadZipFile):
        return None
    return Similarity(np.asarray(values, dtype=np.float32), gold, trainee)


def remove_attempt(objects: ObjectStore, prefix: str) -> None:
    """Remove what one attempt wrote."""
    for found in objects.list(f"{prefix}/"):
        objects.delete(found.key)


def remove_others(objects: ObjectStore, tenant_id: str, score_id: UUID, kept: str) -> None:
    """Remove what earlier attempts wrote, those of runs that died among them."""
    for found in objects.list(f"{all_attempts_of(tenant_id, score_id)}/"):
        if not found.key.startswith(f"{kept}/"):
            objects.delete(found.key)

# SPDX-License-Identifier: Apache-2.0
"""Alignment on the device: one matrix product for the similarities, one launch for the paths of all pairs.

For n gold rows and m others it takes 4.25 · n · m bytes of the device's memory and two copies of the rows; a pair that
does not fit raises AlignmentError("too_large"). Many pairs are taken in as many runs as fit. The product rounds by the
shape it is asked for, so a pair aligned alone and among others may differ where two paths cost the same but for 1e-7.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ovpo.sop.dtw.alignment import Alignment
from ovpo.sop.dtw.gpu import device
from ovpo.sop.dtw.gpu.geometry import LANES, TILING, Tiling, groups, layout
from ovpo.sop.dtw.gpu.kernels import kernels
from ovpo.sop.errors import AlignmentError

THREADS = 256


def align(gold: Any, trainee: Any, *, normalized: bool = False) -> Alignment:
    """Align two sequences of rows, NumPy's or on the device; say `normalized` where all are one long, or zero."""
    return align_many(gold, [trainee], normalized=normalized)[0]


def align_many(
    gold: Any, trainees: Sequence[Any], *, normalized: bool = False, tiling: Tiling = TILING
) -> list[Alignment]:
    """Align one gold sequence with many others."""
    if not trainees:
        return []
    _refuse_shapes(gold, trainees)
    rows, dims = gold.shape
    lengths = [len(trainee) for trainee in trainees]
    room = device.room() - 8 * rows * dims
    alignments: list[Alignment] = []
    try:
        gold = _prepared([gold], normalized, tiling)
        for group in groups(rows, lengths, dims, room, tiling):
            columns = [lengths[number] for number in group]
            need = layout(rows, columns, tiling).device_bytes
            if need > room:
                raise _too_large(rows, max(columns), need)
            alignments += _run(gold, [trainees[number] for number in group], normalized, tiling)
    except device.cupy().cuda.memory.OutOfMemoryError as error:
        need = layout(rows, [max(lengths)], tiling).device_bytes
        raise _too_large(rows, max(lengths), need) from error
    return alignments


def _run(gold: Any, trainees: Sequence[Any], normalized: bool, tiling: Tiling) -> list[Alignment]:
    others = _prepared(trainees, normalized, tiling)
    return cheapest_paths(device.cupy().dot(gold, others.T), [len(trainee) for trainee in trainees], tiling)


def cheapest_paths(similarity: Any, lengths: Sequence[int], tiling: Tiling = TILING) -> list[Alignment]:
    """Align by similarities on the device, the columns of all pairs side by side."""
    cupy, plan = device.cupy(), layout(similarity.shape[0], lengths, tiling)
    similarity = cupy.ascontiguousarray(similarity, cupy.float32)
    launch = kernels(tiling)
    starts = cupy.asarray(np.stack([plan.first_column, plan.first_step]))
    counts = cupy.zeros(plan.pairs * plan.blocks + 1, cupy.int32)
    edges = cupy.empty(plan.edges, cupy.float64)
    directions = cupy.empty(plan.directions, cupy.uint32)
    result = cupy.empty(plan.result_bytes, cupy.uint8)
    totals, begins, paths = plan.split(result)
    rows, strips = np.int32(plan.rows), np.int32(plan.strips)
    launch.wavefront(
        (plan.pairs * plan.blocks,),
        (LANES * tiling.warps,),
        (
            similarity,
            np.int64(plan.columns),
            rows,
            strips,
            np.int32(plan.blocks),
            *starts,
            edges,
            counts[1:],
            counts,
            directions,
            totals,
        ),
        shared_mem=tiling.shared_bytes,
    )
    launch.walk_back((plan.pairs,), (LANES,), (rows, strips, *starts, directions, paths, begins))
    totals, begins, paths = plan.split(cupy.asnumpy(result))
    pairs = paths.reshape(-1, 2)
    return [
        _alignment(float(totals[pair]), pairs[plan.place(pair)][int(begins[pair]) :].copy())
        for pair in range(plan.pairs)
    ]


def _alignment(total: float, path: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> Alignment:
    if not np.isfinite(total):
        raise AlignmentError("not_finite", "the rows hold a number that is not finite; embed the video again")
    return Alignment(path=path, mean_cost=total / len(path), total_cost=total)


def _prepared(sequences: Sequence[Any], normalized: bool, tiling: Tiling) -> Any:
    """Bring rows to the device, one sequence behind the other, each row one long."""
    cupy = device.cupy()
    if len(sequences) == 1:
        rows = sequences[0]
    elif all(isinstance(rows, np.ndarray) for rows in sequences):
        rows = np.concatenate(sequences)
    else:
        rows = cupy.concatenate([cupy.asarray(rows, cupy.float32) for rows in sequences])
    rows = cupy.ascontiguousarray(cupy.asarray(rows, cupy.float32))
    if normalized:
        return rows
    count, dims = rows.shape
    units = cupy.empty_like(rows)
    blocks = -(-count * LANES // THREADS)
    kernels(tiling).unit_rows((blocks,), (THREADS,), (rows, np.int64(count), np.int32(dims), units))
    return units


def _refuse_shapes(gold: Any, trainees: Sequence[Any]) -> None:
    for name, rows in [("gold", gold), *((f"trainees[{number}]", rows) for number, rows in enumerate(trainees))]:
        shape = tuple(rows.shape)
        if len(shape) != 2:
            raise AlignmentError(
                "not_two_dimensional", f"{name}: has the shape {shape}; give a table, a row for each clip"
            )
        if 0 in shape:
            raise AlignmentError("empty", f"{name}: has the shape {shape}; give at least one row of one number")
        if shape[1] != gold.shape[1]:
            raise AlignmentError(
                "width_mismatch",
                f"{name}: rows have {shape[1]} numbers, gold's have {gold.shape[1]}; embed both in the same way",
            )


def _too_large(rows: int, columns: int, need: int) -> AlignmentError:
    return AlignmentError(
        "too_large",
        f"{rows} gold rows by {columns} rows need {need / 2**30:.1f} GiB of the device's memory; align them on the CPU",
    )

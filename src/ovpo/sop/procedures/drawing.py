# SPDX-License-Identifier: Apache-2.0
"""Draws one report: the PDF, and its pictures with their data, from what lies in the object store.

Imports what decodes, draws and prints, so that whoever only lists reports must not import this.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Final

from msgspec import structs

from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.sop.errors import VideoError
from ovpo.sop.explain.bundle import write_bundle
from ovpo.sop.explain.evidence import Pair, Side, moments
from ovpo.sop.explain.pictures import drawn
from ovpo.sop.picturing import LONGEST_SIDE
from ovpo.sop.procedures.keeping import REPORT, RESULT, load_matrix, load_result, prefix_of
from ovpo.sop.records.rows import Video
from ovpo.sop.report.document import report
from ovpo.sop.result import Reason, Result
from ovpo.sop.video.pictures import pictures_at
from ovpo.sop.video.samples import Picture

PRINTING: Final = Lock()
"""The library that prints reads every paragraph with one parser of its own, so that threads take turns."""
Frames = dict[float, Picture]


def draw(copies: Copies, result_key: str, gold: Video | None, trainee: Video | None) -> str:
    """Draw a result and write everything beside it; give the key of the PDF, which is written last."""
    objects = copies.store
    result = load_result(objects, result_key)
    similarity = load_matrix(objects, result_key)
    golds, trainees = _frames(copies, gold, result, "gold"), _frames(copies, trainee, result, "trainee")
    pairs = tuple(_pairs(result, golds or {}, trainees or {}))
    pictures = drawn(result, similarity, pairs)
    with PRINTING:
        printed = report(_said(result, golds, trainees), pictures)
    with TemporaryDirectory(prefix="ovpo-report-") as folder:
        bundle = write_bundle(result, pictures, Path(folder) / "bundle")
        files = {file.name: file.read_bytes() for file in sorted(bundle.folder.iterdir()) if file.name != RESULT}
    prefix = prefix_of(result_key)
    for name, content in files.items():
        objects.put(f"{prefix}/{name}", content)
    objects.put(f"{prefix}/{REPORT}", printed)
    return f"{prefix}/{REPORT}"


def _frames(copies: Copies, video: Video | None, result: Result, side: Side) -> Frames | None:
    """Take the pictures of the evidence from a video; None where they cannot be had any more."""
    wanted = moments(result, side)
    if not wanted:
        return {}
    if video is None or video.shown_key is None:
        return None
    try:
        pictures = pictures_at(copies.file(video.shown_key), wanted, LONGEST_SIDE)
    except (ObjectNotFoundError, VideoError):
        return None
    return dict(zip(wanted, pictures, strict=True))


def _pairs(result: Result, golds: Frames, trainees: Frames) -> Iterator[Pair]:
    for number, deviation in enumerate(result.deviations, 1):
        at = deviation.evidence
        yield Pair(
            number=number,
            deviation=deviation,
            gold=None if at.gold is None else golds.get(at.gold),
            trainee=None if at.trainee is None else trainees.get(at.trainee),
        )


def _said(result: Result, golds: Frames | None, trainees: Frames | None) -> Result:
    """Say in what is printed which pictures are missing."""
    lost = [name for name, frames in (("gold", golds), ("trainee's", trainees)) if frames is None]
    if not lost:
        return result
    sentence = f"The {' and the '.join(lost)} video could not be read any more, so that its pictures are missing here."
    return structs.replace(result, reasons=(*result.reasons, Reason("no_pictures", sentence)))

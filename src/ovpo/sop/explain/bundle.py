# SPDX-License-Identifier: Apache-2.0
"""Puts a result and everything that explains it into a folder, which is there whole or not at all."""

import errno
import re
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Final

import msgspec

from ovpo.sop.errors import SopError
from ovpo.sop.explain.evidence import PairJson, pair_json
from ovpo.sop.explain.evidence_picture import evidence_png
from ovpo.sop.explain.pictures import Pictures
from ovpo.sop.result import Result

_OURS: Final = re.compile(r"(result|timeline|matrix|evidence)\.json|(timeline|matrix|evidence-\d{2,})\.png")
_TAKEN: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST})


@dataclass(frozen=True, slots=True)
class Bundle:
    """Where everything is; the matrix is absent where nothing could be compared."""

    folder: Path
    result: Path
    timeline: Path
    timeline_picture: Path
    matrix: Path | None
    matrix_picture: Path | None
    evidence: Path
    evidence_pictures: tuple[Path, ...]


def write_bundle(result: Result, pictures: Pictures, folder: Path) -> Bundle:
    """Write a folder, in place of an earlier bundle of that name; raise SopError where it holds anything else."""
    refuse_to_replace(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        for name, content in _files(result, pictures).items():
            (draft / name).write_bytes(content)
        draft.chmod(0o755)
        _put(draft, folder)
    finally:
        rmtree(draft, ignore_errors=True)
    return _bundle(folder, pictures)


def refuse_to_replace(folder: Path) -> None:
    """Raise SopError where a folder has something in it that no bundle has: it would be lost."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise SopError("folder_in_use", f"{folder} is a file; name a folder")
    for file in folder.iterdir():
        if not _OURS.fullmatch(file.name):
            raise SopError(
                "folder_in_use", f"{folder} holds {file.name}; name a new folder or that of an earlier result"
            )


def _files(result: Result, pictures: Pictures) -> dict[str, bytes]:
    files = {
        "result.json": _json(result),
        "timeline.json": _json(pictures.timeline),
        "timeline.png": pictures.timeline_png,
    }
    if pictures.matrix is not None and pictures.matrix_png is not None:
        files |= {"matrix.json": _json(pictures.matrix), "matrix.png": pictures.matrix_png}
    described: list[PairJson] = []
    for pair in pictures.pairs:
        name = _evidence(pair.number)
        files[name] = evidence_png(pair)
        described.append(pair_json(pair, name))
    files["evidence.json"] = _json(described)
    return files


def _put(draft: Path, folder: Path) -> None:
    while True:
        try:
            draft.rename(folder)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        else:
            return
        aside = Path(mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            folder.rename(aside)
        except FileNotFoundError:
            continue
        finally:
            rmtree(aside, ignore_errors=True)


def _bundle(folder: Path, pictures: Pictures) -> Bundle:
    compared = pictures.matrix is not None and pictures.matrix_png is not None
    return Bundle(
        folder=folder,
        result=folder / "result.json",
        timeline=folder / "timeline.json",
        timeline_picture=folder / "timeline.png",
        matrix=folder / "matrix.json" if compared else None,
        matrix_picture=folder / "matrix.png" if compared else None,
        evidence=folder / "evidence.json",
        evidence_pictures=tuple(folder / _evidence(pair.number) for pair in pictures.pairs),
    )


def _evidence(number: int) -> str:
    return f"evidence-{number:02d}.png"


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"

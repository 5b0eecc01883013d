# SPDX-License-Identifier: Apache-2.0
"""Calibrations as files beside the adapter whose rows they were measured on: `ADAPTER.calibration.json`.

A cosine means something else after another adapter, so a file names its adapter, and is read for that one only. Unlike
the adapter it may be replaced: by one that was learnt from more retakes.
"""

from math import isfinite
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.calibration.calibration import Calibration
from ovpo.sop.errors import AdapterError
from ovpo.sop.versioned import OtherVersionError, decode
from ovpo.sop.whole_files import replacing

SCHEMA_VERSION: Final = "1.0"
SUFFIX: Final = ".calibration.json"
_NUMBERS: Final = ("usual", "lowest", "same", "width", "again")


class _Stored(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema_version: str
    adapter: str
    calibration: Calibration


def path_of(adapter: Path) -> Path:
    """Say where the calibration of an adapter's `.npz` stands."""
    return adapter.with_name(f"{adapter.stem}{SUFFIX}")


def save(folder: Path, adapter: Adapter, calibration: Calibration) -> Path:
    """Write the calibration of an adapter into the folder that holds it, in place of an earlier one."""
    file = folder / f"{adapter.record.name}{SUFFIX}"
    _check(file, calibration)
    stored = _Stored(schema_version=SCHEMA_VERSION, adapter=adapter.record.name, calibration=calibration)
    try:
        with replacing(file) as draft:
            draft.write(msgspec.json.format(msgspec.json.encode(stored)) + b"\n")
    except OSError as error:
        raise AdapterError(
            "cannot_write", f"{file}: cannot be written ({error.strerror or error}); give the adapter's own folder"
        ) from error
    return file


def load(file: Path, adapter: Adapter) -> Calibration:
    """Read the calibration of an adapter; raise AdapterError for that of another one."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise AdapterError(
            "no_calibration", f"{file}: cannot be read ({error.strerror or error}); run ovpo sop calibrate"
        ) from error
    try:
        stored = decode(text, _Stored, SCHEMA_VERSION)
    except OtherVersionError as error:
        raise AdapterError(
            "schema_version",
            f"{file}: schema_version is {error.found}, and {SCHEMA_VERSION} is read here; calibrate again",
        ) from error
    except msgspec.DecodeError as error:
        raise AdapterError("bad_calibration", f"{file}: is no calibration ({error}); calibrate again") from error
    if stored.adapter != adapter.record.name:
        raise AdapterError(
            "other_adapter",
            f"{file}: adapter is {stored.adapter}, not {adapter.record.name}; calibrate for this adapter",
        )
    _check(file, stored.calibration)
    return stored.calibration


def _check(file: Path, calibration: Calibration) -> None:
    for name in _NUMBERS:
        value = getattr(calibration, name)
        if not isfinite(value) or not 0 < value <= 1:
            raise AdapterError(
                "bad_calibration", f"{file}: {name} is {value}, not above 0 and at most 1; calibrate again"
            )
    if calibration.pairs < 0 or not calibration.learnt_from:
        raise AdapterError("bad_calibration", f"{file}: does not say what it was learnt from; calibrate again")

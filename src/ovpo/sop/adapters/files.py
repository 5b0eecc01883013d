# SPDX-License-Identifier: Apache-2.0
"""Adapters as files: `feature_adapter_<utc time>_<id>.npz` and a sidecar, never overwritten.

The first holds mean and std; an adapter is there once its sidecar `….json` is, which is written last. Other files may
stand beside the two, such as `feature_adapter_<utc time>_<id>.calibration.json`.
"""

import re
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import msgspec
import numpy as np
from msgspec import Struct

from ovpo.sop.adapters.adapter import Adapter, Record, Role
from ovpo.sop.errors import AdapterError
from ovpo.sop.versioned import OtherVersionError, decode
from ovpo.sop.whole_files import creating

SCHEMA_VERSION: Final = "1.0"
NAME: Final = re.compile(r"feature_adapter_\d{8}T\d{6}Z_[a-z0-9]{4,32}")
STATISTICS: Final = {"mean", "std"}


class _Stored(Struct, frozen=True, kw_only=True):
    schema_version: str
    npz_sha256: str
    record: Record


def save(folder: Path, adapter: Adapter) -> Path:
    """Write a new version into a folder, which is made if need be; give the path of its `.npz`."""
    file = folder / f"{adapter.record.name}.npz"
    _check(file, adapter)
    content = BytesIO()
    np.savez(content, allow_pickle=False, mean=adapter.mean, std=adapter.std)
    statistics = content.getvalue()
    stored = _Stored(
        schema_version=SCHEMA_VERSION,
        npz_sha256=sha256(statistics).hexdigest(),
        record=adapter.record,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with creating(file) as draft:
            draft.write(statistics)
        with creating(_sidecar_of(file)) as draft:
            draft.write(msgspec.json.format(msgspec.json.encode(stored)))
    except FileExistsError as error:
        raise AdapterError(
            "already_there", f"{file}: is there already, and a version never changes; save under a new id"
        ) from error
    except OSError as error:
        raise AdapterError(
            "cannot_write", f"{file}: cannot be written ({error.strerror or error}); give a folder with room"
        ) from error
    return file


def load(file: Path) -> Adapter:
    """Read what `save` wrote, by the path of the `.npz`."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise AdapterError("missing", f"{file}: there is no such file; make one with ovpo sop fit") from None
    except OSError as error:
        raise AdapterError("bad_adapter", f"{file}: cannot be read ({error.strerror}); name an adapter") from error
    stored = _read_sidecar(_sidecar_of(file))
    try:
        if sha256(content).hexdigest() != stored.npz_sha256:
            raise AdapterError("changed", f"{file}: is not the file that its sidecar describes; fit a new adapter")
        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            if set(arrays.files) != STATISTICS:
                raise AdapterError("bad_adapter", f"{file}: holds {arrays.files}, not mean and std; fit a new adapter")
            adapter = Adapter(arrays["mean"], arrays["std"], stored.record)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise AdapterError("bad_adapter", f"{file}: cannot be read ({error}); fit a new adapter") from error
    _check(file, adapter)
    return adapter


def _sidecar_of(file: Path) -> Path:
    return file.with_suffix(".json")


def _read_sidecar(file: Path) -> _Stored:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise AdapterError(
            "no_sidecar", f"{file}: cannot be read ({error.strerror or error}); an adapter is of no use without it"
        ) from error
    try:
        return decode(text, _Stored, SCHEMA_VERSION)
    except OtherVersionError as error:
        raise AdapterError(
            "schema_version",
            f"{file}: schema_version is {error.found}, and {SCHEMA_VERSION} is read here; fit a new adapter",
        ) from error
    except msgspec.DecodeError as error:
        raise AdapterError("bad_sidecar", f"{file}: is no sidecar of an adapter ({error}); fit a new one") from error


def _check(file: Path, adapter: Adapter) -> None:
    record = adapter.record
    if record.name != file.stem or not NAME.fullmatch(record.name):
        raise AdapterError("bad_name", f"{file}: the sidecar's name is {record.name}; keep the name it was saved under")
    for name, values in (("mean", adapter.mean), ("std", adapter.std)):
        if values.dtype != np.float64 or values.shape != (record.maker.dims,):
            raise AdapterError(
                "bad_adapter",
                f"{file}: {name} is {values.dtype} {values.shape}, not {record.maker.dims} numbers in float64; "
                "fit a new adapter",
            )
        if not np.isfinite(values).all():
            raise AdapterError("bad_adapter", f"{file}: {name} is not finite everywhere; fit a new adapter")
    if not (adapter.std > 0).all() or not record.shrinking.eps > 0:
        raise AdapterError("bad_adapter", f"{file}: std and eps must be above 0; fit a new adapter")
    if not record.trained_on or any(video.role is not Role.GOLD for video in record.trained_on):
        raise AdapterError("not_gold", f"{file}: trained_on must name gold videos and no other; fit a new adapter")

# SPDX-License-Identifier: Apache-2.0
"""Adapters in the object store: the pair of files that `adapters.files` writes, under the tenant's own prefix."""

from pathlib import Path
from tempfile import TemporaryDirectory

from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.foundation.objects.store import ObjectStore
from ovpo.sop.adapters import files
from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.errors import AdapterError


def save(objects: ObjectStore, key: str, adapter: Adapter) -> None:
    """Write an adapter under the key of its statistics; the sidecar goes last, as an adapter is there once it is."""
    with TemporaryDirectory(prefix="ovpo-adapter-") as folder:
        file = files.save(Path(folder), adapter)
        objects.put(key, file.read_bytes())
        objects.put(sidecar_of(key), file.with_suffix(".json").read_bytes())


def load(objects: ObjectStore, key: str) -> Adapter:
    """Read what `save` wrote; raise AdapterError where it is not there or not sound."""
    with TemporaryDirectory(prefix="ovpo-adapter-") as folder:
        file = Path(folder) / key.rpartition("/")[2]
        try:
            file.write_bytes(objects.get(key))
            file.with_suffix(".json").write_bytes(objects.get(sidecar_of(key)))
        except ObjectNotFoundError as error:
            raise AdapterError("missing", f"adapter {key}: {error}; train a new one") from error
        return files.load(file)


def sidecar_of(key: str) -> str:
    """Name what stands beside the statistics and says what they are."""
    return f"{key.removesuffix('.npz')}.json"

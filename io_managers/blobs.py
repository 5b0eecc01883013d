# SPDX-License-Identifier: Apache-2.0
"""Feature adapters as outputs of assets: the files of each in the object store, and a manifest that names a window's.

An adapter's files never change; what a window holds is what its manifest says, which is replaced at once.
"""

import dagster as dg
import msgspec
import numpy as np
from msgspec import Struct

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.settings.tree import Settings
from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.records.keys import of_adapter
from ovpo.sop.training import adapter_objects

WHOLE = "all"
OfTenant = tuple[str, Adapter]


class BlobError(Exception):
    """Adapters cannot be kept or read as asked; the message names what and the remedy."""


class _Named(Struct, frozen=True):
    tenant_id: str
    key: str


class AdapterBlobs(dg.ConfigurableIOManager):
    """Outputs are lists of adapters, each with its tenant; a run over several windows gives them to the last."""

    settings: dg.ResourceDependency[Settings]

    def handle_output(self, context: dg.OutputContext, obj: list[OfTenant]) -> None:
        """Keep the adapters, then say which the windows hold."""
        store = self._store()
        named = [_kept(store, tenant_id, adapter) for tenant_id, adapter in obj]
        windows = context.asset_partition_keys if context.has_asset_partitions else [WHOLE]
        for window in windows:
            held = named if window == windows[-1] else []
            store.put(_manifest(context.asset_key, window), msgspec.json.encode(held))
        context.add_output_metadata({"adapters": len(named), "keys": [one.key for one in named]})

    def load_input(self, context: dg.InputContext) -> list[OfTenant]:
        """Read the adapters of the windows that the consumer's partition mapping asks for, in their order."""
        store = self._store()
        windows = context.asset_partition_keys if context.has_asset_partitions else [WHOLE]
        named = [one for window in windows for one in _held(store, context.asset_key, window)]
        return [(one.tenant_id, adapter_objects.load(store, one.key)) for one in named]

    def _store(self) -> ObjectStore:
        return open_objects(self.settings.objects, self.settings.query, self.settings.home)


def _kept(store: ObjectStore, tenant_id: str, adapter: Adapter) -> _Named:
    """Write an adapter unless it is there; what is there under its name must be the same."""
    key = of_adapter(tenant_id, adapter.record.name)
    if not store.exists(adapter_objects.sidecar_of(key)):
        adapter_objects.save(store, key, adapter)
    elif not _same(adapter_objects.load(store, key), adapter):
        raise BlobError(f"{key} is there with other content, and an adapter never changes; make it under another name")
    return _Named(tenant_id, key)


def _same(one: Adapter, other: Adapter) -> bool:
    return one.record == other.record and np.array_equal(one.mean, other.mean) and np.array_equal(one.std, other.std)


def _held(store: ObjectStore, asset: dg.AssetKey, window: str) -> list[_Named]:
    try:
        return msgspec.json.decode(store.get(_manifest(asset, window)), type=list[_Named])
    except ObjectNotFoundError as error:
        table = asset.to_user_string()
        raise BlobError(f"{table} does not hold window {window}; materialise it first") from error


def _manifest(asset: dg.AssetKey, window: str) -> str:
    return "/".join(["blobs", *asset.path, f"{window}.json"])

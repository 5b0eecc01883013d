# SPDX-License-Identifier: Apache-2.0
"""Tables of rows as Parquet objects: one a window below `tables/` in the object store, replaced atomically.

Arrays, weights and pictures do not belong here.
"""

from collections.abc import Sequence
from io import BytesIO

import dagster as dg
import polars as pl

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.settings.tree import Settings

WINDOW_COLUMN = "ovpo/window_column"
WHOLE = "all"


class TableError(Exception):
    """A table cannot be written or read as asked; the message names the table and the remedy."""


class ParquetTables(dg.ConfigurableIOManager):
    """One Parquet object per window; a run over a range of windows writes each, and inputs arrive as one lazy frame."""

    settings: dg.ResourceDependency[Settings]

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame) -> None:
        """Write the frame, split by the window column that the asset names in its metadata."""
        parts = _split(context, obj) if context.has_asset_partitions else [(WHOLE, obj)]
        store = self._store()
        for window, frame in parts:
            content = BytesIO()
            frame.write_parquet(content)
            store.put(_key(context.asset_key, window), content.getvalue())
        context.add_output_metadata(
            {"rows": obj.height, "files": len(parts), "dagster/uri": f"{self._url()}/{_prefix(context.asset_key)}"}
        )

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame:
        """Open the windows that the consumer's partition mapping asks for, and no others."""
        if not context.has_asset_partitions:
            return self.scan(context.asset_key, [WHOLE])
        asked = context.asset_partition_keys
        if (
            len(asked) > 1
            and not context.has_partition_key
            and asked == context.asset_partitions_def.get_partition_keys()
        ):
            raise TableError(
                f"{context.asset_key.to_user_string()} is asked for all of its {len(asked)} windows by a consumer that"
                " has none itself; give the input a LastPartitionMapping, or scan the windows it needs"
            )
        return self.scan(context.asset_key, asked)

    def scan(self, asset: dg.AssetKey, windows: Sequence[str]) -> pl.LazyFrame:
        """Read the given windows of a table as one lazy frame; of a cloud's objects there are local copies."""
        if not windows:
            raise TableError(f"table {asset.to_user_string()} does not hold any window; materialise it first")
        copies = Copies(self._store(), self.settings.home / "copies")
        files = []
        for window in windows:
            try:
                files.append(copies.file(_key(asset, window)))
            except ObjectNotFoundError as error:
                table = asset.to_user_string()
                raise TableError(f"table {table} does not hold window {window}; materialise it first") from error
        return pl.scan_parquet(files, glob=False)

    def _store(self) -> ObjectStore:
        return open_objects(self.settings.objects, self.settings.query, self.settings.home)

    def _url(self) -> str:
        return (self.settings.objects.url or (self.settings.home / "objects").as_uri()).rstrip("/")


def _prefix(asset: dg.AssetKey) -> str:
    return "/".join(["tables", *asset.path])


def _key(asset: dg.AssetKey, window: str) -> str:
    return f"{_prefix(asset)}/{window}.parquet"


def _split(context: dg.OutputContext, frame: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """Cut a frame into the windows of the run; an empty window keeps its columns, a row outside of all is an error."""
    windows, column = context.asset_partitions_def, str(context.definition_metadata.get(WINDOW_COLUMN))
    table = context.asset_key.to_user_string()
    if not isinstance(windows, dg.TimeWindowPartitionsDefinition) or column not in frame.columns:
        raise TableError(f"table {table} is cut by time; name the column of its windows in metadata {WINDOW_COLUMN!r}")
    keys = pl.col(column).dt.strftime(windows.fmt)
    files = [(window, frame.filter(keys == window)) for window in context.asset_partition_keys]
    strays = frame.height - sum(part.height for _, part in files)
    if strays:
        raise TableError(f"table {table} was given {strays} rows outside of the windows of the run; return only theirs")
    return files

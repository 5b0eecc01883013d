# SPDX-License-Identifier: Apache-2.0
"""Tables of rows as Parquet files: one file a window below OVPO_HOME/tables, replaced atomically.

Arrays, weights and pictures do not belong here.
"""

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import dagster as dg
import polars as pl

from ovpo.foundation.settings.tree import Settings

WINDOW_COLUMN = "ovpo/window_column"
WHOLE = "all"


class TableError(Exception):
    """A table cannot be written or read as asked; the message names the table and the remedy."""


class ParquetTables(dg.ConfigurableIOManager):
    """One Parquet file per window; a run over a range of windows writes each, and inputs arrive as one lazy frame."""

    settings: dg.ResourceDependency[Settings]

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame) -> None:
        """Write the frame, split by the window column that the asset names in its metadata."""
        files = _split(context, obj) if context.has_asset_partitions else [(WHOLE, obj)]
        for name, frame in files:
            _replace(self._file(context.asset_key, name), frame)
        context.add_output_metadata(
            {"rows": obj.height, "files": len(files), "dagster/uri": str(self._folder(context.asset_key))}
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
        """Read the given windows of a table as one lazy frame."""
        files = [self._file(asset, window) for window in windows]
        missing = [file.stem for file in files if not file.exists()]
        if missing or not files:
            wanted = f"window {missing[0]}" if missing else "any window"
            raise TableError(f"table {asset.to_user_string()} does not hold {wanted}; materialise it first")
        return pl.scan_parquet(files, glob=False)

    def _folder(self, asset: dg.AssetKey) -> Path:
        return self.settings.home.joinpath("tables", *asset.path)

    def _file(self, asset: dg.AssetKey, window: str) -> Path:
        return self._folder(asset) / f"{window}.parquet"


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


def _replace(target: Path, frame: pl.DataFrame) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        frame.write_parquet(scratch)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)

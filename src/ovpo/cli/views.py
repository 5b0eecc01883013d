# SPDX-License-Identifier: Apache-2.0
"""`ovpo views`: the questions to the list of traces that a tenant saved, asked of the query API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

import typer
from msgspec import Struct

from ovpo.cli.listing import Listing, show_whole
from ovpo.cli.options import As, Key, Server, connected
from ovpo.cli.output import Column, Output


class View(Struct, frozen=True):
    """A saved view."""

    view_id: str
    name: str
    query: dict[str, str]
    created_by: str
    created_at: datetime
    updated_at: datetime


COLUMNS: Final[Sequence[Column[View]]] = (
    Column("view_id", lambda view: view.view_id, heading="id"),
    Column("name", lambda view: view.name),
    Column("query", lambda view: urlencode(view.query, safe=">=<,")),
    Column("created_by", lambda view: view.created_by, heading="saved by"),
    Column("created_at", lambda view: view.created_at, in_table=False),
    Column("updated_at", lambda view: view.updated_at, heading="changed"),
)

app = typer.Typer(help="Look at saved views of the list of traces.", no_args_is_help=True)


@app.callback()
def views() -> None:
    """Look at saved views of the list of traces."""


@app.command("list")
def list_views(output: As = Output.TABLE, server: Server = None, key: Key = None) -> None:
    """List the views that your tenant saved, by name.

    Example: `ovpo views list -o json`
    """
    listing = Listing("/v1/views", "views", View, COLUMNS, "No views are saved.")
    with connected(server, key) as api:
        show_whole(api, listing, output)

# SPDX-License-Identifier: Apache-2.0
"""`ovpo openapi`: the descriptions of the HTTP APIs as files, for programs that make clients of them."""

from pathlib import Path
from typing import Annotated

import typer

from ovpo.cli.exits import CommandError

Folder = Annotated[Path, typer.Argument(file_okay=False, help="Where the files lie, such as docs/openapi.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 when a file is not up to date.")]

app = typer.Typer(help="Describe the HTTP APIs (OpenAPI 3.1).", no_args_is_help=True)


@app.callback()
def openapi() -> None:
    """Describe the HTTP APIs (OpenAPI 3.1)."""


@app.command()
def export(folder: Folder, check: Check = False) -> None:
    """Write collector.json, query.json and sop.json into a folder, or check that they are there and up to date.

    They are made from the code alone: nothing has to run, and no setting is read.
    """
    from ovpo.services import openapi as documents

    if not check:
        for file in documents.export(folder):
            typer.echo(file)
        return
    if old := documents.outdated(folder):
        named = ", ".join(map(str, old))
        raise CommandError(f"not what the code describes: {named}; run: ovpo openapi export {folder}")

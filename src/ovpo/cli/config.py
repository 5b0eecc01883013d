# SPDX-License-Identifier: Apache-2.0
"""`ovpo config`: what is set, by what, and which settings there are."""

from typing import Any

import typer
from pydantic import BaseModel
from rich.table import Table

from ovpo.cli import show as look
from ovpo.foundation.observability.redact import redact_text
from ovpo.foundation.settings.example import render
from ovpo.foundation.settings.faults import is_secret, leaves, variable
from ovpo.foundation.settings.load import load, origins

MASK = "********"

app = typer.Typer(help="Look at the settings.", no_args_is_help=True)


@app.command()
def show() -> None:
    """Print every setting with its value and where it came from; secrets are masked.

    Settings come, the strongest first, from the environment, `.env`, `ovpo.toml`, and the passwords that the embedded
    stack generated in `OVPO_HOME/secrets.toml`. A wrong one is reported here as it would be at a start.
    """
    settings, given = load(), origins()
    table = Table(box=None, header_style="bold")
    for heading in ("setting", "value", "from"):
        table.add_column(heading, overflow="fold")
    for path, field in leaves():
        value = _value(settings, path)
        shown = (MASK if value.get_secret_value() else "") if is_secret(field) else redact_text(_text(value))
        table.add_row(variable(path), shown, given.get(".".join(path), "default"))
    look.console().print(table)


@app.command()
def example() -> None:
    """Print every setting with its default and what it takes, in the form of `.env`."""
    typer.echo(render(), nl=False)


def _value(tree: BaseModel, path: tuple[str, ...]) -> Any:
    node: Any = tree
    for name in path:
        node = getattr(node, name)
    return node


def _text(value: object) -> str:
    return "" if value is None else str(value)

# SPDX-License-Identifier: Apache-2.0
"""The command's root: its families of subcommands, and the one place where an error becomes a line and an exit code."""

import io
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group_from_info
from typer.models import TyperInfo

from ovpo.cli.exits import EPILOG, CommandError, Exit
from ovpo.foundation.broker.errors import BrokerError
from ovpo.foundation.settings.faults import SettingsError
from ovpo.foundation.stack.errors import StackError

if TYPE_CHECKING:
    from typer._click import Command, Context

FAMILIES: Final = {
    "up": ("stack", "up"),
    "down": ("stack", "down"),
    "status": ("stack", "status"),
    "logs": ("stack", "logs"),
    "demo": ("demo", "demo"),
    "ping": ("ping", "ping"),
    "traces": ("traces", "app"),
    "analytics": ("analytics", "app"),
    "costs": ("costs", "app"),
    "views": ("views", "app"),
    "alerts": ("alerts", "app"),
    "tenants": ("tenants", "app"),
    "keys": ("keys", "app"),
    "audit": ("audit", "app"),
    "artifacts": ("artifacts", "app"),
    "dlq": ("dlq", "app"),
    "compliance": ("compliance", "app"),
    "sop": ("sop", "app"),
    "schema": ("schema", "app"),
    "openapi": ("openapi", "app"),
    "config": ("config", "app"),
    "serve": ("serve", "serve"),
    "run": ("serve", "run"),
}
"""Each subcommand, in the order of the help: the module of this package that has it, and its name there."""


class Families(TyperGroup):
    """The subcommands, of which only the one that is called is imported: all take more than a second, one a third."""

    def list_commands(self, ctx: "Context") -> list[str]:  # noqa: ARG002
        """Name them."""
        return list(FAMILIES)

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":  # noqa: ARG002
        """Import one."""
        if cmd_name not in FAMILIES:
            return None
        module, name = FAMILIES[cmd_name]
        found = getattr(import_module(f"ovpo.cli.{module}"), name)
        if isinstance(found, typer.Typer):
            return _group(found, cmd_name)
        alone = typer.Typer()
        alone.command(cmd_name)(found)
        return _group(alone, cmd_name).commands[cmd_name]


def _group(app: typer.Typer, name: str) -> TyperGroup:
    info = TyperInfo(app, name=name)
    return get_group_from_info(info, pretty_exceptions_short=False, rich_markup_mode="markdown", suggest_commands=True)


app = typer.Typer(
    name="ovpo",
    cls=Families,
    help="The Open Video Pipeline Observatory. Begin with `ovpo up`; `ovpo COMMAND --help` explains each command.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@app.callback()
def root() -> None:
    """Stand for the command as a whole, which does nothing by itself."""


def run() -> None:
    """Run the command; what a person can mend is one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(Exit.USAGE)
    except CommandError as error:
        sys.stderr.write(f"ovpo: {error}\n")
        sys.exit(error.code)
    except (StackError, BrokerError) as error:
        sys.stderr.write(f"ovpo: {error}\n")
        sys.exit(Exit.FAILED)


if __name__ == "__main__":
    run()

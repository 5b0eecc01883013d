# SPDX-License-Identifier: Apache-2.0
"""The command's root: its families of subcommands, and the one place where an error becomes a line and an exit code."""

import sys

import typer

from ovpo.cli import config, demo, dlq, schema, serve, stack
from ovpo.foundation.broker.errors import BrokerError
from ovpo.foundation.settings.faults import SettingsError
from ovpo.foundation.stack.errors import StackError

USAGE = 2
FAILED = 1

app = typer.Typer(
    name="ovpo",
    help="The Open Video Pipeline Observatory. Begin with `ovpo up`; `ovpo COMMAND --help` explains each command.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)
app.command("up")(stack.up)
app.command("down")(stack.down)
app.command("status")(stack.status)
app.command("logs")(stack.logs)
app.command("demo")(demo.demo)
app.add_typer(config.app, name="config")
app.add_typer(schema.app, name="schema")
app.add_typer(dlq.app, name="dlq")
app.command("serve")(serve.serve)
app.command("run")(serve.run)


def run() -> None:
    """Run the command; what a person can mend is one line on standard error."""
    try:
        app()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(USAGE)
    except (StackError, BrokerError) as error:
        sys.stderr.write(f"ovpo: {error}\n")
        sys.exit(FAILED)


if __name__ == "__main__":
    run()

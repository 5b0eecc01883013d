# SPDX-License-Identifier: Apache-2.0
"""`ovpo serve NAME`: one service in this process, until it is told to stop."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from ovpo.foundation.http.serve import Listen
from ovpo.foundation.http.serve import serve as serve_app
from ovpo.foundation.observability import logs
from ovpo.foundation.settings.load import load

STOP_SHARE = 0.8


class Service(StrEnum):
    """The services that there are."""

    QUERY = "query"


def serve(name: Annotated[Service, typer.Argument(help="Which service to run.")]) -> None:
    """Run one service in the foreground, as a container would; `ovpo up` runs all of them."""
    from ovpo.telemetry.query import app as query

    settings = load()
    logs.configure(settings.log, name.value)
    listen = Listen(settings.query.host, settings.query.port, "OVPO_QUERY__HOST", "OVPO_QUERY__PORT")
    sys.exit(
        serve_app(query.create(settings), listen, stop_within_seconds=settings.stack.stop_timeout_seconds * STOP_SHARE)
    )

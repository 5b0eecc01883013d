# SPDX-License-Identifier: Apache-2.0
"""`ovpo serve NAME` and `ovpo run NAME`: one service or worker in this process, until it is told to stop."""

import sys
from enum import StrEnum
from typing import Annotated, assert_never

import typer
from fastapi import FastAPI

from ovpo.foundation.http.serve import Listen
from ovpo.foundation.http.serve import serve as serve_app
from ovpo.foundation.observability import logs
from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import Settings

STOP_SHARE = 0.8


class Service(StrEnum):
    """The services that there are."""

    QUERY = "query"
    COLLECTOR = "collector"
    SOP = "sop"


class Worker(StrEnum):
    """The workers that there are; each also tells its state and numbers over HTTP."""

    PROCESSOR = "processor"


def serve(name: Annotated[Service, typer.Argument(help="Which service to run.")]) -> None:
    """Run one service in the foreground, as a container would; `ovpo up` runs all of them."""
    _until_stopped(name)


def run(name: Annotated[Worker, typer.Argument(help="Which worker to run.")]) -> None:
    """Run one worker in the foreground; any number of a kind may run, each with a port of its own.

    A second processor beside the stack's: `OVPO_PROCESSOR__PORT=8005 ovpo run processor`
    """
    _until_stopped(name)


def _until_stopped(name: Service | Worker) -> None:
    settings = load()
    logs.configure(settings.log, name.value)
    app, listen = _service(name, settings)
    sys.exit(serve_app(app, listen, stop_within_seconds=settings.stack.stop_timeout_seconds * STOP_SHARE))


def _service(name: Service | Worker, settings: Settings) -> tuple[FastAPI, Listen]:
    """Import and make one service only, so that none pays for what the others import."""
    match name:
        case Service.QUERY:
            from ovpo.services import query

            at = settings.query
            return query.create(settings), Listen(at.host, at.port, "OVPO_QUERY__HOST", "OVPO_QUERY__PORT")
        case Service.COLLECTOR:
            from ovpo.telemetry.collector import app as collector

            to = settings.collector
            return collector.create(settings), Listen(to.host, to.port, "OVPO_COLLECTOR__HOST", "OVPO_COLLECTOR__PORT")
        case Service.SOP:
            from ovpo.services import sop

            on = settings.sop
            return sop.create(settings), Listen(on.host, on.port, "OVPO_SOP__HOST", "OVPO_SOP__PORT")
        case Worker.PROCESSOR:
            from ovpo.telemetry.processor import app as processor

            by = settings.processor
            return processor.create(settings), Listen(by.host, by.port, "OVPO_PROCESSOR__HOST", "OVPO_PROCESSOR__PORT")
        case _:
            assert_never(name)

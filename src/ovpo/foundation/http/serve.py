# SPDX-License-Identifier: Apache-2.0
"""Run an app in this process until it is told to stop: socket, signals, the bound on stopping, the exit code."""

import asyncio
import errno
import logging
import os
import signal
import socket
import threading
from dataclasses import dataclass
from typing import Final

import structlog
from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from hypercorn.utils import LifespanFailureError, LifespanTimeoutError
from starlette.types import ASGIApp

from ovpo.foundation.http import stopping

_log: Final = structlog.stdlib.get_logger(__name__)
_BACKLOG: Final = 1024
_REQUESTS_SHARE: Final = 0.6
_CLOSING_SHARE: Final = 0.3
_STOPPED: Final = 0
_FAILED: Final = 1


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a service listens, and the settings that say so, to be named when it cannot."""

    host: str
    port: int
    host_setting: str
    port_setting: str


class ListenError(Exception):
    """The address cannot be listened on; the message says which setting to change."""


def serve(app: ASGIApp, listen: Listen, *, stop_within_seconds: float) -> int:
    """Serve until SIGTERM or SIGINT, let running requests end within the bound, give the process's exit code."""
    try:
        server = bind(listen)
    except ListenError as error:
        _log.error(str(error))
        return _FAILED
    try:
        return asyncio.run(_run(app, server, stop_within_seconds))
    except (LifespanFailureError, LifespanTimeoutError) as error:
        _log.error("service.not_started", reason=str(error))
        return _FAILED


def bind(listen: Listen) -> socket.socket:
    """Take the address before anything else is started, listening at once so that nobody else can have it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        server = socket.socket(family, kind, protocol)
        try:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.bind(address)
            server.listen(_BACKLOG)
        except OSError:
            server.close()
            raise
    except OSError as error:
        raise ListenError(_remedy(listen, error)) from error
    return server


def _remedy(listen: Listen, error: OSError) -> str:
    where = f"Cannot listen on {listen.host}:{listen.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: another program uses the port; stop it, or set {listen.port_setting} to a free port"
    if error.errno == errno.EACCES:
        return f"{where}: this user may not; set {listen.port_setting} to a port of 1024 or above"
    return f"{where}: {error.strerror or error}; set {listen.host_setting} to an address of this machine"


async def _run(app: ASGIApp, server: socket.socket, stop_within: float) -> int:
    stop = asyncio.Event()
    force = threading.Timer(stop_within, _stop_by_force, args=(stop_within,))
    force.daemon = True

    def ask_to_stop(name: str) -> None:
        if not stop.is_set():
            _log.info("service.stopping", signal=name, within_seconds=stop_within)
            stopping.tell(app)
            stop.set()
            force.start()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask_to_stop, number.name)
    await hypercorn_serve(app, _config(server, stop_within), shutdown_trigger=stop.wait, mode="asgi")  # type: ignore[arg-type]
    force.cancel()
    _log.info("service.stopped")
    return _STOPPED


def _config(server: socket.socket, stop_within: float) -> Config:
    config = Config()
    config.bind = [f"fd://{server.detach()}"]
    config.backlog = _BACKLOG
    config.errorlog = logging.getLogger("hypercorn.error")
    config.accesslog = None
    config.include_server_header = False
    config.graceful_timeout = stop_within * _REQUESTS_SHARE
    config.shutdown_timeout = stop_within * _CLOSING_SHARE
    return config


def _stop_by_force(stop_within: float) -> None:
    """End a process that something keeps from ending: a request that ignores its cancelling, a thread that hangs."""
    _log.error("service.stopped_by_force", after_seconds=stop_within)
    os._exit(_FAILED)

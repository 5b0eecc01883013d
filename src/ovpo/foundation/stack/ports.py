# SPDX-License-Identifier: Apache-2.0
"""Is a port free? A taken one is said with who has it and which setting moves ours."""

import errno
import socket
from collections.abc import Iterable

import psutil

from ovpo.foundation.stack.errors import StackError
from ovpo.foundation.stack.parts.kinds import Listener, Part, Process


def require_free(parts: Iterable[Part]) -> None:
    """Insist that every port that the parts listen on is free, and that no two want the same."""
    wanted: dict[tuple[str, int], str] = {}
    for part in parts:
        if not isinstance(part, Process) or part.listener is None:
            continue
        where = part.listener
        if other := wanted.get((where.host, where.port)):
            raise StackError(f"port {where.port} is set for two parts; change {where.variable} or {other}")
        wanted[where.host, where.port] = where.variable
        _require_free(where, part.title)


def _require_free(where: Listener, title: str) -> None:
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((where.host, where.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StackError(
                    f"port {where.port} for {title} is taken{_owner(where.port)}; stop that or set {where.variable}"
                ) from error
            raise StackError(
                f"{title} cannot listen on {where.host}:{where.port}: {error.strerror}; set {where.variable}"
            ) from error


def _owner(port: int) -> str:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return ""
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.pid and connection.laddr[1:2] == (port,):
            try:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.NoSuchProcess:
                return ""
    return ""

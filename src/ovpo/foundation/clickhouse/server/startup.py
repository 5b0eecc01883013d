# SPDX-License-Identifier: Apache-2.0
"""What must hold before the server starts: its folder, its password, its port, each with one clear fault."""

import errno
import fcntl
import os
import socket
from pathlib import Path

from ovpo.foundation.clickhouse.server.options import Options

_PROBE_BYTES = 1 << 20


class CannotStartError(Exception):
    """One line that names the option and the remedy."""


def read_password(path: Path) -> str:
    """The password in a file; a line break at its end is no part of it."""
    try:
        password = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStartError(
            f"--password-file {path}: cannot be read ({error}). Name a readable text file."
        ) from error
    if not password:
        raise CannotStartError(f"--password-file {path}: is empty. Write the password into it.")
    return password


def hold_folder(path: Path) -> int:
    """Make the data folder and lock it for this process; the lock ends with the process, however it ends."""
    if any(mark in str(path) for mark in "*?{}[]"):
        raise CannotStartError(
            f"--path {path}: the engine takes * ? {{ }} [ ] in a path for a pattern. Choose another folder."
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStartError(f"--path {path}: {folder_fault(error)}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(lock)
        raise CannotStartError(
            f"--path {path}: another server (pid {holder}) holds this data folder. Stop it, or choose another folder."
        ) from error
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        _probe(path)
    except OSError as error:
        os.close(lock)
        raise CannotStartError(f"--path {path}: {folder_fault(error)}") from error
    return lock


def listen(options: Options) -> socket.socket:
    """The listening socket on exactly the address that was asked for."""
    where = f"--host {options.host} --port {options.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotStartError(f"{where}: is no address of this machine ({error}). Choose another --host.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStartError(
                f"{where}: the port is in use. Stop what listens there, or choose another --port."
            ) from error
        raise CannotStartError(
            f"{where}: cannot listen ({error.strerror}). Choose another --host or --port."
        ) from error
    return listener


def _probe(path: Path) -> None:
    """Write a mebibyte and take it back, so that a full disk is told at once and not by a broken insert."""
    probe = path / "write.probe"
    try:
        with probe.open("wb") as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    finally:
        probe.unlink(missing_ok=True)


def folder_fault(error: OSError) -> str:
    """What is wrong with a data folder, and the remedy."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full. Free some space, or choose another folder."
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return "this user may not write there. Change its owner or mode, or choose another folder."
    return f"cannot be used as a data folder ({error.strerror}). Choose another folder."

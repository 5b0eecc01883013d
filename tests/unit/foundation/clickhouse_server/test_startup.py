# SPDX-License-Identifier: Apache-2.0
"""What keeps the server from starting is told in one line with the option and the remedy."""

import errno
import os
import socket
from pathlib import Path

import pytest

from ovpo.foundation.clickhouse.server.options import Options, parse_options
from ovpo.foundation.clickhouse.server.startup import CannotStartError, folder_fault, hold_folder, listen, read_password


def options(port: int) -> Options:
    return parse_options(["--path", "x", "--password-file", "y", "--port", str(port)])


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    assert options(9000).host == "127.0.0.1"


def test_a_busy_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(
            CannotStartError, match=rf"--port {port}: the port is in use. Stop .* or choose another --port"
        ):
            listen(options(port))


def test_a_folder_is_held_by_one_and_free_when_its_holder_is_gone(tmp_path: Path) -> None:
    lock = hold_folder(tmp_path)
    with pytest.raises(CannotStartError, match=rf"--path .*pid {os.getpid()}.* holds this data folder"):
        hold_folder(tmp_path)
    os.close(lock)
    os.close(hold_folder(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["server.lock"]


@pytest.mark.parametrize("path", ["/proc/nowhere", "/dev/null"])
def test_an_unusable_folder_is_told(path: str) -> None:
    with pytest.raises(CannotStartError, match=r"--path .*[Cc]hoose another folder"):
        hold_folder(Path(path))


def test_a_full_disk_is_told() -> None:
    assert folder_fault(OSError(errno.ENOSPC, "No space left on device")).startswith("the disk is full. Free some")


def test_a_path_the_engine_would_misread_is_refused() -> None:
    with pytest.raises(CannotStartError, match="for a pattern"):
        hold_folder(Path("/tmp/what?"))


def test_the_password_file_is_read_without_its_line_break(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s e cret\n")
    assert read_password(file) == "s e cret"
    file.write_text("\n")
    with pytest.raises(CannotStartError, match=r"--password-file .*is empty. Write"):
        read_password(file)
    with pytest.raises(CannotStartError, match=r"--password-file .*cannot be read"):
        read_password(tmp_path / "missing")


@pytest.mark.parametrize("arguments", [["--port", "0"], ["--port", "70000"], ["--max-queries", "0"], []])
def test_nonsense_on_the_command_line_is_refused(arguments: list[str]) -> None:
    needed = ["--path", "x", "--password-file", "y"] if arguments else []
    with pytest.raises(SystemExit) as refused:
        parse_options([*needed, *arguments])
    assert refused.value.code == 2

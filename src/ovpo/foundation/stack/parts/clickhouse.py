# SPDX-License-Identifier: Apache-2.0
"""The embedded ClickHouse: our HTTP process over the engine of the wheel `chdb`."""

import sys

from ovpo.foundation.clickhouse.connect import describe
from ovpo.foundation.settings.tree import LOOPBACK, ClickHouse
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts.configuration import write_private
from ovpo.foundation.stack.parts.kinds import Listener, Process
from ovpo.foundation.stack.wheels import package_folder

NAME = "clickhouse"
VARIABLE = "OVPO_CLICKHOUSE__URL"
MODULE = "ovpo.foundation.clickhouse.server"


def clickhouse(settings: ClickHouse, home: Home) -> Process:
    """Describe the server."""
    package_folder("chdb", "chdb", VARIABLE)
    password_file = home.run / "clickhouse.password"
    data = home.data(NAME)

    def prepare() -> None:
        data.mkdir(exist_ok=True)
        write_private(password_file, settings.password.get_secret_value())

    options = {
        "--path": str(data),
        "--host": LOOPBACK,
        "--port": str(settings.port),
        "--user": settings.user,
        "--password-file": str(password_file),
    }
    return Process(
        name=NAME,
        title="ClickHouse (chDB)",
        command=(sys.executable, "-m", MODULE, *(word for pair in options.items() for word in pair)),
        listener=Listener(LOOPBACK, settings.port, "OVPO_CLICKHOUSE__PORT"),
        ready=lambda: describe(settings.model_copy(update={"database": "default"})),
        address=f"http://{LOOPBACK}:{settings.port}",
        prepare=prepare,
    )

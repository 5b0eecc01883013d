# SPDX-License-Identifier: Apache-2.0
"""The process: start in order, serve until a signal, stop in order. `--help` teaches its options."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from hypercorn.asyncio import serve
from hypercorn.config import Config

from ovpo.foundation.clickhouse.server.app import build
from ovpo.foundation.clickhouse.server.engine import Engine, EngineUnavailableError
from ovpo.foundation.clickhouse.server.journal import configure, note
from ovpo.foundation.clickhouse.server.options import Options, parse_options
from ovpo.foundation.clickhouse.server.protocol import Account
from ovpo.foundation.clickhouse.server.service import Limits, Service
from ovpo.foundation.clickhouse.server.spool import Spool
from ovpo.foundation.clickhouse.server.startup import CannotStartError, hold_folder, listen, read_password

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

_GRACE_SECONDS = 3.0
_LAST_SECONDS = 2.0
_KEEP_ALIVE_SECONDS = 60.0
_LONGEST_HEAD = 1 << 20


def main(arguments: Sequence[str]) -> int:
    """Run the server; the exit code of the process."""
    options = parse_options(arguments)
    configure()
    try:
        return _serve(options)
    except CannotStartError as fault:
        sys.stderr.write(f"{fault}\n")
    except EngineUnavailableError as fault:
        folder = options.path / "engine"
        sys.stderr.write(
            f"--path {options.path}: the engine cannot open {folder} ({fault}). "
            "Stop any other program that uses it, or choose another folder.\n"
        )
    return 1


def _serve(options: Options) -> int:
    password = read_password(options.password_file)
    lock = hold_folder(options.path.absolute())
    listener = listen(options)
    folder = options.path.absolute()
    spool = Spool(folder / "spool")
    swept = spool.sweep()
    engine = Engine(folder / "engine")
    limits = Limits(options.max_queries, options.max_waiting, options.max_body_bytes)
    service = Service(engine, spool, Account(options.user, password), limits)
    note("listening", host=options.host, port=options.port, version=engine.identity.version, swept=swept)
    ended = asyncio.run(_until_signal(service, _config(listener.detach())))
    if not ended:
        note("stopped_hard", remedy="A query did not end when cancelled; its process ends now, committed data is safe.")
        os._exit(0)
    engine.close()
    os.close(lock)
    note("stopped")
    return 0


async def _until_signal(service: Service, config: Config) -> bool:
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    stopped: list[bool] = []

    async def stop() -> None:
        await asked.wait()
        stopped.append(await service.stop(_GRACE_SECONDS, _LAST_SECONDS))

    await serve(cast("ASGIFramework", build(service)), config, shutdown_trigger=stop)
    return bool(stopped and stopped[0])


def _config(listener: int) -> Config:
    config = Config()
    config.bind = [f"fd://{listener}"]
    config.h11_max_incomplete_size = _LONGEST_HEAD
    config.keep_alive_timeout = _KEEP_ALIVE_SECONDS
    config.graceful_timeout = 1.0
    config.loglevel = "WARNING"
    config.include_server_header = False
    return config


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

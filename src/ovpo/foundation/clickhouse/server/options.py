# SPDX-License-Identifier: Apache-2.0
"""The command line of the embedded ClickHouse, parsed into one typed object."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_DESCRIPTION = (
    "A small server that speaks ClickHouse's HTTP protocol over the embedded chDB engine. "
    "One process owns the data folder; any ClickHouse HTTP client can talk to it, for example: "
    "clickhouse_connect.get_client(host='127.0.0.1', port=8123, username='ovpo', password='...')."
)
_EPILOG = (
    "SIGTERM or SIGINT stop it: running queries get three seconds to end, then they are cancelled. "
    "Data of acknowledged inserts survives a crash of the process."
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the process was told."""

    path: Path
    host: str
    port: int
    user: str
    password_file: Path
    max_queries: int
    max_waiting: int
    max_body_bytes: int


def parse_options(arguments: Sequence[str]) -> Options:
    """Read the command line; argparse prints help and faults and leaves the process."""
    parser = argparse.ArgumentParser("ovpo.foundation.clickhouse.server", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--path", type=Path, required=True, help="data folder; made when missing")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8123, help="port to listen on (default: %(default)s)")
    parser.add_argument("--user", default="ovpo", help="the one user who may send queries (default: %(default)s)")
    parser.add_argument("--password-file", type=Path, required=True, help="file that holds that user's password")
    parser.add_argument(
        "--max-queries", type=_positive, default=8, help="queries that run at once (default: %(default)s)"
    )
    parser.add_argument(
        "--max-waiting", type=_positive, default=64, help="queries that wait for a place (default: %(default)s)"
    )
    parser.add_argument(
        "--max-body-bytes",
        type=_positive,
        default=1 << 30,
        help="largest request body, decompressed (default: %(default)s)",
    )
    return Options(**vars(parser.parse_args(arguments)))


def _port(text: str) -> int:
    number = int(text)
    if not 0 < number < 1 << 16:
        raise argparse.ArgumentTypeError(f"{text} is not a port from 1 to 65535")
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number

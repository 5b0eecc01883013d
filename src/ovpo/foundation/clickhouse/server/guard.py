# SPDX-License-Identifier: Apache-2.0
"""The rule that a statement stays inside the data folder: no host files, no programs, no other hosts, no shutdown.

The engine runs without a server's file sandbox (its user may read any path), so names are refused before it sees them.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from ovpo.foundation.clickhouse.server.errors import QueryError, access_denied
from ovpo.foundation.clickhouse.server.tokens import Kind, Token

DENIED_NAMES = frozenset(
    {
        "arrowflight",
        "arrowstream",
        "backup",
        "bigquery",
        "catboostevaluate",
        "datalakecatalog",
        "disk",
        "embeddedrocksdb",
        "executable",
        "executablepool",
        "file",
        "filecluster",
        "filelog",
        "filesystem",
        "gcs",
        "http",
        "jdbc",
        "kafka",
        "mongodb",
        "mysql",
        "nats",
        "odbc",
        "overlay",
        "postgresql",
        "python",
        "rabbitmq",
        "redis",
        "remote",
        "remotesecure",
        "sqlite",
        "yamlregexptree",
    }
)
DENIED_FAMILIES = (
    "azureblobstorage",
    "azurequeue",
    "cosn",
    "deltalake",
    "hdfs",
    "hive",
    "hudi",
    "iceberg",
    "materializedmysql",
    "materializedpostgresql",
    "oss",
    "paimon",
    "s3",
    "url",
    "ytsaurus",
)
_DENIED_SYSTEM = frozenset({"SHUTDOWN", "KILL", "SUSPEND"})
_DENIED_STATEMENTS = frozenset({"BACKUP", "RESTORE"})


def is_denied(name: str) -> bool:
    """Whether a table function, table engine, database engine or dictionary source reaches outside."""
    low = name.lower()
    return low in DENIED_NAMES or low.startswith(DENIED_FAMILIES)


def breach(seen: Sequence[Token]) -> QueryError | None:
    """The first thing in a statement that would leave the data folder, as the error to answer, or None."""
    words = [token.keyword for token in seen]
    if words and words[0] in _DENIED_STATEMENTS:
        return access_denied(f"{words[0]} is not allowed here. Copy the data folder while the server is stopped.")
    if words[:1] == ["SYSTEM"] and _DENIED_SYSTEM.intersection(words[1:2]):
        return access_denied(f"SYSTEM {words[1]} is not allowed here. Send the process SIGTERM to stop it.")
    if words[:1] == ["ATTACH"] and any(
        token.keyword == "FROM" and following.kind is Kind.STRING for token, following in pairwise(seen)
    ):
        return access_denied("ATTACH ... FROM a path is not allowed here. Insert the rows instead.")
    name = next((name for name in _reaching(seen) if is_denied(name)), None)
    if name is None:
        return None
    return access_denied(f"{name} reaches outside the data folder. Read it in the client and send the rows instead.")


def _reaching(seen: Sequence[Token]) -> Iterable[str]:
    """Every name in the place of a function, an engine or a source."""
    for token, following in pairwise(seen):
        if following.text == b"(" and token.name:
            yield token.name
        if token.keyword == "ENGINE" and following.name:
            yield following.name
    for token, equals, following in zip(seen, seen[1:], seen[2:], strict=False):
        if token.keyword == "ENGINE" and equals.text == b"=" and following.name:
            yield following.name

# SPDX-License-Identifier: Apache-2.0
"""No statement reaches past the data folder, however its names are written."""

import pytest

from ovpo.foundation.clickhouse.server.guard import breach
from ovpo.foundation.clickhouse.server.tokens import tokens


@pytest.mark.parametrize(
    "sql",
    [
        b"SELECT * FROM file('/etc/passwd', 'LineAsString')",
        b"SELECT * FROM /* x */ File ( '/etc/passwd' )",
        b"SELECT * FROM `file`('/etc/passwd')",
        b"SELECT * FROM \"file\"('/etc/passwd')",
        b"SELECT * FROM `f\\x69le`('/etc/passwd')",
        b"SELECT file('/etc/passwd')",
        b"SELECT * FROM arrowstream(1)",
        b"SELECT * FROM url('file:///etc/passwd')",
        b"SELECT * FROM s3Cluster('x')",
        b"SELECT * FROM icebergLocal('/data')",
        b"INSERT INTO FUNCTION file('/tmp/x') SELECT 1",
        b"CREATE TABLE t (a Int8) ENGINE = File(CSV, '/etc/passwd')",
        b"CREATE TABLE t (a Int8) ENGINE File(CSV)",
        b"CREATE DATABASE d ENGINE = Filesystem",
        b"CREATE DICTIONARY d (a Int8) PRIMARY KEY a SOURCE(EXECUTABLE(command 'id' format TSV)) LAYOUT(FLAT())",
        b"CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '/')",
        b"BACKUP TABLE t TO Disk('x', 'y')",
        b"RESTORE TABLE t FROM Null",
        b"SYSTEM SHUTDOWN",
        b"ATTACH TABLE t FROM '/var/lib' (a Int8) ENGINE = MergeTree ORDER BY a",
        b"system kill",
    ],
)
def test_a_reach_outside_the_data_folder_is_denied(sql: bytes) -> None:
    refused = breach(list(tokens(sql)))
    assert refused is not None
    assert (refused.code, refused.status) == (497, 403)


@pytest.mark.parametrize(
    "sql",
    [
        b"SELECT file, url FROM t WHERE remote = 'file(1)' AND s3 IN (1, 2)",
        b"SELECT count(file) FROM numbers(3) -- file('/etc/passwd')",
        b"CREATE TABLE t (file String, disk String) ENGINE = ReplacingMergeTree(a) ORDER BY file",
        b"SYSTEM FLUSH LOGS",
        b"SELECT trim(LEADING 'a' FROM 'abc'), extract(YEAR FROM d) FROM t",
        b"SELECT domain(x), cutURLParameter(x, 'a') FROM t",
    ],
)
def test_ordinary_statements_pass(sql: bytes) -> None:
    assert breach(list(tokens(sql))) is None

# SPDX-License-Identifier: Apache-2.0
"""Statements stay in memory, rows go to a file, limits hold, and nothing is left behind."""

from pathlib import Path

import pytest

from ovpo.foundation.clickhouse.server.encoding import decoder, encoder
from ovpo.foundation.clickhouse.server.errors import QueryError
from ovpo.foundation.clickhouse.server.intake import LONGEST_SQL, Intake
from ovpo.foundation.clickhouse.server.spool import Spool
from ovpo.foundation.clickhouse.server.statements import Command, Insert, Rows


@pytest.mark.parametrize("step", [7, 100_000, 5_000_000])
@pytest.mark.parametrize("where", ["url", "body", "both"])
def test_the_rows_of_an_insert_end_up_in_a_file_and_nothing_else_does(tmp_path: Path, step: int, where: str) -> None:
    spool = Spool(tmp_path / "spool")
    data = bytes(range(256)) * (12_000 if step > 7 else 4)
    prefix, text = {
        "url": (b"INSERT INTO t FORMAT Native", b""),
        "body": (b"", b"INSERT INTO t FORMAT Native\n"),
        "both": (b"INSERT INTO t", b"FORMAT Native\n"),
    }[where]
    intake = Intake(spool, decoder(""), prefix, 1 << 30)
    wire = text + data
    for at in range(0, len(wire), step):
        intake.write(wire[at : at + step])
    statement = intake.finish()
    assert isinstance(statement, Insert)
    assert (statement.head.split(), statement.format) == ([b"INSERT", b"INTO", b"t"], "Native")
    assert intake.rows.read_bytes() == data
    assert intake.rows_size == len(data)
    intake.close()
    assert list(spool.folder.iterdir()) == []


def test_rows_in_the_url_count_too(tmp_path: Path) -> None:
    intake = Intake(Spool(tmp_path), decoder(""), b"INSERT INTO t VALUES (1)", 0)
    assert isinstance(intake.finish(), Insert)
    assert intake.rows.read_bytes() == b" (1)"


def test_long_statements_are_read_whole_up_to_a_limit(tmp_path: Path) -> None:
    intake = Intake(Spool(tmp_path), decoder(""), b"", 1 << 30)
    intake.write(b"SELECT '" + b"x" * (2 << 20))
    intake.write(b"' FORMAT CSV")
    statement = intake.finish()
    assert isinstance(statement, Rows)
    assert statement.format == "CSV"
    selecting = Intake(Spool(tmp_path), decoder(""), b"INSERT INTO t SELECT '", 1 << 30)
    selecting.write(b"x" * (2 << 20))
    selecting.write(b"'")
    assert isinstance(selecting.finish(), Command)
    endless = Intake(Spool(tmp_path), decoder(""), b"SELECT '", 1 << 30)
    with pytest.raises(QueryError) as refused:
        endless.write(bytes(LONGEST_SQL + 1))
    assert (refused.value.code, refused.value.status) == (229, 413)
    assert list(tmp_path.iterdir()) == []


def test_the_limit_counts_decoded_bytes(tmp_path: Path) -> None:
    writer = encoder("zstd")
    wire = writer.feed(bytes(3 << 20)) + writer.finish()
    intake = Intake(Spool(tmp_path), decoder("zstd"), b"INSERT INTO t FORMAT RowBinary", 1 << 20)
    with pytest.raises(QueryError, match="--max-body-bytes") as refused:
        intake.write(wire)
    assert refused.value.status == 413
    intake.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.new_path("rows").write_bytes(b"stale")
    assert spool.sweep() == 1
    assert list(tmp_path.iterdir()) == []

# SPDX-License-Identifier: Apache-2.0
"""An export and its offline verifier: whatever is done to the file is found, with nothing but file and secret."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.audit import exporting, offline
from ovpo.governance.audit.canonical import canonical
from ovpo.governance.audit.errors import AuditError
from ovpo.governance.audit.events import Actor
from ovpo.governance.audit.offline import Checked
from tests.integration.governance.chains import Chain

Lines = list[bytes]


@pytest.fixture
def chain(settings: Settings) -> Chain:
    made = Chain.new(settings)
    made.append(6)
    return made


def export(chain: Chain, file: Path, since: datetime | None = None, before: datetime | None = None) -> int:
    header = exporting.header(chain.tenant, since, before, chain.keys)
    with chain.connection() as connection:
        return exporting.export(connection, chain.keys, header, file, Actor("console"))


def check(chain: Chain, file: Path) -> Checked:
    return offline.check(file, chain.keys.secrets[chain.keys.key_id])


def found(chain: Chain, file: Path) -> list[tuple[str, int | None]]:
    return [(fault.kind.value, fault.seq) for fault in check(chain, file).faults]


def test_an_export_checks_and_holds_the_record_of_itself(chain: Chain, tmp_path: Path) -> None:
    file = tmp_path / "chain.ndjson"
    assert export(chain, file) == 7
    checked = check(chain, file)
    assert (checked.faults, checked.records, checked.last_seq, checked.tenant_id) == ((), 7, 7, chain.tenant)
    last = json.loads(file.read_bytes().splitlines()[-2])
    assert (last["event_type"], last["actor_id"], last["resource_id"]) == ("AUDIT_READ", "console", "export")
    assert list(tmp_path.iterdir()) == [file]
    assert file.stat().st_mode & 0o077 == 0


def test_a_piece_checks_from_its_first_record_on(chain: Chain, tmp_path: Path) -> None:
    border = chain.append()[0].timestamp
    chain.append(2)
    later, earlier = tmp_path / "later", tmp_path / "earlier"
    assert export(chain, later, since=border) == 4
    assert export(chain, earlier, before=border) == 6
    assert (check(chain, later).faults, check(chain, later).last_seq) == ((), 10)
    assert (check(chain, earlier).faults, check(chain, earlier).last_seq) == ((), 6)
    assert export(chain, later, since=datetime.now(UTC) + timedelta(hours=1)) == 0
    assert check(chain, later).faults == ()


def change_a_field(lines: Lines) -> Lines:
    return [*lines[:3], lines[3].replace(b"key:abcd1234", b"key:somebody"), *lines[4:]]


def take_one_out(lines: Lines) -> Lines:
    return [*lines[:3], *lines[4:]]


def cut_the_tail_and_keep_the_end(lines: Lines) -> Lines:
    return [*lines[:5], lines[-1]]


def cut_the_end(lines: Lines) -> Lines:
    return lines[:5]


def swap_two(lines: Lines) -> Lines:
    return [*lines[:3], lines[4], lines[3], *lines[5:]]


def change_the_header(lines: Lines) -> Lines:
    return [lines[0].replace(b'"to":null', b'"to":"2030-01-01T00:00:00.000000Z"'), *lines[1:]]


def space_a_line_out(lines: Lines) -> Lines:
    return [*lines[:3], lines[3].replace(b'":', b'": ', 1), *lines[4:]]


def name_another_count(lines: Lines) -> Lines:
    return [*lines[:-1], lines[-1].replace(b'"count":7', b'"count":8')]


def add_a_line(lines: Lines) -> Lines:
    return [*lines, b"{}\n"]


def put_rubbish_in(lines: Lines) -> Lines:
    return [*lines[:3], b"\xff\xfe\n", *lines[4:]]


@pytest.mark.parametrize(
    ("forge", "expected"),
    [
        (change_a_field, [("changed", 3), ("export", None)]),
        (take_one_out, [("missing", 4), ("export", None)]),
        (swap_two, [("missing", 4), ("export", None)]),
        (cut_the_tail_and_keep_the_end, [("cut", 5), ("export", None)]),
        (cut_the_end, [("export", None)]),
        (change_the_header, [("export", None)]),
        (space_a_line_out, [("export", None)]),
        (name_another_count, [("cut", 8), ("export", None)]),
        (add_a_line, [("export", None)]),
        (put_rubbish_in, [("export", None)]),
    ],
)
def test_a_forged_export_is_found(
    chain: Chain, tmp_path: Path, forge: Callable[[Lines], Lines], expected: list[tuple[str, int | None]]
) -> None:
    file = tmp_path / "chain.ndjson"
    export(chain, file)
    file.write_bytes(b"".join(forge(file.read_bytes().splitlines(keepends=True))))
    assert found(chain, file) == expected


def test_an_export_that_was_made_up_with_right_hashes_is_found_by_its_signature(chain: Chain, tmp_path: Path) -> None:
    file = tmp_path / "chain.ndjson"
    export(chain, file)
    lines = file.read_bytes().splitlines(keepends=True)
    end = json.loads(lines[-1])
    shorter = [json.loads(line) for line in lines[1:4]]
    ends = {**end, "count": 3, "last_hash": shorter[-1]["record_hash"], "last_seq": 3}
    file.write_bytes(b"".join([*lines[:4], canonical(ends) + b"\n"]))
    assert found(chain, file) == [("export", None)]


def test_another_secret_does_not_check(chain: Chain, tmp_path: Path) -> None:
    file = tmp_path / "chain.ndjson"
    export(chain, file)
    (fault,) = offline.check(file, b"another").faults
    assert "the secret is not the one called ovpo-1" in fault.said


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"not json", b'{"type":"x"}\n', b"\xff" * 3_000_000])
def test_what_is_no_export_is_said_to_be_none(chain: Chain, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(AuditError, match="first line is not that of an audit export"):
        check(chain, file)


def test_an_export_that_fails_leaves_no_file_and_an_older_one_as_it_was(chain: Chain, tmp_path: Path) -> None:
    file = tmp_path / "chain.ndjson"
    file.write_text("older")
    header = exporting.header(chain.tenant, None, None, chain.keys)

    class StoppedError(Exception):
        pass

    def stop(_: object) -> list[object]:
        raise StoppedError

    with chain.connection(PostgresRole.GOVERN) as connection, pytest.raises(StoppedError):
        exporting.export(connection, chain.keys, header, file, Actor("console"), watch=stop)  # type: ignore[arg-type]
    assert file.read_text() == "older"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_cannot_be_written_is_named(chain: Chain, tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=f"{os.sep}nowhere{os.sep}.*cannot be written: No such file"):
        export(chain, tmp_path / "nowhere" / "chain.ndjson")

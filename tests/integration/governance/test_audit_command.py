# SPDX-License-Identifier: Apache-2.0
"""`ovpo audit` as a person at the machine meets it: what it prints, and what it exits with."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ovpo.cli import audit
from ovpo.foundation.settings.tree import Settings
from tests.conftest import environment
from tests.integration.governance.chains import Chain


@pytest.fixture
def chain(settings: Settings) -> Chain:
    made = Chain.new(settings)
    made.append(4)
    return made


@pytest.fixture(autouse=True)
def variables(settings: Settings) -> Iterator[None]:
    ports = {"OVPO_HOME": str(settings.home), "OVPO_POSTGRES__PORT": str(settings.postgres.port)}
    with environment(ports):
        yield


def ovpo(*arguments: str) -> Result:
    return CliRunner().invoke(audit.app, arguments)


def test_a_sound_chain_is_said_to_be_sound(chain: Chain) -> None:
    chain.seal()
    done = ovpo("verify", "--tenant", chain.tenant)
    assert (done.exit_code, done.stdout) == (0, f"✓ {chain.tenant}: 4 records and 1 seal are sound.\n")


def test_a_broken_chain_ends_with_one_and_a_sentence_that_names_record_and_fault(chain: Chain) -> None:
    chain.tamper("UPDATE audit_log SET actor_ip = '::1' WHERE tenant_id = %s AND seq = 3", chain.tenant)
    done = ovpo("verify")
    assert done.exit_code == 1
    audit_id = chain.records()[2].audit_id
    assert (
        f"✗ {chain.tenant}: record 3 is not what was written: its fields do not give its hash "
        f"[seq 3, audit id {audit_id}]\n"
    ) in done.stderr


def test_verify_without_a_tenant_looks_at_every_chain(chain: Chain) -> None:
    other = Chain.new(chain.settings)
    other.append()
    said = ovpo("verify").stdout
    assert f"✓ {chain.tenant}: 4 records" in said
    assert f"✓ {other.tenant}: 1 record and 0 seals" in said


def test_list_prints_the_newest_first_in_each_form_and_is_recorded(chain: Chain) -> None:
    listed = json.loads(ovpo("list", "--tenant", chain.tenant, "-o", "json").stdout)["records"]
    assert [record["seq"] for record in listed] == [4, 3, 2, 1]
    assert listed[0]["metadata"]["number"] == 3
    rows = list(csv.DictReader(io.StringIO(ovpo("list", "--tenant", chain.tenant, "-n", "2", "-o", "csv").stdout)))
    assert [(row["seq"], row["event_type"], row["actor_id"]) for row in rows] == [
        ("5", "AUDIT_READ", "console"),
        ("4", "TRACE_ACCESS", "key:abcd1234"),
    ]
    table = ovpo("list", "--tenant", chain.tenant, "--resource-id", "trace-1").stdout
    assert ("trace-1" in table, "trace-0" in table) == (True, False)
    assert "No records match." in ovpo("list", "--tenant", chain.tenant, "--actor", "nobody").stdout
    assert chain.verify().records == 8


def test_list_shows_no_control_character_of_a_record(chain: Chain) -> None:
    chain.tamper("UPDATE audit_log SET actor_id = E'\\x1b[31m' WHERE tenant_id = %s AND seq = 4", chain.tenant)
    for output in ("table", "csv"):
        said = ovpo("list", "--tenant", chain.tenant, "-o", output).stdout
        assert "\x1b" not in said
        assert "\\u001b[31m" in said


def test_a_cell_that_a_spreadsheet_would_take_for_a_formula_begins_with_an_apostrophe(chain: Chain) -> None:
    chain.tamper("UPDATE audit_log SET actor_id = '=1+1' WHERE tenant_id = %s AND seq = 4", chain.tenant)
    rows = csv.DictReader(io.StringIO(ovpo("list", "--tenant", chain.tenant, "-o", "csv").stdout))
    assert next(rows)["actor_id"] == "'=1+1"


def test_an_export_is_checked_without_settings_and_a_forged_one_ends_with_one(chain: Chain, tmp_path: Path) -> None:
    file, key = tmp_path / "chain.ndjson", tmp_path / "key"
    done = ovpo("export", "--tenant", chain.tenant, str(file))
    assert (done.exit_code, "5 records of" in done.stdout) == (0, True)
    key.write_bytes(chain.keys.secrets["ovpo-1"] + b"\n")
    with environment({"OVPO_POSTGRES__PORT": "no port"}):
        good = ovpo("check", str(file), "--key-file", str(key))
        assert (good.exit_code, "5 records, the whole chain of" in good.stdout) == (0, True)
        file.write_bytes(file.read_bytes().replace(b'"number":2', b'"number":7'))
        bad = ovpo("check", str(file), "--key-file", str(key))
    assert bad.exit_code == 1
    assert "record 3 is not what was written" in bad.stderr


def test_a_piece_of_a_chain_is_exported_by_moments(chain: Chain, tmp_path: Path) -> None:
    file = tmp_path / "piece"
    assert "0 records of" in ovpo("export", "--tenant", chain.tenant, "--to", "2020-01-01", str(file)).stdout
    done = ovpo("export", "--tenant", chain.tenant, "--from", "soon", str(file))
    assert (done.exit_code, done.stderr.startswith("ovpo: --from: takes a day")) == (2, True)


def test_seal_says_where_it_sealed_and_again_that_it_stands(chain: Chain) -> None:
    first = ovpo("seal", "--tenant", chain.tenant)
    assert first.stdout.startswith(f"{chain.tenant}: sealed at record 4, ")
    assert first.stdout.endswith("1 seal made; 0 stood already.\n")
    assert ovpo("seal", "--tenant", chain.tenant).stdout.endswith("0 seals made; 1 stood already.\n")


def test_what_a_person_can_mend_is_one_line(chain: Chain, tmp_path: Path) -> None:
    for arguments, said in (
        (("check", str(tmp_path / "no"), "--key-file", str(tmp_path / "no")), "--key-file"),
        (("export", "--tenant", chain.tenant, str(tmp_path / "no" / "file")), "cannot be written"),
    ):
        done = ovpo(*arguments)
        assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
        assert said in done.stderr
    with environment({"OVPO_HOME": str(tmp_path), "OVPO_POSTGRES__PASSWORDS__GOVERN": "x", "OVPO_POSTGRES__PORT": "1"}):
        for command in ("verify", "seal"):
            done = ovpo(command)
            assert done.exit_code == 1
            assert "OVPO_AUDIT__SIGNING_KEY is empty" in done.stderr or "PostgreSQL does not answer" in done.stderr

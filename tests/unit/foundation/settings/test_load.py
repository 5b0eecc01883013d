# SPDX-License-Identifier: Apache-2.0
"""Where settings come from, which source wins, and what is said when one is wrong."""

from pathlib import Path

import pytest

from ovpo.foundation.settings.faults import SettingsError
from ovpo.foundation.settings.load import inherited_environment, load, origins


def lines(raised: pytest.ExceptionInfo[SettingsError]) -> list[str]:
    return raised.value.lines


def test_defaults_need_no_environment(bare_environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = load()
    assert settings.home == tmp_path / ".ovpo"
    assert settings.query.port == 8000
    assert origins() == {}


def test_the_environment_beats_dotenv_beats_the_file_beats_what_was_generated(
    bare_environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".ovpo").mkdir()
    (tmp_path / ".ovpo" / "secrets.toml").write_text(
        '[clickhouse]\nuser = "d"\npassword = "d"\ndatabase = "d"\nport = 4\n'
    )
    (tmp_path / "ovpo.toml").write_text('[clickhouse]\nuser = "c"\ndatabase = "c"\nport = 3\n')
    (tmp_path / ".env").write_text("OVPO_CLICKHOUSE__DATABASE=b\nOVPO_CLICKHOUSE__PORT=2\nOTHER=x\n")
    bare_environment.setenv("OVPO_CLICKHOUSE__PORT", "1")
    found = load().clickhouse
    assert (found.port, found.database, found.user, found.password.get_secret_value()) == (1, "b", "c", "d")
    given = origins()
    assert given["clickhouse.port"] == "environment"
    assert given["clickhouse.database"] == ".env"
    assert given["clickhouse.user"] == "ovpo.toml"
    assert given["clickhouse.password"] == "secrets.toml"


def test_generated_secrets_are_read_from_the_home_that_the_file_names(
    bare_environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secrets.toml").write_text('[cache]\npassword = "p"\n')
    (tmp_path / "ovpo.toml").write_text('home = "elsewhere"\n')
    assert load().cache.password.get_secret_value() == "p"


def test_an_empty_variable_means_the_default(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("OVPO_POSTGRES__URL", "")
    assert load().postgres.url is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OVPO_POSTGRES__PORT", "abc", "OVPO_POSTGRES__PORT: got 'abc'; takes a whole number between 1 and 65535"),
        ("OVPO_POSTGRES__PORT", "70000", "OVPO_POSTGRES__PORT: got '70000'; takes a whole number between 1 and 65535"),
        ("OVPO_LOG__LEVEL", "loud", "OVPO_LOG__LEVEL: got 'loud'; takes one of debug, info, warning, error"),
        ("OVPO_EXECUTOR", "slurm", "OVPO_EXECUTOR: got 'slurm'; takes one of in_process, k8s"),
        ("OVPO_DAGSTER__AUTOMATION", "often", "OVPO_DAGSTER__AUTOMATION: got 'often'; takes true or false"),
        ("OVPO_SEED__TENANT", "Ünï", "OVPO_SEED__TENANT: got 'Ünï'; takes a text that matches ^[a-z0-9-]{1,128}$"),
        ("OVPO_CLICKHOUSE__URL", "tcp://x", "takes an address that begins with http:// or https://"),
        ("OVPO_CLICKHOUSE__URL", "http://", "takes an address with a host, such as http://db.example"),
        ("OVPO_BROKER__URL", "nats://h:99999", "OVPO_BROKER__URL: got 'nats://h:99999'; takes"),
    ],
)
def test_a_wrong_value_is_one_line_with_name_value_and_what_it_takes(
    bare_environment: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    bare_environment.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load()
    (line,) = lines(raised)
    assert said in line
    assert line.startswith(name)


def test_every_wrong_value_is_reported_at_once(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("OVPO_POSTGRES__PORT", "0")
    bare_environment.setenv("OVPO_QUERY__PORT", "x")
    with pytest.raises(SettingsError) as raised:
        load()
    assert len(lines(raised)) == 2


def test_a_misspelt_variable_is_an_error_that_names_the_nearest(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("OVPO_POSTGRES__PROT", "1")
    with pytest.raises(SettingsError) as raised:
        load()
    assert lines(raised) == ["OVPO_POSTGRES__PROT: there is no such setting; did you mean OVPO_POSTGRES__PORT?"]


def test_a_misspelt_variable_in_dotenv_is_an_error_too(bare_environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OVPO_HOMES=x\n")
    with pytest.raises(SettingsError) as raised:
        load()
    assert lines(raised) == ["OVPO_HOMES: there is no such setting; did you mean OVPO_HOME?"]


@pytest.mark.parametrize("place", ["environment", ".env"])
@pytest.mark.parametrize(("name", "value"), [("OVPO_KEY", "ovpo_sk_x"), ("OVPO_SERVER", "http://ovpo.example")])
def test_what_a_client_keeps_is_no_setting_and_reaches_no_child(
    bare_environment: pytest.MonkeyPatch, place: str, name: str, value: str
) -> None:
    if place == "environment":
        bare_environment.setenv(name, value)
    else:
        Path(".env").write_text(f"{name}={value}\n")
    assert load() == load()
    assert name not in inherited_environment()


def test_a_misspelt_name_in_the_file_is_an_error(bare_environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ovpo.toml").write_text("[quary]\nport = 1\n")
    with pytest.raises(SettingsError) as raised:
        load()
    (line,) = lines(raised)
    assert line.startswith("OVPO_QUARY (in ovpo.toml or .env): there is no such setting")


def test_a_broken_file_is_one_line_that_names_it(bare_environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ovpo.toml").write_text("[query\n")
    with pytest.raises(SettingsError) as raised:
        load()
    (line,) = lines(raised)
    assert line.startswith("ovpo.toml: cannot be read as TOML")


def test_a_wrong_secret_is_not_repeated(bare_environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ovpo.toml").write_text("[cache]\npassword = 12345678\n")
    with pytest.raises(SettingsError) as raised:
        load()
    assert "12345678" not in str(raised.value)


def test_the_variables_that_dagster_reads_are_not_settings(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("OVPO_DAGSTER_PG_HOST", "db")
    assert load().dagster.port == 3000

# SPDX-License-Identifier: Apache-2.0
"""What a client is made of: a wrong argument raises, a wrong variable is told of and left out."""

import logging
from pathlib import Path
from typing import Any

import pytest

from ovpo_sdk import ConfigurationError, OvpoClient
from ovpo_sdk.configuration import DEFAULT_ENDPOINT, Configuration, configured

KEY = "ovpo_sk_abcdefgh_secret"


def read(environment: Any = None, **arguments: Any) -> Configuration:
    given: dict[str, Any] = {
        "endpoint": None,
        "key": None,
        "tenant": None,
        "strict": None,
        "enabled": None,
        "buffer_bytes": 50_000_000,
        "flush_seconds": 5.0,
        "request_seconds": 10.0,
        "exit_seconds": 2.0,
        "spool": None,
        "spool_bytes": 1_000_000_000,
        "personal_data": "redact",
        "user_salt": None,
        "gpu_seconds": 1.0,
        "ca_file": None,
        "handle_sigterm": True,
    }
    return configured(**given | arguments, environment={"OVPO_KEY": KEY} if environment is None else environment)


def test_arguments_go_before_variables_and_those_before_defaults() -> None:
    said = {
        "OVPO_KEY": KEY,
        "OVPO_ENDPOINT": "https://collector.example/",
        "OVPO_TENANT": "team-1",
        "OVPO_SPOOL": "/var/spool/ovpo",
        "OVPO_STRICT": "1",
    }
    found = read(said)
    assert (found.endpoint, found.key, found.tenant) == ("https://collector.example", KEY, "team-1")
    assert (found.spool, found.strict, found.enabled) == (Path("/var/spool/ovpo"), True, True)
    found = read(said, endpoint="http://127.0.0.1:9", key="other", tenant="team-2", strict=False, spool="here")
    assert (found.endpoint, found.key, found.tenant) == ("http://127.0.0.1:9", "other", "team-2")
    assert (found.spool, found.strict) == (Path("here"), False)
    assert read().endpoint == DEFAULT_ENDPOINT


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("endpoint", "collector:8001"),
        ("endpoint", 8001),
        ("endpoint", "http://collector:99999"),
        ("endpoint", "http://name:word@collector"),
        ("key", 42),
        ("tenant", 'no"tenant'),
        ("tenant", ["list"]),
        ("spool", 42),
        ("spool", "~nobody-has-this-name/spool"),
        ("buffer_bytes", 1),
        ("flush_seconds", 0),
        ("request_seconds", "10"),
        ("exit_seconds", float("nan")),
        ("spool_bytes", True),
        ("personal_data", "hide"),
        ("gpu_seconds", -1),
    ],
)
def test_a_wrong_argument_is_named_with_its_remedy(name: str, wrong: object) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} .*; give "):
        read(**{name: wrong})


@pytest.mark.parametrize(
    ("name", "wrong", "field", "instead"),
    [
        ("OVPO_ENDPOINT", "collector:8001", "enabled", False),
        ("OVPO_TENANT", "no tenant", "tenant", None),
        ("OVPO_SPOOL", "~nobody-has-this-name/spool", "spool", None),
        ("OVPO_STRICT", "perhaps", "strict", False),
        ("OVPO_TELEMETRY", "perhaps", "enabled", True),
        ("HTTPS_PROXY", "socks5://proxy:1080", "proxy", None),
    ],
)
def test_a_wrong_variable_is_told_of_and_left_out(
    caplog: pytest.LogCaptureFixture, name: str, wrong: str, field: str, instead: object
) -> None:
    endpoint = None if name == "OVPO_ENDPOINT" else "https://collector.example"
    with caplog.at_level(logging.WARNING, "ovpo_sdk"):
        found = read({"OVPO_KEY": KEY, name: wrong}, endpoint=endpoint)
    assert getattr(found, field) == instead
    [record] = caplog.records
    assert name.lower() in record.getMessage().lower()


@pytest.mark.parametrize("name", ["OVPO_ENDPOINT", "OVPO_TENANT", "OVPO_SPOOL"])
def test_a_wrong_variable_raises_where_that_was_asked_for(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read({"OVPO_KEY": KEY, "OVPO_STRICT": "1", name: "~nobody-has-this-name/ x"})


def test_without_a_key_nothing_is_traced(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "ovpo_sdk"):
        assert not read({}).enabled
    assert "OVPO_KEY" in caplog.text
    with pytest.raises(ConfigurationError, match="OVPO_KEY"):
        read({"OVPO_STRICT": "1"})


def test_telemetry_that_is_off_needs_no_key_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "ovpo_sdk"):
        assert not read({"OVPO_TELEMETRY": "off"}).enabled
        assert not read({}, enabled=False).enabled
    assert not caplog.records


@pytest.mark.parametrize(
    ("said", "proxy"),
    [
        ({"https_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "proxy:3128"}, "proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "other, .example"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "*"}, None),
    ],
)
def test_the_proxy_is_the_one_that_the_environment_names(said: dict[str, str], proxy: str | None) -> None:
    assert read(said | {"OVPO_KEY": KEY}, endpoint="https://collector.example").proxy == proxy


def test_a_collector_on_this_machine_is_asked_directly() -> None:
    assert read({"OVPO_KEY": KEY, "http_proxy": "http://proxy:3128"}).proxy is None


def test_a_decorator_without_its_parentheses_is_told_at_once() -> None:
    client = OvpoClient(enabled=False)
    with pytest.raises(ConfigurationError, match=r"@client\.traced\(\)"):
        client.traced(len)  # type: ignore[arg-type]


def test_what_is_secret_stands_in_no_text(caplog: pytest.LogCaptureFixture) -> None:
    found = read(
        {"OVPO_KEY": KEY, "http_proxy": "http://me:word@proxy:1"}, endpoint="http://c.example", user_salt="pepper"
    )
    assert found.proxy is not None
    assert not [secret for secret in (KEY, "word", "pepper") if secret in repr(found)]
    with pytest.raises(ConfigurationError) as raised:
        read(endpoint=KEY)
    assert KEY not in str(raised.value)
    assert not read({"OVPO_KEY": KEY, "OVPO_ENDPOINT": "https://me:word@collector"}).enabled
    assert "a password" in caplog.text
    assert "word@" not in caplog.text

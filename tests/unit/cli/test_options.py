# SPDX-License-Identifier: Apache-2.0
"""What is read out of options: moments, ids, the server where none is named."""

from datetime import UTC, datetime, timedelta

import pytest

from ovpo.cli.exits import CommandError, Exit
from ovpo.cli.options import checked_id, connected, length, names_of, when

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ID = "5d8f4c3e-2b1a-4f6e-9c7d-8a9b0c1d2e3f"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("24h", "2026-11-20T12:00:00+00:00"),
        ("30m", "2026-11-21T11:30:00+00:00"),
        ("1w", "2026-11-14T12:00:00+00:00"),
        ("2026-11-01", "2026-11-01"),
        ("yesterday", "yesterday"),
        (None, None),
    ],
)
def test_a_moment_is_how_long_ago_or_what_the_api_takes(text: str | None, meant: str | None) -> None:
    assert when("--since", text, NOW) == meant


def test_a_moment_before_the_calendar_is_wrong_usage() -> None:
    with pytest.raises(CommandError, match="--since: 999999w ago is before the calendar begins") as raised:
        when("--since", "999999w", NOW)
    assert raised.value.code is Exit.USAGE


def test_a_length_of_time_is_read_or_refused_with_how_to_write_it() -> None:
    assert length("7d") == timedelta(days=7)
    with pytest.raises(CommandError, match="written 30m, 24h or 7d, not '7 days'"):
        length("7 days")


def test_only_a_whole_id_is_one() -> None:
    assert checked_id(f" {ID.upper()} ") == ID
    for other in (ID[:8], "", "../keys", ID.replace("-4f", "-1f"), f"{ID}\x1b[31m"):
        with pytest.raises(CommandError, match="ID takes a whole id") as raised:
            checked_id(other)
        assert raised.value.code is Exit.USAGE
        assert str(raised.value).isprintable()


def test_the_server_is_that_of_the_settings_and_of_the_defaults_where_those_are_wrong(
    bare_environment: pytest.MonkeyPatch,
) -> None:
    bare_environment.setenv("OVPO_QUERY__PORT", "8100")
    with connected(None, None) as api:
        assert api.server == "http://127.0.0.1:8100"
    bare_environment.setenv("OVPO_QUERY__PORT", "http")
    with connected(None, None) as api:
        assert api.server == "http://127.0.0.1:8000"


def test_a_list_of_names_is_completed_at_its_end() -> None:
    statuses = names_of("ovpo.telemetry.contract.records", "TraceStatus")
    assert statuses("fa") == ["FAILED"]
    assert statuses("FAILED,t") == ["FAILED,TIMEOUT"]
    assert names_of("ovpo.telemetry.contract.records", "SpanKind", prefix="SPAN_KIND_")("LO") == ["LOAD"]

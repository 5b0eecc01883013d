# SPDX-License-Identifier: Apache-2.0
"""What a log line holds, whoever logged it."""

import json
import logging
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from ovpo.foundation.observability import logs
from ovpo.foundation.settings.tree import Log, LogFormat, LogLevel

SECRET = "hunter2hunter2"


@dataclass
class Written:
    """What was written to standard error since the test began."""

    capsys: pytest.CaptureFixture[str]
    so_far: str = ""

    def text(self) -> str:
        self.so_far += self.capsys.readouterr().err
        return self.so_far


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    root = logging.getLogger()
    before, level = root.handlers, root.level
    structlog.contextvars.clear_contextvars()
    yield Written(capsys)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers = before
    root.setLevel(level)


def parsed(written: Written) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.text().splitlines()]


def fail_with(message: str) -> None:
    raise ValueError(message)


def test_a_line_is_json_with_service_level_event_and_a_utc_time(lines: Written) -> None:
    logs.configure(Log(), "collector")
    structlog.stdlib.get_logger("some.module").warning("queue.full", depth=3)
    (line,) = parsed(lines)
    assert (line["service"], line["level"], line["event"], line["depth"]) == ("collector", "warning", "queue.full", 3)
    assert line["logger"] == "some.module"
    assert abs(datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])) < timedelta(minutes=5)


def test_bound_ids_are_on_every_line_also_on_those_of_libraries(lines: Written) -> None:
    logs.configure(Log(), "collector")
    structlog.contextvars.bind_contextvars(request_id="r-1", tenant_id="demo", trace_id="t-1")
    structlog.stdlib.get_logger().info("ours")
    logging.getLogger("some.library").info("theirs %s", "too", extra={"count": 2})
    ours, theirs = parsed(lines)
    for line in (ours, theirs):
        assert (line["request_id"], line["tenant_id"], line["trace_id"]) == ("r-1", "demo", "t-1")
    assert (theirs["event"], theirs["count"]) == ("theirs too", 2)


@pytest.mark.parametrize(
    "server", ["hypercorn.error", "hypercorn.access", "uvicorn", "uvicorn.error", "uvicorn.access"]
)
def test_the_servers_own_lines_come_once_and_through_the_same_pipeline(lines: Written, server: str) -> None:
    logger = logging.getLogger(server)
    logger.handlers, logger.propagate = [logging.StreamHandler(sys.stderr)], False
    logs.configure(Log(), "query")
    logger.error("token=%s", SECRET)
    (line,) = parsed(lines)
    assert (line["service"], line["event"]) == ("query", "token=***")


@pytest.mark.parametrize("wanted", list(LogFormat))
def test_no_secret_leaves_by_field_message_argument_or_exception(lines: Written, wanted: LogFormat) -> None:
    logs.configure(Log(format=wanted), "query")
    log = structlog.stdlib.get_logger()
    log.info("opened", url=f"postgresql://ovpo:{SECRET}@db/ovpo", headers={"authorization": SECRET})
    message = f"password={SECRET}"
    log.info(message)
    log.info("positional %s", f"token={SECRET}")
    logging.getLogger("library").error("sent %s", {"password": SECRET}, extra={"api_key": SECRET})
    try:
        fail_with(f"redis://:{SECRET}@cache")
    except ValueError:
        log.exception("failed")
        logging.getLogger("library").exception("failed too")
    assert SECRET not in lines.text()
    assert lines.text().count("ValueError: redis://:***@cache") == 2


def test_lines_below_the_level_are_not_written(lines: Written) -> None:
    logs.configure(Log(level=LogLevel.WARNING), "query")
    structlog.stdlib.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    structlog.stdlib.get_logger().warning("loud")
    assert [line["event"] for line in parsed(lines)] == ["loud"]


def test_a_value_that_no_json_can_hold_does_not_lose_the_line(lines: Written) -> None:
    logs.configure(Log(), "query")
    structlog.stdlib.get_logger().info("odd", text="\ud800", big=10**30, nan=float("nan"), raw=b"\xff", what=object())
    (line,) = parsed(lines)
    assert line["event"] == "odd"
    assert line["big"] == 10**30


def test_the_console_format_is_for_people_and_one_line_per_event(lines: Written) -> None:
    logs.configure(Log(format=LogFormat.CONSOLE), "query")
    structlog.stdlib.get_logger().info("opened", port=8000)
    (line,) = lines.text().splitlines()
    assert "opened" in line
    assert "port=8000" in line


def test_configuring_twice_does_not_double_the_lines(lines: Written) -> None:
    logs.configure(Log(), "query")
    logs.configure(Log(), "query")
    structlog.stdlib.get_logger().info("once")
    assert len(parsed(lines)) == 1


def test_warnings_of_libraries_are_log_lines(lines: Written) -> None:
    logs.configure(Log(), "query")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logs.configure(Log(), "query")
        warnings.warn("old way", UserWarning, stacklevel=1)
    assert "old way" in parsed(lines)[-1]["event"]

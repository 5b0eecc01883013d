# SPDX-License-Identifier: Apache-2.0
"""How a service starts and stops: busy ports, broken starts, SIGTERM with work in hand."""

import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import httpx
import pytest


class Process(Protocol):
    """What the tests use of a running service."""

    port: int
    url: str
    running: Any

    def wait_for_line(self, **fields: object) -> dict[str, Any]: ...
    def lines(self) -> list[dict[str, Any]]: ...
    def terminate(self) -> None: ...
    def exit_code(self) -> int: ...


Start = Callable[..., Process]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_told_to_stop_closes_its_lifespan_and_exits_with_0(
    service: Process, number: signal.Signals
) -> None:
    service.running.send_signal(number)
    assert service.exit_code() == 0
    assert [line["event"] for line in service.lines()][-3:] == [
        "service.stopping",
        "lifespan.closed",
        "service.stopped",
    ]


def test_a_running_request_is_finished_before_the_service_stops(service: Process) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpx.get, f"{service.url}/v1/slow?seconds=1", timeout=30)
        service.wait_for_line(event="slow.begun")
        service.terminate()
        service.wait_for_line(event="service.stopping")
        assert answer.result(30).json() == {"finished": True}
    assert service.exit_code() == 0


def test_a_stopping_service_takes_no_new_requests(service: Process) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpx.get, f"{service.url}/v1/slow?seconds=3", timeout=30)
        service.wait_for_line(event="slow.begun")
        service.terminate()
        service.wait_for_line(event="service.stopping")
        with pytest.raises(httpx.TransportError):
            ask_again_and_again(service)
        assert answer.result(30).json() == {"finished": True}


def test_a_request_longer_than_the_bound_is_told_to_come_back_and_the_service_still_closes(start: Start) -> None:
    process = started(start, stop_within=2)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpx.get, f"{process.url}/v1/slow?seconds=600", timeout=60)
        process.wait_for_line(event="slow.begun")
        process.terminate()
        assert process.exit_code() == 0
        error = answer.result(30).json()["error"]
    assert (error["code"], error["retry_after"]) == ("SERVICE_UNAVAILABLE", 1)
    process.wait_for_line(event="lifespan.closed")


def test_a_request_that_ignores_its_cancelling_does_not_keep_the_service_from_ending(start: Start) -> None:
    process = started(start, stop_within=1)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpx.get, f"{process.url}/v1/stubborn", timeout=60)
        process.wait_for_line(event="stubborn.begun")
        process.terminate()
        assert process.exit_code() == 1
        assert isinstance(answer.exception(30), httpx.TransportError)
    process.wait_for_line(event="service.stopped_by_force")


def test_an_idle_connection_does_not_hold_the_service_up(service: Process) -> None:
    with httpx.Client() as client, socket.create_connection(("127.0.0.1", service.port)):
        client.get(f"{service.url}/healthz")
        service.terminate()
        assert service.exit_code() == 0


def test_a_busy_port_is_one_line_that_names_the_setting_and_exit_code_1(start: Start, service: Process) -> None:
    second = start(port=service.port)
    assert second.exit_code() == 1
    (line,) = second.lines()
    assert line["level"] == "error"
    assert line["event"] == (
        f"Cannot listen on 127.0.0.1:{service.port}: another program uses the port; "
        "stop it, or set OVPO_TINY__PORT to a free port"
    )
    assert httpx.get(f"{service.url}/healthz").status_code == 200


def test_a_service_whose_start_fails_says_why_and_exits_with_1(start: Start) -> None:
    process = start("broken")
    assert process.exit_code() == 1
    assert "the pool cannot be opened" in process.wait_for_line(event="service.not_started")["reason"]


def test_a_stopped_service_can_be_started_again_at_once_on_its_port(start: Start) -> None:
    first = started(start)
    with httpx.Client() as still_connected:
        still_connected.get(f"{first.url}/healthz")
        first.terminate()
        first.exit_code()
    again = started(start, port=first.port)
    assert httpx.get(f"{again.url}/healthz").status_code == 200


def ask_again_and_again(service: Process) -> None:
    for _ in range(1000):
        httpx.get(f"{service.url}/healthz")


def started(start: Start, **options: Any) -> Process:
    process = start(**options)
    process.wait_for_line(logger="hypercorn.error", level="info")
    return process

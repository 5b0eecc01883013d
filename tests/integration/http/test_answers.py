# SPDX-License-Identifier: Apache-2.0
"""What a real server answers: errors, request ids, health, metrics."""

from collections.abc import Iterator
from typing import Any, Protocol
from uuid import UUID

import httpx
import pytest

SANE = "job-7.retry_2"


class Process(Protocol):
    """What the tests use of a running service."""

    url: str

    def wait_for_line(self, **fields: object) -> dict[str, Any]: ...
    def lines(self) -> list[dict[str, Any]]: ...


@pytest.fixture
def client(service: Process) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url) as opened:
        yield opened


ORDER = {"name": "a", "count": 1, "id": "7a185340-e4fa-448b-abe5-30a14f6d1d15"}
FAILING: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/nothing", {}, 404, "NOT_FOUND"),
    ("DELETE", "/v1/orders/1", {}, 405, "NOT_FOUND"),
    ("GET", "/v1/orders/one", {}, 400, "INVALID_FORMAT"),
    ("POST", "/v1/orders", {"json": {**ORDER, "name": None}}, 400, "INVALID_SCHEMA"),
    ("POST", "/v1/orders", {"json": {"name": "a"}}, 400, "MISSING_FIELD"),
    ("POST", "/v1/orders", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "INVALID_FORMAT"),
    (
        "POST",
        "/v1/orders",
        {"content": b"{}", "headers": {"Content-Type": "a/b"}},
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    ("POST", "/v1/orders", {"content": b"x" * 2001}, 413, "PAYLOAD_TOO_LARGE"),
    ("POST", "/v1/orders", {"content": (b"x" * 500 for _ in range(5))}, 413, "PAYLOAD_TOO_LARGE"),
    ("GET", "/v1/busy", {}, 429, "RATE_LIMIT_EXCEEDED"),
    ("GET", "/v1/boom", {}, 500, "INTERNAL_ERROR"),
]


def test_every_error_has_the_contracts_body_and_the_id_of_its_request(client: httpx.Client) -> None:
    for number, (method, path, more, status, code) in enumerate(FAILING):
        headers = {"X-Request-Id": f"r-{number}", **more.get("headers", {})}
        answer = client.request(method, path, **{**more, "headers": headers})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (status, code), (method, path)
        assert error["request_id"] == answer.headers["x-request-id"] == f"r-{number}"
        assert set(error) <= {"code", "message", "request_id", "details", "retry_after"}


def test_405_says_which_method_is_offered(client: httpx.Client) -> None:
    answer = client.delete("/v1/orders/1")
    assert answer.headers["allow"] == "GET"
    assert "use GET" in answer.json()["error"]["message"]


def test_429_says_when_to_come_back(client: httpx.Client) -> None:
    answer = client.get("/v1/busy")
    assert (answer.headers["retry-after"], answer.json()["error"]["retry_after"]) == ("7", 7)


def test_a_crash_is_told_to_the_log_under_the_request_id_and_not_to_the_client(
    client: httpx.Client, service: Process
) -> None:
    answer = client.get("/v1/boom", headers={"X-Request-Id": SANE})
    assert "postgresql" not in answer.text
    assert "RuntimeError" not in answer.text
    line = service.wait_for_line(event="http.unexpected", request_id=SANE)
    assert "RuntimeError: postgresql://ovpo:***@db/ovpo broke" in line["exception"]
    assert "hunter2" not in str(service.lines())


def test_a_crash_half_way_is_seen_by_the_client_as_a_cut_answer(client: httpx.Client, service: Process) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/v1/half")
    assert service.wait_for_line(event="http.unexpected")["answer_begun"] is True
    assert client.get("/healthz").status_code == 200


def test_a_sane_request_id_is_echoed_and_any_other_replaced(client: httpx.Client) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": SANE}).headers["x-request-id"] == SANE
    assert client.get("/healthz", headers={"X-Request-Id": "x" * 128}).headers["x-request-id"] == "x" * 128
    for offered in (None, b"", b"x" * 129, b"a b", b"<script>", b"\xff\xfe", b"a;b"):
        headers = [] if offered is None else [(b"X-Request-Id", offered)]
        made = client.get("/healthz", headers=headers).headers["x-request-id"]
        assert UUID(made).version == 4


def test_each_request_has_an_access_line_with_route_code_and_milliseconds(
    client: httpx.Client, service: Process
) -> None:
    client.get("/v1/orders/7?token=hunter2hunter2", headers={"X-Request-Id": SANE})
    line = service.wait_for_line(event="http.request", request_id=SANE)
    assert (line["method"], line["route"], line["code"]) == ("GET", "/v1/orders/{number}", 400)
    assert isinstance(line["milliseconds"], float)
    assert "hunter2" not in str(service.lines())


def test_the_ids_of_one_request_do_not_leak_into_the_next_on_the_same_connection(
    client: httpx.Client, service: Process
) -> None:
    client.get("/v1/orders/1", headers={"X-Request-Id": "first"})
    client.get("/v1/orders/2", headers={"X-Request-Id": "second"})
    service.wait_for_line(event="http.request", request_id="first")
    service.wait_for_line(event="http.request", request_id="second")


def test_a_service_lives_whatever_its_backends_do(client: httpx.Client) -> None:
    client.put("/v1/backends/store/failing")
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"], answer.json()["version"]) == (200, "alive", "1.2.3")


def test_a_service_is_ready_when_every_backend_is(client: httpx.Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert [(each["name"], each["ready"]) for each in answer.json()["backends"]] == [("store", True), ("queue", True)]


@pytest.mark.parametrize(("state", "detail"), [("failing", "ConnectionError"), ("hanging", "no answer within 0.3 s")])
def test_a_service_is_not_ready_while_a_backend_fails_or_hangs_and_ready_again_after(
    client: httpx.Client, state: str, detail: str
) -> None:
    client.put(f"/v1/backends/store/{state}")
    answer = client.get("/readyz")
    store, queue = answer.json()["backends"]
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert (store["ready"], queue["ready"]) == (False, True)
    assert detail in store["detail"]
    assert "hunter2" not in answer.text
    client.put("/v1/backends/store/ready")
    assert client.get("/readyz").status_code == 200


def samples(client: httpx.Client) -> dict[str, str]:
    lines = client.get("/metrics").text.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if line.startswith("ovpo_") and "_created" not in line)


def test_requests_are_counted_and_timed_by_method_route_and_code(client: httpx.Client) -> None:
    for _ in range(3):
        client.get("/v1/orders/1")
    found = samples(client)
    labels = 'code="200",method="GET",route="/v1/orders/{number}"'
    assert found[f"ovpo_http_requests_total{{{labels}}}"] == "3.0"
    assert found[f"ovpo_http_request_duration_seconds_count{{{labels}}}"] == "3.0"
    assert any(name.startswith("ovpo_build_info") and 'version="1.2.3"' in name for name in found)


def test_paths_and_methods_that_do_not_exist_make_no_labels(client: httpx.Client) -> None:
    client.get("/metrics")
    client.get("/nothing")
    client.request("BREW", "/nothing")
    before = set(samples(client))
    for number in range(50):
        client.get(f"/nothing/{number}")
        client.request(f"BREW{number}", f"/other/{number}")
    assert set(samples(client)) - before == set()


def test_metrics_speak_the_format_that_the_scraper_asks_for(client: httpx.Client) -> None:
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_the_server_does_not_say_which_software_it_is(client: httpx.Client) -> None:
    assert "server" not in client.get("/healthz").headers

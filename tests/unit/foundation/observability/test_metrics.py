# SPDX-License-Identifier: Apache-2.0
"""What the HTTP metrics count, and by which labels."""

from prometheus_client import generate_latest

from ovpo.foundation.observability.metrics import HttpMetrics, new_registry


def test_two_services_in_one_process_count_for_themselves() -> None:
    one, two = new_registry("one", "1"), new_registry("two", "1")
    HttpMetrics.on(one).count(method="GET", route="/v1/traces/{id}", code=200, seconds=0.01)
    HttpMetrics.on(two)
    labels = {"method": "GET", "route": "/v1/traces/{id}", "code": "200"}
    assert one.get_sample_value("ovpo_http_requests_total", labels) == 1
    assert one.get_sample_value("ovpo_http_request_duration_seconds_count", labels) == 1
    assert two.get_sample_value("ovpo_http_requests_total", labels) is None


def test_an_invented_method_and_an_unknown_route_share_one_label() -> None:
    registry = new_registry("one", "1")
    metrics = HttpMetrics.on(registry)
    for number in range(50):
        metrics.count(method=f"M{number}", route=None, code=404, seconds=0)
    labels = {"method": "OTHER", "route": "unmatched", "code": "404"}
    assert registry.get_sample_value("ovpo_http_requests_total", labels) == 50


def test_the_build_that_runs_is_told() -> None:
    assert b'service="query",version="0.1.0"} 1.0' in generate_latest(new_registry("query", "0.1.0"))

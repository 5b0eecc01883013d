# SPDX-License-Identifier: Apache-2.0
"""A child forked while another thread is at work in an integration: it works in the child as well."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread, main_thread
from typing import cast

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult

from ovpo_sdk.client import OvpoClient
from ovpo_sdk.comfyui.graph import settings
from ovpo_sdk.comfyui.runs import Runs
from ovpo_sdk.diffusion.events import place_in
from ovpo_sdk.diffusion.taps import put_on
from ovpo_sdk.opentelemetry import OvpoSpanExporter
from ovpo_sdk.records import Item
from ovpo_sdk.trace import Trace
from tests.unit.sdk.keeping import Kept
from tests.unit.sdk.otel_spans import finished, named

LONGEST = 20.0
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


class Busy:
    """Keeps the thread that comes first, if it is not the main one, until it is let go."""

    def __init__(self) -> None:
        self.came = Event()
        self.go_on = Event()

    def hold(self) -> None:
        if current_thread() is not main_thread():
            self.came.set()
            assert self.go_on.wait(LONGEST)


@contextmanager
def at_work(busy: Busy, work: Callable[[], object]) -> Iterator[None]:
    thread = Thread(target=work)
    thread.start()
    try:
        assert busy.came.wait(LONGEST)
        yield
    finally:
        busy.go_on.set()
        thread.join()


def works_in_a_child(work: Callable[[], object]) -> bool:
    """Tell whether work that gives a truth gives it in a forked child, rather than hanging."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def test_an_exporter_takes_spans_in_a_child_that_was_forked_during_an_export() -> None:
    busy = Busy()

    class Slow(Kept):
        def emit(self, record: Item) -> None:
            busy.hold()
            super().emit(record)

    exporter, spans = OvpoSpanExporter(Slow()), finished(named("load"))
    with at_work(busy, lambda: exporter.export(spans)):
        assert works_in_a_child(lambda: exporter.export(spans) is SpanExportResult.SUCCESS)


def test_methods_are_wrapped_in_a_child_that_was_forked_while_one_was_wrapped() -> None:
    busy = Busy()

    class Slow:
        @property
        def work(self) -> Callable[[], int]:
            busy.hold()
            return lambda: 1

    class Quick:
        def work(self) -> int:
            return 1

    def wrapped() -> bool:
        quick = Quick()
        take_off = put_on(quick, "work", lambda method: method() + 1)
        during = quick.work()
        take_off()
        return (during, quick.work()) == (2, 1)

    with at_work(busy, lambda: put_on(Slow(), "work", lambda method: method())):
        assert works_in_a_child(wrapped)


def test_a_trace_has_a_place_in_a_child_that_was_forked_while_one_was_looked_up() -> None:
    busy = Busy()

    class Slow:
        def __hash__(self) -> int:
            busy.hold()
            return 1

        def __eq__(self, other: object) -> bool:
            return self is other

    with at_work(busy, lambda: place_in(cast("Trace", Slow()))):
        assert works_in_a_child(lambda: place_in(OvpoClient(enabled=False).trace()).index == 0)


def test_workflows_run_in_a_child_that_was_forked_while_a_client_was_made() -> None:
    busy, made = Busy(), OvpoClient(enabled=False)

    def client() -> OvpoClient:
        busy.hold()
        return made

    runs = Runs(client)
    with at_work(busy, lambda: runs.client):
        assert works_in_a_child(lambda: runs.client is made)


def test_a_child_leaves_the_open_run_of_a_workflow_to_its_parent() -> None:
    kept = Kept()
    runs = Runs(lambda: cast("OvpoClient", kept))
    runs.begin(settings("wan-2.1", ""), None)
    before = len(kept.records)

    def told() -> bool:
        runs.close()
        return len(kept.records) == before

    assert works_in_a_child(told)
    runs.close()
    assert len(kept.records) == before + 1

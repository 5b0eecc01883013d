# SPDX-License-Identifier: Apache-2.0
"""Observed modules of PyTorch: a span for each forward pass of the trace that runs there and then."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from ovpo_sdk import FailureKind, OvpoClient, SpanKind, SpanStatus, TraceStatus
from ovpo_sdk.errors import ConfigurationError
from ovpo_sdk.records import SpanRecord
from ovpo_sdk.testing.receiver import Receiver
from ovpo_sdk.torch import observe

ONE = torch.ones(1, 2)


class Inner(torch.nn.Module):
    def __init__(self, act: Callable[[torch.Tensor], torch.Tensor] = torch.relu) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(2, 2)
        self.act = act

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.act(self.linear(values))


class Outer(torch.nn.Module):
    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, values: torch.Tensor) -> Any:
        return self.inner(self.inner(values))


class Down(torch.nn.Module):
    """Calls itself."""

    def forward(self, levels: int) -> int:
        return self(levels - 1) + 1 if levels else 0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def client(receiver: Receiver) -> Iterator[OvpoClient]:
    with OvpoClient(receiver.endpoint, receiver.key, strict=True, gpu_seconds=0, handle_sigterm=False) as made:
        yield made


def spans(client: OvpoClient, receiver: Receiver) -> list[SpanRecord]:
    assert client.flush(10)
    return sorted(receiver.spans(), key=lambda span: span.start_time)


def raising(error: BaseException) -> Callable[[torch.Tensor], torch.Tensor]:
    def act(values: torch.Tensor) -> torch.Tensor:
        raise error

    return act


def hooks(module: torch.nn.Module) -> int:
    return len(module._forward_hooks) + len(module._forward_pre_hooks)


def test_each_forward_pass_is_a_span_and_changes_nothing(client: OvpoClient, receiver: Receiver) -> None:
    module = Inner()
    alone = module(ONE)
    with (
        client.trace("tiny") as trace,
        observe(module, client, SpanKind.DECODE, "decoder", {"custom.part": 7}),
    ):
        assert torch.equal(module(ONE), alone)
        assert torch.equal(module(ONE), alone)
    module(ONE)
    told = spans(client, receiver)
    assert [(span.span_kind, span.name, span.status, span.trace_id) for span in told] == [
        (SpanKind.DECODE, "decoder", SpanStatus.OK, trace.id)
    ] * 2
    assert told[0].attributes == {"model.module": "Inner", "custom.part": 7}
    assert hooks(module) == 0


def test_modules_within_modules_make_spans_within_spans(client: OvpoClient, receiver: Receiver) -> None:
    inner = Inner()
    outer = Outer(inner)
    with (
        observe(outer, client, SpanKind.SAMPLING, "outer"),
        observe(inner, client, SpanKind.SAMPLING, "inner"),
        client.trace("tiny") as trace,
        trace.span(SpanKind.SAMPLING, "around") as around,
    ):
        outer(ONE)
    told = {span.name: span for span in spans(client, receiver)}
    assert told["outer"].parent_span_id == around.id
    assert [span.name for span in spans(client, receiver)] == ["around", "outer", "inner", "inner"]
    assert told["inner"].parent_span_id == told["outer"].span_id


def test_a_module_that_calls_itself_makes_a_span_for_each_call(client: OvpoClient, receiver: Receiver) -> None:
    module = Down()
    with client.trace("tiny"), observe(module, client, SpanKind.SAMPLING):
        assert module(2) == 2
    first, second, third = spans(client, receiver)
    assert (first.parent_span_id, second.parent_span_id, third.parent_span_id) == (
        None,
        first.span_id,
        second.span_id,
    )


def test_outside_a_trace_nothing_is_told(client: OvpoClient) -> None:
    module = Inner()
    with observe(module, client, SpanKind.SAMPLING):
        module(ONE)
    assert client.counters().emitted == 0


@pytest.mark.parametrize("error", [RuntimeError("no"), torch.OutOfMemoryError("CUDA out of memory.")])
def test_what_a_forward_pass_raises_goes_on_and_marks_its_span(
    client: OvpoClient, receiver: Receiver, error: RuntimeError
) -> None:
    module = Outer(Inner(raising(error)))
    with (
        observe(module, client, SpanKind.SAMPLING, "outer"),
        observe(module.inner, client, SpanKind.SAMPLING, "inner"),
        pytest.raises(RuntimeError) as raised,
        client.trace("tiny"),
    ):
        module(ONE)
    assert raised.value is error
    assert [(span.name, span.status) for span in spans(client, receiver)] == [
        ("outer", SpanStatus.ERROR),
        ("inner", SpanStatus.ERROR),
    ]
    (trace,) = receiver.traces()
    assert trace.failure is not None
    assert trace.failure.stage == "inner"
    assert (trace.failure.kind is FailureKind.OOM) == isinstance(error, torch.OutOfMemoryError)


def test_a_forward_pass_amid_the_handling_of_an_error_is_no_failure(client: OvpoClient, receiver: Receiver) -> None:
    module = Inner()
    with client.trace("tiny"), observe(module, client, SpanKind.SAMPLING):
        try:
            int("none")
        except ValueError:
            module(ONE)
    assert [span.status for span in spans(client, receiver)] == [SpanStatus.OK]


def test_a_forward_pass_that_is_cut_off_ends_with_the_observation(client: OvpoClient, receiver: Receiver) -> None:
    module = Inner(raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt), client.trace("tiny"), observe(module, client, SpanKind.SAMPLING):
        module(ONE)
    assert [span.status for span in spans(client, receiver)] == [SpanStatus.ERROR]
    (trace,) = receiver.traces()
    assert trace.status is TraceStatus.CANCELLED


def test_what_was_cut_off_inside_is_no_parent_of_what_comes_after(client: OvpoClient, receiver: Receiver) -> None:
    inner = Inner(raising(KeyboardInterrupt()))

    class Patient(torch.nn.Module):
        def forward(self, values: torch.Tensor) -> torch.Tensor:
            with pytest.raises(KeyboardInterrupt):
                inner(values)
            return values

    outer = Patient()
    with (
        client.trace("tiny") as trace,
        observe(outer, client, SpanKind.SAMPLING, "outer"),
        observe(inner, client, SpanKind.SAMPLING, "inner"),
    ):
        outer(ONE)
        with trace.span(SpanKind.DECODE, "after"):
            pass
    told = {span.name: span for span in spans(client, receiver)}
    assert (told["outer"].status, told["inner"].status) == (SpanStatus.OK, SpanStatus.ERROR)
    assert told["after"].parent_span_id is None


def test_threads_with_traces_of_their_own_do_not_meet(client: OvpoClient, receiver: Receiver) -> None:
    module = Outer(Inner())
    ids: dict[str, str] = {}

    def run(name: str) -> None:
        with client.trace(name) as trace:
            ids[name] = trace.id
            for _ in range(20):
                module(ONE)

    with observe(module, client, SpanKind.SAMPLING, "outer"), observe(module.inner, client, SpanKind.SAMPLING, "inner"):
        threads = [threading.Thread(target=run, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    told = {span.span_id: span for span in spans(client, receiver)}
    assert len(told) == 3 * 20 * 3
    for span in told.values():
        if span.name == "inner":
            assert span.parent_span_id is not None
            assert told[span.parent_span_id].name == "outer"
            assert told[span.parent_span_id].trace_id == span.trace_id
    assert {span.trace_id for span in told.values()} == set(ids.values())


def test_a_module_compiled_in_place_is_refused(client: OvpoClient) -> None:
    module = Inner()
    module.compile(backend="eager")
    with pytest.raises(ConfigurationError, match="Inner is compiled in place; observe"):
        observe(module, client, SpanKind.SAMPLING)
    assert hooks(module) == 0


def test_a_compiled_module_is_observed_around_its_code(client: OvpoClient, receiver: Receiver) -> None:
    module = Inner()
    alone = module(ONE)
    compiled: Any = torch.compile(module, backend="eager", fullgraph=True)
    with (
        client.trace("tiny"),
        observe(compiled, client, SpanKind.SAMPLING, "compiled"),
        observe(module, client, SpanKind.SAMPLING, "its code"),
    ):
        assert torch.equal(compiled(ONE), alone)
    assert [span.name for span in spans(client, receiver)] == ["compiled"]


def test_where_cuda_works_a_span_waits_for_it_only_when_asked(
    client: OvpoClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[int] = []
    monkeypatch.setattr("ovpo_sdk.torch.uses_cuda", lambda: True)
    monkeypatch.setattr("ovpo_sdk.torch.settle", lambda: waited.append(1))
    module = Inner()
    with client.trace("tiny"):
        with observe(module, client, SpanKind.SAMPLING):
            module(ONE)
        assert not waited
        with observe(module, client, SpanKind.SAMPLING, synchronize=True):
            module(ONE)
        assert waited
    assert len(spans(client, receiver)) == 2

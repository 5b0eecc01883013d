# SPDX-License-Identifier: Apache-2.0
"""Workflows with our two nodes, executed by ComfyUI's rules, become traces however they end."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise

import pytest
import torch

from ovpo_sdk import OvpoClient
from ovpo_sdk.comfyui import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS
from ovpo_sdk.comfyui.graph import hash_of, settings
from ovpo_sdk.comfyui.nodes import OvpoFinish, OvpoStart
from ovpo_sdk.comfyui.runs import Runs
from ovpo_sdk.kinds import EventType, FailureKind, SpanKind, SpanStatus, TraceStatus
from ovpo_sdk.records import SpanRecord, TraceRecord
from ovpo_sdk.testing.receiver import Receiver
from tests.integration.sdk.comfyui_server import (
    Decode,
    InterruptProcessingException,
    LoadModel,
    OldPatcher,
    Patcher,
    Sample,
    Server,
    text_to_video,
    two_models,
)


class Studio:
    """A server with our nodes, a client, and the collector that this reports to."""

    def __init__(self, receiver: Receiver, client: OvpoClient, runs: Runs) -> None:
        self.receiver = receiver
        self.server = Server(NODE_CLASS_MAPPINGS)
        self.execute = self.server.execute
        self._client = client
        self._runs = runs

    def close(self) -> None:
        self._runs.close()

    def flush(self) -> Receiver:
        assert self._client.flush()
        assert self.receiver.refused == ()
        return self.receiver

    def traces(self) -> list[TraceRecord]:
        return sorted(self.flush().traces(), key=lambda trace: trace.created_at)

    def spans(self, kind: SpanKind | None = None) -> list[SpanRecord]:
        spans = sorted(self.flush().spans(), key=lambda span: span.start_time)
        return [span for span in spans if kind is None or span.span_kind is kind]


@pytest.fixture
def clock() -> Iterator[datetime]:
    """Each look is a minute after the one before: nothing here is quick."""
    return (datetime(2026, 11, 21, 12, tzinfo=UTC) + timedelta(minutes=n) for n in count())


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch, clock: Iterator[datetime]) -> Iterator[Studio]:
    with Receiver() as receiver, closing(OvpoClient(receiver.endpoint, receiver.key, gpu_seconds=0)) as client:
        runs = Runs(lambda: client, lambda: next(clock))
        for node in (OvpoStart, OvpoFinish):
            monkeypatch.setattr(node, "runs", runs)
        yield Studio(receiver, client, runs)
        runs.close()


def test_the_nodes_are_what_comfyui_asks_for() -> None:
    assert set(NODE_CLASS_MAPPINGS) == set(NODE_DISPLAY_NAME_MAPPINGS)
    for node in NODE_CLASS_MAPPINGS.values():
        assert "required" in node.INPUT_TYPES()  # type: ignore[attr-defined]
        assert callable(getattr(node, node.FUNCTION))  # type: ignore[attr-defined]
        assert isinstance(node.RETURN_TYPES, tuple)  # type: ignore[attr-defined]
        assert node.CATEGORY == "OVPO"  # type: ignore[attr-defined]


def test_an_execution_is_a_trace_with_its_sampling_and_its_frames(studio: Studio) -> None:
    assert studio.execute(text_to_video(steps=4, fps=25.0)) is None
    [trace] = studio.traces()
    assert trace.status is TraceStatus.COMPLETED
    assert trace.pipeline_config == {"model": "wan-2.1"}
    assert trace.tags == {"project": "demo", "take": "3"}
    assert trace.input_context == {"prompt_hash": hash_of(text_to_video(steps=4, fps=25.0))}
    assert studio.server.ui["6"] == {"ovpo_trace_id": [trace.trace_id]}
    sampling, decode = studio.spans()
    assert (sampling.span_kind, decode.span_kind) == (SpanKind.SAMPLING, SpanKind.DECODE)
    assert sampling.end_time == decode.start_time
    assert sampling.attributes["custom.comfyui_steps"] == 4
    spreads = json.loads(str(sampling.attributes["custom.comfyui_latent_std"]))
    assert len(spreads) == 4
    assert spreads == sorted(spreads, reverse=True)
    generated = [one for one in studio.receiver.frames() if one.event_type is EventType.GENERATED]
    assert sorted((one.frame_index, one.media_time_ms) for one in generated) == [(n, n * 40.0) for n in range(5)]
    assert {one.span_id for one in generated} == {decode.span_id}
    assert all(0 < one.quality_metrics["brightness_avg"] < 255 for one in generated)


def test_the_last_step_is_told_with_what_it_left(studio: Studio) -> None:
    assert studio.execute(text_to_video(steps=4)) is None
    [sampled] = [one for one in studio.flush().frames() if one.event_type is EventType.SAMPLED]
    [sampling] = studio.spans(SpanKind.SAMPLING)
    assert (sampled.span_id, sampled.frame_index, sampled.step_index) == (sampling.span_id, 0, 3)
    assert sampled.latent_stats is not None
    spreads = json.loads(str(sampling.attributes["custom.comfyui_latent_std"]))
    assert sampled.latent_stats.std_dev == pytest.approx(spreads[-1], abs=1e-4)


def test_the_events_of_a_slow_execution_keep_the_order_that_the_contract_asks_for(studio: Studio) -> None:
    assert studio.execute(two_models()) is None
    events = sorted(studio.flush().frames(), key=lambda one: (one.frame_index, one.observed_at))
    for before, after in pairwise(events):
        assert before.media_time_ms <= after.media_time_ms
        assert before.observed_at <= after.observed_at + timedelta(seconds=5)
    kinds = [(one.event_type, one.frame_index) for one in events]
    assert len(kinds) == len(set(kinds))


def test_a_workflow_makes_the_same_video_with_our_nodes_as_without(studio: Studio) -> None:
    with_nodes = text_to_video()
    without = {name: node for name, node in with_nodes.items() if name not in {"2", "6"}}
    without["3"] = {**without["3"], "inputs": {**without["3"]["inputs"], "model": ["1", 0]}}
    without["7"] = {**without["7"], "inputs": {"images": ["5", 0]}}
    plain = Server({})
    assert studio.execute(with_nodes) is None
    assert plain.execute(without) is None
    assert torch.equal(studio.server.ui["7"]["images"][0], plain.ui["7"]["images"][0])


def test_nothing_that_is_typed_into_a_workflow_leaves(studio: Studio) -> None:
    assert studio.execute(text_to_video(text="a red fox at number 12")) is None
    studio.flush()
    assert all(b"red fox" not in request.body for request in studio.receiver.requests)


# The queue --------------------------------------------------------------------------------------------------------


def test_each_prompt_of_a_queue_is_a_trace_of_its_own(studio: Studio) -> None:
    for seed in (1, 2, 3):
        assert studio.execute(text_to_video(seed=seed)) is None
    assert "2" not in studio.server.executed, "OVPO Start was cached, as nothing above it changed"
    traces = studio.traces()
    assert [trace.status for trace in traces] == [TraceStatus.COMPLETED] * 3
    expected = [hash_of(text_to_video(seed=seed)) for seed in (1, 2, 3)]
    assert [trace.input_context["prompt_hash"] for trace in traces] == expected
    assert {trace.pipeline_config["model"] for trace in traces} == {"wan-2.1"}
    assert len(studio.spans(SpanKind.SAMPLING)) == 3


def test_a_workflow_that_is_queued_again_unchanged_executes_nothing_and_traces_nothing(studio: Studio) -> None:
    for _ in range(2):
        assert studio.execute(text_to_video()) is None
    assert studio.server.executed == []
    assert len(studio.traces()) == 1


def test_our_nodes_never_make_comfyui_sample_again(studio: Studio) -> None:
    for factor in (1.0, 1.5):
        assert studio.execute(text_to_video(factor=factor)) is None
    assert studio.server.executed == ["5", "6", "7"]
    _, second = studio.traces()
    [frames] = [span for span in studio.spans() if span.trace_id == second.trace_id]
    assert (frames.span_kind, frames.attributes["custom.comfyui_sampling_cached"]) == (SpanKind.POSTPROCESS, True)
    assert second.pipeline_config == {"model": "wan-2.1"}
    assert second.tags == {"project": "demo", "take": "3"}


def test_two_models_that_take_turns_are_one_trace_with_two_samplings(studio: Studio) -> None:
    assert studio.execute(two_models()) is None
    assert len(studio.traces()) == 1
    assert [span.attributes["custom.comfyui_steps"] for span in studio.spans(SpanKind.SAMPLING)] == [4, 3]


# How it may end ---------------------------------------------------------------------------------------------------


def test_an_interrupted_sampling_ends_its_trace_as_cancelled_at_once(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sample, "breaks", {2: InterruptProcessingException()})
    assert isinstance(studio.execute(text_to_video()), InterruptProcessingException)
    [trace] = studio.traces()
    assert trace.status is TraceStatus.CANCELLED
    [sampling] = studio.spans()
    assert (sampling.status, sampling.attributes["custom.comfyui_steps"]) == (SpanStatus.ERROR, 2)


def test_a_sampling_that_runs_out_of_memory_fails_its_trace_and_goes_on_failing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    monkeypatch.setattr(Sample, "breaks", {1: error})
    assert studio.execute(text_to_video()) is error
    [trace] = studio.traces()
    assert trace.status is TraceStatus.FAILED
    assert trace.failure is not None
    assert (trace.failure.kind, trace.failure.stage) == (FailureKind.OOM, "sampling")
    monkeypatch.setattr(Sample, "breaks", {})
    assert studio.execute(text_to_video()) is None
    assert [trace.status for trace in studio.traces()] == [TraceStatus.FAILED, TraceStatus.COMPLETED]


def test_a_workflow_that_another_node_broke_is_cancelled_by_the_next_one(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Decode, "breaks", ValueError("odd size"))
    assert studio.execute(text_to_video()) is not None
    assert [trace.status for trace in studio.traces()] == [TraceStatus.GENERATING]
    monkeypatch.setattr(Decode, "breaks", None)
    assert studio.execute(text_to_video(seed=2)) is None
    first, second = studio.traces()
    assert (first.status, second.status) == (TraceStatus.CANCELLED, TraceStatus.COMPLETED)
    assert first.failure is not None
    assert "before its OVPO Finish" in first.failure.message
    before, after = studio.spans(SpanKind.SAMPLING)
    assert (before.trace_id, after.trace_id) == (first.trace_id, second.trace_id)
    assert first.completed_at == before.end_time, "it ended when it was last heard of, not when that was noticed"


def test_an_old_model_that_takes_no_wrappers_is_observed_all_the_same(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoadModel, "patcher", OldPatcher)
    monkeypatch.setattr(Sample, "breaks", {2: InterruptProcessingException()})
    assert studio.execute(text_to_video()) is not None
    monkeypatch.setattr(Sample, "breaks", {})
    assert studio.execute(text_to_video(seed=2)) is None
    assert [trace.status for trace in studio.traces()] == [TraceStatus.CANCELLED, TraceStatus.COMPLETED]
    assert [span.attributes["custom.comfyui_steps"] for span in studio.spans(SpanKind.SAMPLING)] == [2, 4]


def test_a_server_without_a_cache_is_told_apart_by_its_workflows(studio: Studio) -> None:
    """ComfyUI's `--cache-none` asks no `IS_CHANGED`."""
    for seed in (1, 2):
        graph = text_to_video(seed=seed)
        patched, *_ = OvpoStart().start(Patcher(), "wan", "", graph)
        assert isinstance(patched, Patcher)
    assert [trace.status for trace in studio.traces()] == [TraceStatus.CANCELLED, TraceStatus.GENERATING]


def test_the_end_of_the_program_ends_a_trace_that_is_open() -> None:
    program = """
from ovpo_sdk.comfyui import NODE_CLASS_MAPPINGS
from tests.integration.sdk.comfyui_server import Patcher
NODE_CLASS_MAPPINGS["OvpoStart"]().start(Patcher(), "wan", "", {})
"""
    with Receiver() as receiver:
        own = {"OVPO_ENDPOINT": receiver.endpoint, "OVPO_KEY": receiver.key}
        ran = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **own},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        [trace] = receiver.traces()
        assert trace.status is TraceStatus.CANCELLED


# What a sampling tells --------------------------------------------------------------------------------------------


def test_evaluations_at_one_noise_level_are_one_step(studio: Studio) -> None:
    assert studio.execute(text_to_video(steps=3, evaluations=2)) is None
    [sampling] = studio.spans(SpanKind.SAMPLING)
    assert sampling.attributes["custom.comfyui_steps"] == 3


def test_steps_whose_latents_are_not_finite_are_counted(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sample, "nan_from", 2)
    assert studio.execute(text_to_video(steps=5)) is None
    [sampling] = studio.spans(SpanKind.SAMPLING)
    assert sampling.attributes["custom.comfyui_steps_not_finite"] == 3
    [sampled] = [one for one in studio.receiver.frames() if one.event_type is EventType.SAMPLED]
    assert sampled.latent_stats is not None
    assert sampled.latent_stats.nan_count == 4 * 5 * 8 * 8
    assert all("brightness_avg" not in one.quality_metrics for one in studio.receiver.frames())


def test_the_curve_of_a_long_sampling_is_thinned_and_keeps_its_end(studio: Studio) -> None:
    assert studio.execute(text_to_video(steps=400)) is None
    [sampling] = studio.spans(SpanKind.SAMPLING)
    every = int(sampling.attributes["custom.comfyui_latent_std_every"])
    spreads = json.loads(str(sampling.attributes["custom.comfyui_latent_std"]))
    assert len(spreads) == -(-400 // every)
    assert len(spreads) > 90


def test_what_goes_wrong_in_an_observer_does_not_reach_the_workflow(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> None:
        raise AttributeError("a tensor of a kind that nobody knows")

    monkeypatch.setattr("ovpo_sdk.comfyui.runs.latent_stats", broken)
    assert studio.execute(text_to_video()) is None
    assert [trace.status for trace in studio.traces()] == [TraceStatus.COMPLETED]
    assert caplog.text.count("could not observe a sampling step") <= 1


def test_without_a_key_a_model_goes_through_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(OvpoClient(enabled=False)) as client:
        for node in (OvpoStart, OvpoFinish):
            monkeypatch.setattr(node, "runs", Runs(lambda: client))
        model = Patcher()
        assert OvpoStart().start(model, "wan")[0] is model
        images = torch.zeros((2, 4, 4, 3))
        assert OvpoFinish().finish(images, 24.0) == {"ui": {"ovpo_trace_id": []}, "result": (images,)}


@pytest.mark.parametrize(
    ("typed", "tags"),
    [
        ("", {}),
        ("project=demo, take=3", {"project": "demo", "take": "3"}),
        ("project = demo\ntake=a=b", {"project": "demo", "take": "a=b"}),
        ("no tag, Big=letters, ok=1", {"ok": "1"}),
        (None, {}),
    ],
)
def test_tags_are_read_as_they_are_typed(typed: object, tags: dict[str, str]) -> None:
    assert settings("wan", typed).tags == tags


def test_a_start_without_a_name_is_called_comfyui() -> None:
    assert settings("  ", "").model == "comfyui"

# SPDX-License-Identifier: Apache-2.0
"""Observed pipelines of diffusers compute what they compute unobserved, and a collector hears what they did."""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.callbacks import PipelineCallback
from diffusers.pipelines.ddpm.pipeline_ddpm import DDPMPipeline

from ovpo_sdk import EventType, FailureKind, OvpoClient, SpanKind, SpanStatus, TraceStatus
from ovpo_sdk.diffusers import StepObserver, load, observe
from ovpo_sdk.errors import ConfigurationError
from ovpo_sdk.records import FrameRecord, SpanRecord, TraceRecord
from ovpo_sdk.testing.receiver import Receiver
from ovpo_sdk.torch import observe as observe_module
from tests.integration.sdk.tiny_pipelines import animation, seeded, text_to_image, text_to_video, unconditional

NOISE: dict[str, Any] = {"batch_size": 2, "num_inference_steps": 3, "output_type": "np"}
IMAGE: dict[str, Any] = {
    "prompt": "a red fox",
    "negative_prompt": "blurry",
    "num_inference_steps": 3,
    "height": 16,
    "width": 16,
    "output_type": "np",
}
VIDEO: dict[str, Any] = {
    "prompt": "a red fox runs through snow",
    "num_inference_steps": 2,
    "num_frames": 5,
    "height": 16,
    "width": 16,
    "max_sequence_length": 16,
    "output_type": "np",
}
FROM_TEXT = [SpanKind.TEXT_ENCODE, SpanKind.SAMPLING, SpanKind.DECODE, SpanKind.POSTPROCESS]


class Seen:
    """A collector and a client of it."""

    def __init__(self, receiver: Receiver, *, strict: bool) -> None:
        self.receiver = receiver
        self.client = OvpoClient(receiver.endpoint, receiver.key, strict=strict, gpu_seconds=0, handle_sigterm=False)

    def trace(self) -> TraceRecord:
        assert self.client.flush(10)
        (trace,) = self.receiver.traces()
        return trace

    def spans(self) -> list[SpanRecord]:
        assert self.client.flush(10)
        return sorted(self.receiver.spans(), key=lambda span: span.start_time)

    def kinds(self) -> list[SpanKind]:
        return [span.span_kind for span in self.spans()]

    def span(self, kind: SpanKind) -> SpanRecord:
        (span,) = [span for span in self.spans() if span.span_kind is kind]
        return span

    def frames(self, event_type: EventType | None = None) -> list[FrameRecord]:
        assert self.client.flush(10)
        found = [one for one in self.receiver.frames() if event_type in {None, one.event_type}]
        return sorted(found, key=lambda one: (one.frame_index, one.observed_at))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def seen() -> Iterator[Seen]:
    with Receiver() as receiver:
        made = Seen(receiver, strict=True)
        yield made
        made.client.close()


@pytest.fixture
def lenient() -> Iterator[Seen]:
    with Receiver() as receiver:
        made = Seen(receiver, strict=False)
        yield made
        made.client.close()


def touched(pipeline: Any) -> dict[str, Any]:
    """Give everything that an observer might leave behind."""
    parts = {"pipeline": pipeline, **pipeline.components, **vars(pipeline)}
    own = {
        (name, key): value
        for name, part in parts.items()
        for key, value in getattr(part, "__dict__", {}).items()
        if callable(value)
    }
    modules = {name: part for name, part in parts.items() if isinstance(part, torch.nn.Module)}
    hooks = {name: (dict(part._forward_hooks), dict(part._forward_pre_hooks)) for name, part in modules.items()}
    return {"own": own, "hooks": hooks}


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("make", "call", "stages"),
    [
        (unconditional, NOISE, [SpanKind.SAMPLING, SpanKind.POSTPROCESS]),
        (text_to_image, IMAGE, FROM_TEXT),
        (text_to_video, VIDEO, FROM_TEXT),
    ],
    ids=["unconditional", "text_to_image", "text_to_video"],
)
def test_an_observed_pipeline_gives_the_same_bits_and_tells_its_stages(
    seen: Seen, make: Callable[[], Any], call: dict[str, Any], stages: list[SpanKind]
) -> None:
    pipeline = make()
    alone = pipeline(**call, generator=seeded())[0]
    before = touched(pipeline)

    observed = observe(pipeline, seen.client)(**call, generator=seeded())

    assert type(observed) is type(pipeline(**call, generator=seeded()))
    assert np.array_equal(alone, observed[0])
    assert touched(pipeline) == before
    assert seen.trace().status is TraceStatus.COMPLETED
    assert seen.kinds() == stages
    assert {(span.trace_id, span.parent_span_id, span.status) for span in seen.spans()} == {
        (seen.trace().trace_id, None, SpanStatus.OK)
    }
    assert seen.span(SpanKind.SAMPLING).attributes["ovpo.steps"] == call["num_inference_steps"]
    assert not seen.receiver.refused


def test_a_trace_tells_how_a_run_was_made_and_never_the_prompt(seen: Seen) -> None:
    observe(text_to_video(), seen.client, model="tiny-wan")(**VIDEO, generator=[seeded(41)])
    trace = seen.trace()
    assert trace.pipeline_config == trace.pipeline_config | {
        "model": "tiny-wan",
        "pipeline": "WanPipeline",
        "scheduler": "FlowMatchEulerDiscreteScheduler",
        "steps": 2,
        "guidance_scale": 5.0,
        "height": 16,
        "width": 16,
        "num_frames": 5,
        "dtype": "float32",
        "device": "cpu",
    }
    assert trace.input_context["seed"] == 41
    assert trace.input_context["prompt_length"] == len(VIDEO["prompt"])
    assert not any(b"fox" in request.body for request in seen.receiver.requests)


def test_frames_of_a_video_are_numbered_from_0_and_lie_where_the_rate_puts_them(seen: Seen) -> None:
    observe(text_to_video(), seen.client, fps=16)(**VIDEO)
    frames = seen.frames(EventType.GENERATED)
    assert [(one.frame_index, one.media_time_ms) for one in frames] == [(n, n * 62.5) for n in range(5)]
    assert {one.span_id for one in frames} == {seen.span(SpanKind.POSTPROCESS).span_id}


def test_of_a_video_the_last_step_stands_at_the_first_frame(seen: Seen) -> None:
    latents = observe(text_to_video(), seen.client, tell="nothing")(**VIDEO | {"output_type": "latent"}).frames
    observe(text_to_video(), seen.client)(**VIDEO, generator=seeded())
    (step,) = seen.frames(EventType.SAMPLED)
    assert (step.frame_index, step.media_time_ms, step.step_index) == (0, 0.0, 1)
    assert step.latent_stats is not None
    assert latents.shape[1] == 16
    events = seen.frames()
    assert [one.observed_at for one in events] == sorted(one.observed_at for one in events)
    assert [one.media_time_ms for one in events] == sorted(one.media_time_ms for one in events)


def test_the_numbers_of_a_step_are_those_of_its_latents(seen: Seen) -> None:
    latents = observe(text_to_image(), seen.client)(**IMAGE | {"output_type": "latent"}).images
    *_, last = seen.frames()
    assert last.latent_stats is not None
    assert last.latent_stats.mean == pytest.approx(latents.mean().item(), abs=1e-6)
    assert last.latent_stats.std_dev == pytest.approx(latents.std(correction=0).item(), rel=1e-5)
    assert last.latent_stats.max_val == latents.max().item()
    assert seen.kinds() == [SpanKind.TEXT_ENCODE, SpanKind.SAMPLING, SpanKind.POSTPROCESS]


@pytest.mark.parametrize(("make", "call"), [(unconditional, NOISE), (text_to_image, IMAGE)])
def test_of_images_each_step_is_told_and_then_each_image(
    seen: Seen, make: Callable[[], Any], call: dict[str, Any]
) -> None:
    output = observe(make(), seen.client, latent_every=2)(**call)
    steps, images = seen.frames(EventType.SAMPLED), seen.frames(EventType.GENERATED)
    assert [(one.frame_index, one.step_index, one.latent_stats is not None) for one in steps] == [
        (0, 0, True),
        (1, 1, False),
        (2, 2, True),
    ]
    assert {one.span_id for one in steps} == {seen.span(SpanKind.SAMPLING).span_id}
    assert [one.frame_index for one in images] == [3 + n for n in range(len(output.images))]
    events = seen.frames()
    assert [one.observed_at for one in events] == sorted(one.observed_at for one in events)


def test_nothing_is_told_of_frames_where_somebody_else_does_that(seen: Seen) -> None:
    observe(text_to_video(), seen.client, tell="nothing")(**VIDEO)
    assert seen.kinds() == FROM_TEXT
    assert not seen.frames()
    assert seen.trace().status is TraceStatus.COMPLETED


def test_a_pipeline_that_rounds_the_number_of_frames_has_lost_none(seen: Seen) -> None:
    output = observe(text_to_video(), seen.client)(**VIDEO | {"num_frames": 6})
    assert output.frames.shape[1] == 5
    assert seen.trace().status is TraceStatus.COMPLETED


def test_a_callback_of_the_callers_gets_what_it_asked_for_and_its_changes_count(seen: Seen) -> None:
    pipeline = text_to_image()
    asked: list[tuple[bool, int, list[str]]] = []

    def brighten(owner: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        asked.append((owner is pipeline, step, sorted(tensors)))
        return {"latents": tensors["latents"] + 0.5} if "latents" in tensors else {}

    def run(target: Any, **more: Any) -> Any:
        return target(**IMAGE, **more, generator=seeded(), callback_on_step_end=brighten).images

    alone, observed = run(pipeline), run(observe(pipeline, seen.client))
    assert np.array_equal(alone, observed)
    assert asked[:3] == asked[3:] == [(True, step, ["latents"]) for step in range(3)]
    asked.clear()
    run(observe(pipeline, seen.client), callback_on_step_end_tensor_inputs=["prompt_embeds"])
    assert asked == [(True, step, ["prompt_embeds"]) for step in range(3)]
    assert len(seen.frames(EventType.SAMPLED)) == 6


def test_an_official_callback_names_its_tensors_itself(seen: Seen) -> None:
    asked: list[list[str]] = []

    class Embeddings(PipelineCallback):
        tensor_inputs = ["prompt_embeds"]  # noqa: RUF012

        def callback_fn(self, pipeline: Any, step_index: int, timesteps: Any, callback_kwargs: Any) -> Any:
            asked.append(sorted(callback_kwargs))
            return callback_kwargs

    observe(text_to_image(), seen.client)(**IMAGE, callback_on_step_end=Embeddings())
    assert asked == [["prompt_embeds"]] * 3
    assert all(one.latent_stats is not None for one in seen.frames(EventType.SAMPLED))


@pytest.mark.parametrize(
    ("component", "method", "stage", "steps"),
    [
        ("text_encoder", "forward", "text_encode", 0),
        ("unet", "forward", "sampling", 0),
        ("vae", "decode", "decode", 3),
    ],
)
def test_what_a_component_raises_goes_on_and_is_the_failure(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, component: str, method: str, stage: str, steps: int
) -> None:
    pipeline = text_to_image()
    error = ArithmeticError("the fox ran away")
    monkeypatch.setattr(getattr(pipeline, component), method, failing(error))
    before = touched(pipeline)
    with pytest.raises(ArithmeticError) as raised:
        observe(pipeline, seen.client)(**IMAGE)
    assert raised.value is error
    assert touched(pipeline) == before
    trace = seen.trace()
    assert trace.status is TraceStatus.FAILED
    assert trace.failure is not None
    assert (trace.failure.kind, trace.failure.message, trace.failure.stage) == (
        FailureKind.CRASH,
        "the fox ran away",
        stage,
    )
    assert [span.name for span in seen.spans() if span.status is SpanStatus.ERROR] == [stage]
    assert len(seen.frames(EventType.SAMPLED)) == steps


def test_memory_that_runs_out_is_recognised(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = unconditional()
    monkeypatch.setattr(pipeline.unet, "forward", failing(torch.OutOfMemoryError("CUDA out of memory.")))
    with pytest.raises(torch.OutOfMemoryError):
        observe(pipeline, seen.client)(**NOISE)
    failure = seen.trace().failure
    assert failure is not None
    assert (failure.kind, failure.stage) == (FailureKind.OOM, "sampling")


def test_the_last_step_before_a_failure_is_told(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = text_to_video()
    monkeypatch.setattr(pipeline.vae, "decode", failing(RuntimeError("no")))
    with pytest.raises(RuntimeError):
        observe(pipeline, seen.client)(**VIDEO)
    assert [one.step_index for one in seen.frames()] == [1]


def test_an_interrupted_run_is_cancelled(seen: Seen) -> None:
    def stop(owner: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        owner._interrupt = step == 1
        return tensors

    assert observe(text_to_image(), seen.client)(**IMAGE, callback_on_step_end=stop).images.shape == (1, 16, 16, 3)
    assert seen.trace().status is TraceStatus.CANCELLED
    assert seen.span(SpanKind.SAMPLING).attributes["ovpo.steps"] == 2
    assert seen.kinds() == FROM_TEXT


def test_a_video_that_is_sampled_twice_has_two_samplings_and_its_chunks_one_decoding(seen: Seen) -> None:
    pipeline = animation()
    pipeline.enable_free_init(num_iters=2)
    observe(pipeline, seen.client)(**IMAGE, num_frames=4, decode_chunk_size=2)
    sampling = [SpanKind.SAMPLING, SpanKind.SAMPLING]
    assert seen.kinds() == [SpanKind.TEXT_ENCODE, *sampling, SpanKind.DECODE, SpanKind.POSTPROCESS]
    assert [one.frame_index for one in seen.frames(EventType.GENERATED)] == [0, 1, 2, 3]
    assert seen.trace().status is TraceStatus.COMPLETED


def test_the_step_at_which_latents_stop_being_finite_is_told(seen: Seen) -> None:
    def spoil(owner: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        return {"latents": tensors["latents"] * float("nan")} if step == 0 else {}

    observe(text_to_video(), seen.client)(**VIDEO, callback_on_step_end=spoil)
    assert seen.span(SpanKind.SAMPLING).attributes["ovpo.not_finite_at_step"] == 1


def test_within_a_trace_the_stages_belong_to_what_is_current_and_numbers_go_on(seen: Seen) -> None:
    observed = observe(text_to_image(), seen.client)
    with seen.client.trace("two in one") as trace, trace.span(SpanKind.QUEUE, "around") as around:
        observed(**IMAGE)
        observed(**IMAGE)
    assert seen.trace().trace_id == trace.id
    assert {span.parent_span_id for span in seen.spans() if span.span_id != around.id} == {around.id}
    assert [one.frame_index for one in seen.frames()] == list(range(8))


def test_observed_modules_of_a_pipeline_lie_within_its_stages(seen: Seen) -> None:
    pipeline = text_to_image()
    with (
        observe_module(pipeline.unet, seen.client, SpanKind.SAMPLING, "unet"),
        observe_module(pipeline.text_encoder, seen.client, SpanKind.TEXT_ENCODE, "clip"),
    ):
        observe(pipeline, seen.client)(**IMAGE)
    told = {span.span_id: span.name for span in seen.spans()}
    within = [(span.name, told.get(span.parent_span_id or "")) for span in seen.spans()]
    assert within == [
        ("text_encode", None),
        ("clip", "text_encode"),
        ("clip", "text_encode"),
        ("sampling", None),
        ("unet", "sampling"),
        ("unet", "sampling"),
        ("unet", "sampling"),
        ("decode", None),
        ("postprocess", None),
    ]


def test_a_pipeline_that_is_observed_twice_is_traced_once(seen: Seen) -> None:
    observe(observe(unconditional(), seen.client), seen.client)(**NOISE)
    assert seen.kinds() == [SpanKind.SAMPLING, SpanKind.POSTPROCESS]


def test_pipelines_that_share_components_may_run_at_once(lenient: Seen) -> None:
    pipelines = [text_to_image() for _ in range(3)]
    alone = pipelines[0](**IMAGE, generator=seeded()).images
    before = [touched(pipeline) for pipeline in pipelines]
    outputs: list[Any] = []

    def run(pipeline: Any) -> None:
        outputs.append(observe(pipeline, lenient.client)(**IMAGE, generator=seeded()).images)

    threads = [threading.Thread(target=run, args=(pipeline,)) for pipeline in pipelines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [np.array_equal(alone, output) for output in outputs] == [True] * 3
    assert [touched(pipeline) for pipeline in pipelines] == before
    spans = lenient.spans()
    for trace in lenient.receiver.traces():
        assert [span.span_kind for span in spans if span.trace_id == trace.trace_id] == FROM_TEXT


def test_a_fault_of_the_observer_is_said_once_and_changes_nothing(
    lenient: Seen, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = text_to_image()
    alone = pipeline(**IMAGE, generator=seeded()).images
    monkeypatch.setattr("ovpo_sdk.harmless._said", set())
    monkeypatch.setattr("ovpo_sdk.diffusion.events.latent_stats", failing(RuntimeError("blind")))
    with caplog.at_level(logging.WARNING, logger="ovpo_sdk"):
        observed = observe(pipeline, lenient.client)(**IMAGE, generator=seeded()).images
    assert np.array_equal(alone, observed)
    assert lenient.trace().status is TraceStatus.COMPLETED
    assert [record.message for record in caplog.records if "observe a step" in record.message] == [
        "ovpo: could not observe a step; the run goes on, and this is said once"
    ]


def test_a_fault_of_the_observer_is_raised_in_strict_mode(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ovpo_sdk.diffusion.events.latent_stats", failing(RuntimeError("blind")))
    with pytest.raises(RuntimeError, match="blind"):
        observe(text_to_image(), seen.client)(**IMAGE)


@pytest.mark.parametrize(("synchronize", "waits"), [(True, 4), (False, 0)])
def test_where_cuda_works_each_stage_waits_for_it_and_tells_its_memory(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, synchronize: bool, waits: int
) -> None:
    waited: list[int] = []
    monkeypatch.setattr("ovpo_sdk.diffusion.watching.settle", lambda: waited.append(1))
    monkeypatch.setattr("ovpo_sdk.diffusion.watching.uses_cuda", lambda: True)
    monkeypatch.setattr("ovpo_sdk.diffusion.watching.memory_used", lambda: {"gpu.vram_peak_mb": 3.5})
    observe(text_to_image(), seen.client, synchronize=synchronize)(**IMAGE)
    assert len(waited) == waits
    assert [span.attributes["gpu.vram_peak_mb"] for span in seen.spans()] == [3.5] * 4


def test_a_collector_that_is_away_changes_nothing(lenient: Seen) -> None:
    lenient.receiver.stop()
    pipeline = text_to_image()
    alone = pipeline(**IMAGE, generator=seeded()).images
    assert np.array_equal(alone, observe(pipeline, lenient.client)(**IMAGE, generator=seeded()).images)


def test_a_client_that_is_off_leaves_the_pipeline_alone() -> None:
    with OvpoClient(enabled=False, handle_sigterm=False) as client:
        assert observe(unconditional(), client)(**NOISE).images.shape == (2, 8, 8, 3)
        assert client.counters().emitted == 0


def test_a_call_that_the_pipeline_does_not_take_is_refused_by_the_pipeline(seen: Seen) -> None:
    with pytest.raises(TypeError, match="no_such_argument"):
        observe(unconditional(), seen.client)(no_such_argument=1)
    assert not seen.receiver.traces()


def test_everything_else_is_the_pipelines_own(seen: Seen) -> None:
    pipeline = unconditional()
    observed = observe(pipeline, seen.client)
    assert observed.unet is pipeline.unet
    observed.scheduler = pipeline.scheduler.from_config(pipeline.scheduler.config, num_train_timesteps=10)
    assert pipeline.scheduler.config.num_train_timesteps == 10
    assert observed.to("cpu") is observed
    assert observed.pipeline is pipeline


@pytest.mark.parametrize("wrong", [{"latent_every": -1}, {"fps": 0.0}, {"tell": "all"}])
def test_a_wish_that_cannot_be_is_refused_at_once(seen: Seen, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"{next(iter(wrong))} is .*; give"):
        observe(unconditional(), seen.client, **wrong)


def test_loading_is_a_stage_of_the_current_trace(seen: Seen, tmp_path: Path) -> None:
    unconditional().save_pretrained(tmp_path / "tiny")
    with seen.client.trace("tiny"):
        observed = observe(load(DDPMPipeline, tmp_path / "tiny", seen.client), seen.client)
        observed(**NOISE)
    assert seen.kinds() == [SpanKind.LOAD, SpanKind.SAMPLING, SpanKind.POSTPROCESS]
    observed(**NOISE)
    assert seen.client.flush(10)
    _, later = seen.receiver.traces()
    assert later.pipeline_config["model"] == "tiny"


def test_a_step_observer_tells_the_steps_of_a_call_of_ones_own(seen: Seen) -> None:
    pipeline = text_to_image()
    alone = pipeline(**IMAGE, generator=seeded()).images
    with seen.client.trace("by hand") as trace, trace.span(SpanKind.SAMPLING) as span:
        watched = pipeline(**IMAGE, generator=seeded(), callback_on_step_end=StepObserver(span, latent_every=2)).images
    assert np.array_equal(alone, watched)
    assert [(one.step_index, one.latent_stats is not None) for one in seen.frames()] == [
        (0, True),
        (1, False),
        (2, True),
    ]

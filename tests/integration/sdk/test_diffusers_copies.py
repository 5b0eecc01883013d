# SPDX-License-Identifier: Apache-2.0
"""Observed pipelines that are copied or pickled, and calls of them where no trace is current."""

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from diffusers.pipelines.ddpm.pipeline_ddpm import DDPMPipeline

from ovpo_sdk import OvpoClient, SpanKind, TraceStatus, current_trace
from ovpo_sdk.diffusers import Observed, load, observe
from ovpo_sdk.testing import Receiver
from ovpo_sdk.torch import observe as observe_module
from tests.integration.sdk.clients import a_client
from tests.integration.sdk.tiny_pipelines import unconditional

NOISE: dict[str, Any] = {"batch_size": 2, "num_inference_steps": 3, "output_type": "np"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def client(receiver: Receiver) -> Iterator[OvpoClient]:
    with a_client(receiver, strict=True) as made:
        yield made


def test_a_copy_of_an_observed_pipeline_is_observed(receiver: Receiver, client: OvpoClient) -> None:
    observed = observe(unconditional(), client, model="tiny")
    shallow, deep = copy.copy(observed), copy.deepcopy(observed)
    assert type(shallow) is type(deep) is Observed
    assert shallow.pipeline is observed.pipeline
    assert deep.pipeline is not observed.pipeline
    assert deep.unet is not observed.unet
    for pipeline in (shallow, deep):
        pipeline(**NOISE)
    assert client.flush(10)
    assert [one.pipeline_config["model"] for one in receiver.traces()] == ["tiny", "tiny"]


def test_an_observed_pipeline_cannot_be_pickled_and_says_what_can(receiver: Receiver, client: OvpoClient) -> None:
    observed = observe(unconditional(), client)
    with pytest.raises(TypeError, match=r"pickle its \.pipeline"):
        pickle.dumps(observed)
    blank = Observed.__new__(Observed)
    assert not hasattr(blank, "pipeline")
    assert not hasattr(blank, "__setstate__")


def test_a_span_outside_of_a_trace_is_in_nobodys_way(receiver: Receiver, client: OvpoClient, tmp_path: Path) -> None:
    pipeline = unconditional()
    pipeline.save_pretrained(tmp_path / "tiny")
    with client.span(SpanKind.SAMPLING):
        assert current_trace() is None
        loaded = load(DDPMPipeline, tmp_path / "tiny", client)
        with observe_module(loaded.unet, client, SpanKind.SAMPLING, "unet"):
            loaded(**NOISE)
        assert client.flush(10)
        assert not receiver.traces()
        observe(loaded, client)(**NOISE)
    assert client.flush(10)
    assert [one.status for one in receiver.traces()] == [TraceStatus.COMPLETED]
    assert {one.span_kind for one in receiver.spans()} == {SpanKind.SAMPLING, SpanKind.POSTPROCESS}

# SPDX-License-Identifier: Apache-2.0
"""Configurations, contexts and seeds of a caller as JSON that the contract takes; hashes; texts."""

import dataclasses
import datetime as dt
import decimal
import hashlib
import hmac
import itertools
import json
import pathlib
import uuid
from collections.abc import Iterator
from enum import Enum
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.telemetry.contract.canonical import canonical
from ovpo.telemetry.contract.document import nul_breach
from ovpo.telemetry.contract.limits import PIPELINE_CONFIG_BYTES
from ovpo_sdk.errors import InvalidTelemetryError
from ovpo_sdk.shaping.configs import shaped_config, shaped_context, shaped_seed
from ovpo_sdk.shaping.hashing import prompt_hash, user_hash
from ovpo_sdk.shaping.texts import cut


class Scheduler(Enum):
    EULER = "euler"


@dataclasses.dataclass
class Guidance:
    scale: float
    parent: Any = None


class Stage(msgspec.Struct):
    name: str


class Opaque:
    def __repr__(self) -> str:
        raise AssertionError("nobody asked for a repr")


class EndlessList(list[int]):
    def __iter__(self) -> Iterator[int]:
        return itertools.repeat(0)


class EndlessMapping(dict[int, int]):
    def items(self) -> Any:
        return zip(itertools.count(), itertools.repeat(0), strict=True)


ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(exclude_categories=[])),
        st.binary(),
        st.dates(),
        st.datetimes(),
        st.timedeltas(),
        st.uuids(),
        st.decimals(),
        st.builds(object),
        st.just(Scheduler.EULER),
        st.builds(Guidance, st.floats()),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.text(), st.integers(), st.none()), inner, max_size=4),
        st.tuples(inner, inner),
    ),
    max_leaves=20,
)


def raising(message: str) -> None:
    raise InvalidTelemetryError(message)


def test_what_pipelines_are_configured_with_becomes_plain() -> None:
    some_id = uuid.uuid4()
    config = {
        "steps": np.int32(30),
        "scheduler": Scheduler.EULER,
        "when": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        "limit": dt.timedelta(minutes=1),
        "weights": pathlib.PurePosixPath("models/wan"),
        "id": some_id,
        "share": decimal.Decimal("0.10"),
        "guidance": Guidance(7.5),
        "stage": Stage("decode"),
        "size": (1280, 720),
        "tags": {"b", "a"},
        "dtype": np.dtype("float32"),
        "latents": np.zeros((4, 64)),
        "raw": b"abc",
        "kind": Guidance,
        "call": len,
        "odd": Opaque(),
        "nan": float("nan"),
        "seed": 2**64 - 1,
        "huge": 2**64,
        "enormous": 10**5000,
        3: "three",
        "text": "a\0b\ud800",
    }
    assert shaped_config(config, raising) == {
        "steps": 30,
        "scheduler": "euler",
        "when": "2026-01-02T03:04:05+00:00",
        "limit": 60.0,
        "weights": "models/wan",
        "id": str(some_id),
        "share": "0.10",
        "guidance": {"scale": 7.5, "parent": None},
        "stage": {"name": "decode"},
        "size": [1280, 720],
        "tags": ["a", "b"],
        "dtype": "float32",
        "latents": "<numpy.ndarray of 4x64>",
        "raw": "<3 bytes>",
        "kind": f"{__name__}.Guidance",
        "call": "<builtin_function_or_method>",
        "odd": f"<{__name__}.Opaque>",
        "nan": "nan",
        "seed": 2**64 - 1,
        "huge": str(2**64),
        "enormous": "<int of too many digits>",
        "3": "three",
        "text": "a\ufffdb\ufffd",
    }


def test_types_and_devices_of_torch_are_spelled_as_torch_does() -> None:
    torch = pytest.importorskip("torch")
    config = {
        "dtype": torch.bfloat16,
        "device": torch.device("cpu"),
        "size": torch.Size([2, 3]),
        "latents": torch.zeros(1, 4, dtype=torch.float16),
        "one": torch.tensor(3),
        "generator": torch.Generator(),
    }
    assert shaped_config(config, raising) == {
        "dtype": "torch.bfloat16",
        "device": "cpu",
        "size": [2, 3],
        "latents": "<torch.Tensor of 1x4>",
        "one": 3,
        "generator": "<torch._C.Generator>",
    }


def test_a_cycle_is_cut_and_a_thing_met_twice_is_not() -> None:
    shared = {"a": 1}
    config: dict[str, Any] = {"one": shared, "two": shared}
    config["self"] = [config]
    guidance = Guidance(1.0)
    guidance.parent = guidance
    config["guidance"] = guidance
    assert shaped_config(config, raising) == {
        "one": {"a": 1},
        "two": {"a": 1},
        "self": ["<itself>"],
        "guidance": {"scale": 1.0, "parent": "<itself>"},
    }


def test_what_is_too_deep_is_cut_where_a_batch_still_takes_it() -> None:
    deep: Any = "end"
    for _ in range(100):
        deep = {"in": [deep]}
    text = json.dumps(shaped_config({"deep": deep}, raising))
    assert "<too deep>" in text
    assert text.count("{") + text.count("[") <= 28


@given(st.dictionaries(st.text(), ANYTHING, max_size=5))
def test_whatever_is_configured_the_collector_takes(config: dict[str, Any]) -> None:
    shaped = shaped_config(config, raising)
    assert orjson.loads(canonical(shaped)) == shaped
    assert nul_breach(shaped) is None
    assert msgspec.json.decode(msgspec.json.encode(shaped)) == shaped


def test_of_more_than_64_kilobytes_the_largest_entries_are_left_out_by_name() -> None:
    told: list[str] = []
    config = {"steps": 30, "big": "x" * 70_000, "large": ["y" * 1000] * 60, "prompt": "z" * 5_000}
    shaped = shaped_config(config, told.append)
    assert shaped == {"steps": 30, "large": ["y" * 1000] * 60, "prompt": "z" * 5_000}
    assert len(canonical(shaped)) <= PIPELINE_CONFIG_BYTES
    assert "'big' left out: keep it elsewhere and hand in config_ref=…" in told[0]


@pytest.mark.parametrize("length", range(65_515, 65_540))
def test_64_kilobytes_are_counted_as_the_collector_counts(length: int) -> None:
    told: list[str] = []
    config = {"a": 1, "b": "ä" * 7 + "x" * (length - 14)}
    assert (shaped_config(config, told.append) == config) is (len(canonical(config)) <= PIPELINE_CONFIG_BYTES)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("endless", [EndlessList(), EndlessMapping()])
def test_a_configuration_without_end_does_not_hold_a_run_up(endless: object) -> None:
    told: list[str] = []
    assert shaped_config({"all": endless, "steps": 30}, told.append)["steps"] == 30
    assert "'all' left out" in told[0]


def test_a_context_may_not_say_what_the_sdk_makes() -> None:
    told: list[str] = []
    assert shaped_context({"prompt_plaintext": "a fox", "seed": 3, "source": "upload"}, told.append) == {
        "source": "upload"
    }
    assert sorted(told) == [
        "context.prompt_plaintext is made by the SDK; leave it out and hand in prompt= and keep_prompt=True",
        "context.seed is made by the SDK; leave it out and hand in seed=",
    ]


@pytest.mark.parametrize("seed", [0, 2**64 - 1, np.uint64(2**64 - 1)])
def test_a_seed_has_64_bits(seed: Any) -> None:
    assert shaped_seed(seed, raising) == int(seed)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "1", True, None])
def test_what_is_no_seed_is_told_of(seed: object) -> None:
    told: list[str] = []
    assert shaped_seed(seed, told.append) is None
    assert "write int(seed) % 2**64" in told[0]


def test_a_prompt_has_the_hash_of_its_normal_form() -> None:
    assert prompt_hash("a red fox") == hashlib.sha256(b"a red fox").hexdigest()
    assert prompt_hash("cafe\u0301") == prompt_hash("caf\u00e9") == hashlib.sha256("café".encode()).hexdigest()
    assert len({prompt_hash(text) for text in ("a", "A", "a ", "a\n", "\ud800", "\ud801", "")}) == 7


def test_a_user_has_one_hash_per_salt() -> None:
    assert user_hash("ann") == hashlib.sha256(b"ann").hexdigest()
    assert user_hash("ann", "pepper") == hmac.new(b"pepper", b"ann", "sha256").hexdigest()
    assert len({user_hash("ann"), user_hash("ann", "a"), user_hash("ann", "b"), user_hash("bob", "a")}) == 4


@given(st.text(st.characters(exclude_categories=[])), st.integers(1, 40))
def test_a_text_is_cut_to_what_can_be_sent(text: str, most: int) -> None:
    shaped = cut(text, most)
    assert len(shaped) <= most
    assert "\0" not in shaped
    assert shaped.encode("utf-8", "replace").decode() == shaped


def test_what_is_cut_ends_in_an_ellipsis() -> None:
    assert cut("short", 5) == "short"
    assert cut("longer", 5) == "long…"

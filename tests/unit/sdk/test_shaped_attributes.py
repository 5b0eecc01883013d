# SPDX-License-Identifier: Apache-2.0
"""Attributes and tags of a caller, held to the contract."""

from enum import Enum, StrEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.telemetry.contract.canonical import canonical
from ovpo.telemetry.contract.limits import ATTRIBUTES_BYTES, TAG_BYTES
from ovpo.telemetry.contract.validators import validators
from ovpo_sdk.errors import InvalidTelemetryError
from ovpo_sdk.shaping import attributes, tags

SPAN = {
    "type": "span",
    "schema_version": "0.08",
    "span_id": "1f3c1f0e-5d1f-4c55-9d9e-2c8ff7f5a001",
    "trace_id": "1f3c1f0e-5d1f-4c55-9d9e-2c8ff7f5a002",
    "span_kind": "SPAN_KIND_LOAD",
    "name": "load",
    "start_time": "2026-01-01T00:00:00Z",
    "status": "ERROR",
}
NAMES = st.one_of(
    st.from_regex(r"(ovpo|custom|otel|gpu|model)\.[a-z0-9_.]{1,200}", fullmatch=True),
    st.from_regex(r"custom\.[a-c]", fullmatch=True),
    st.text(),
)
VALUES = st.one_of(
    st.text(), st.text(min_size=900, max_size=1100), st.integers(), st.floats(), st.booleans(), st.none(), st.binary()
)


class Sampler(StrEnum):
    EULER = "euler"


class Size(Enum):
    SMALL = 64


class Slow(int):
    pass


def raising(message: str) -> None:
    raise InvalidTelemetryError(message)


def problems_of(values: dict[Any, Any]) -> list[str]:
    told: list[str] = []
    assert attributes.shaped(values, told.append) == {}
    return told


def test_sound_attributes_are_copied() -> None:
    given_values = {"custom.steps": 30, "model.name": "wan", "gpu.share": 0.5, "custom.on": True}
    for _ in range(2):
        shaped = attributes.shaped(given_values, raising)
        assert shaped == given_values
        assert shaped is not given_values


def test_numpy_scalars_and_enum_members_become_plain_values() -> None:
    shaped = attributes.shaped(
        {
            "custom.a": np.float32(0.5),
            "custom.b": np.int64(3),
            "custom.c": np.bool_(True),
            "custom.d": Sampler.EULER,
            "custom.e": Size.SMALL,
            "custom.f": np.str_("x"),
            "custom.g": Slow(7),
            "custom.h": np.float64(0.25),
        },
        raising,
    )
    assert [(type(value), value) for value in shaped.values()] == [
        (float, 0.5),
        (int, 3),
        (bool, True),
        (str, "euler"),
        (int, 64),
        (str, "x"),
        (int, 7),
        (float, 0.25),
    ]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("steps", "custom.steps"),
        ("My Steps!", "custom.my_steps"),
        ("Custom.Steps", "write custom.steps"),
        ("custom.Steps", "write custom.steps"),
        ("custom.", "custom.custom"),
        ("customs.steps", "custom.customs.steps"),
        ("custom.steps\n", "write custom.steps"),
        ("", "custom.name"),
    ],
)
def test_a_name_out_of_form_is_answered_with_one_that_is_not(name: str, suggestion: str) -> None:
    (message,) = problems_of({name: 1})
    assert message.endswith(suggestion)
    assert attributes.shaped({message.rpartition(" ")[2]: 1}, raising)


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (float("nan"), "leave it out"),
        (float("inf"), "leave it out"),
        (2**64, "write it as text"),
        (-(2**63) - 1, "write it as text"),
        (None, "leave it out"),
        ([1, 2], "one attribute for each"),
        ("x" * 1025, "shorten it"),
        ("a\0b", "remove"),
        ("a\ud800b", "remove"),
        (np.zeros(3), "one attribute for each"),
        (np.float32("nan"), "leave it out"),
    ],
)
def test_a_value_that_cannot_be_sent_is_told_of_by_name_and_remedy(value: object, remedy: str) -> None:
    for _ in range(2):
        (message,) = problems_of({"custom.thing": value})
        assert "'custom.thing'" in message
        assert remedy in message


def test_numbers_of_64_bits_are_kept() -> None:
    edges = {"custom.a": 2**64 - 1, "custom.b": -(2**63), "custom.c": 1e300, "custom.d": "x" * 1024}
    assert attributes.shaped(edges, raising) == edges


def test_strict_mode_raises_what_it_would_leave_out() -> None:
    with pytest.raises(InvalidTelemetryError, match=r"write custom\.steps"):
        attributes.shaped({"steps": 1}, raising)


def test_the_bad_ones_are_left_out_and_the_others_kept() -> None:
    told: list[str] = []
    assert attributes.shaped({"custom.a": 1, "b": 2, "custom.c": None, "custom.d": "x"}, told.append) == {
        "custom.a": 1,
        "custom.d": "x",
    }
    assert len(told) == 2


def test_a_hundred_attributes_are_kept_and_no_more() -> None:
    told: list[str] = []
    many = {f"custom.n{index}": index for index in range(101)}
    assert len(attributes.shaped(many, told.append)) == 100
    assert "101 attributes are more than the 100" in told[0]
    many.popitem()
    assert attributes.shaped(many, raising) == many


def test_of_more_than_16_kilobytes_the_largest_goes_first() -> None:
    told: list[str] = []
    large = {f"custom.n{index}": "x" * 1000 for index in range(16)}
    assert attributes.shaped(large, raising) == large
    for _ in range(2):
        assert attributes.shaped({**large, "custom.largest": "y" * 1024}, told.append) == large
    assert len(told) == 2
    assert all("custom.largest" in message for message in told)


@given(st.dictionaries(NAMES, VALUES, max_size=40))
def test_what_comes_out_is_what_the_collector_takes(values: dict[str, Any]) -> None:
    for _ in range(2):
        shaped = attributes.shaped(values, lambda _: None)
        validators().items["span"].validate({**SPAN, "attributes": shaped})
        assert len(canonical(shaped)) <= ATTRIBUTES_BYTES


@given(st.dictionaries(NAMES, VALUES, max_size=20))
def test_nothing_that_is_left_out_goes_without_a_word(values: dict[str, Any]) -> None:
    told: list[str] = []
    shaped = attributes.shaped(values, told.append)
    assert len(told) == len(values) - len(shaped)


def test_tags_are_kept_when_they_are_sound() -> None:
    assert tags.shaped({"team": "video", "run-1_a": "ä" * 128, "kind": Sampler.EULER}, raising) == {
        "team": "video",
        "run-1_a": "ä" * 128,
        "kind": "euler",
    }


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        ("Team Name", "x", "write team-name"),
        ("team\n", "x", "write team"),
        ("team", 3, "str(…)"),
        ("team", "ä" * 129, "258 bytes"),
        ("team", "a\0", "remove"),
        (3, "x", "write a text"),
    ],
)
def test_a_tag_that_cannot_be_sent_is_told_of(name: Any, text: object, remedy: str) -> None:
    told: list[str] = []
    assert tags.shaped({name: text}, told.append) == {}
    assert remedy in told[0]


def test_fifty_tags_are_kept_and_no_more() -> None:
    told: list[str] = []
    assert len(tags.shaped({f"t{index}": "x" for index in range(51)}, told.append)) == 50
    assert "51 tags are more than the 50" in told[0]


@given(st.dictionaries(st.text(), st.text(max_size=300)))
def test_tags_that_come_out_have_their_bytes(values: dict[str, str]) -> None:
    assert all(len(text.encode()) <= TAG_BYTES for text in tags.shaped(values, lambda _: None).values())

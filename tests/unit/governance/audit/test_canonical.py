# SPDX-License-Identifier: Apache-2.0
"""The JSON text of metadata: one for the same values, read back as it was written, refused where there is none."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.governance.audit.canonical import canonical, held, metadata_text
from ovpo.governance.audit.errors import AuditError

HELD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | HELD,
    lambda inner: st.lists(inner) | st.lists(st.tuples(HELD, inner), max_size=1).map(dict),
)


@given(value=st.dictionaries(HELD, JSON))
def test_what_is_written_is_read_back_and_written_the_same_again(value: dict[str, Any]) -> None:
    text = metadata_text(value)
    assert repr(sorted(json.loads(text).items())) == repr(sorted(value.items()))
    assert metadata_text(json.loads(text)) == text


@given(value=st.dictionaries(st.text(alphabet="ab\U0001f600\uffff"), st.integers(0, 5)))
def test_the_order_of_names_does_not_matter(value: dict[str, int]) -> None:
    assert metadata_text(value) == metadata_text(dict(reversed(value.items())))


def test_the_text_has_sorted_names_no_white_space_and_plain_letters() -> None:
    assert metadata_text({"b": [1, 1.0, None, True], "a": "é\n"}) == '{"a":"é\\n","b":[1,1.0,null,true]}'


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": math.nan}, "metadata.a: is nan, which JSON has no number for"),
        ({"a": [1, math.inf]}, r"metadata.a\[1\]: is inf"),
        ({"a": 2**63}, "metadata.a: is an integer beyond 64 bits"),
        ({"a": -(2**63) - 1}, "metadata.a: is an integer beyond 64 bits"),
        ({"a": {1: 2}}, "metadata.a: has the name 1; names are text"),
        ({"a": b"x"}, "metadata.a: is a bytes"),
        ({"a": {1, 2}}, "metadata.a: is a set"),
        ({"a\0": 1, "a\ud800": 2}, "metadata: has two names that are both spelled"),
    ],
)
def test_what_no_json_text_holds_exactly_is_refused_by_its_place(value: dict[str, Any], said: str) -> None:
    with pytest.raises(AuditError, match=said):
        metadata_text(value)


def test_what_is_nested_without_end_is_refused() -> None:
    value: dict[str, Any] = {}
    value["again"] = value
    with pytest.raises(AuditError, match="is nested deeper than 32"):
        metadata_text(value)


def test_a_text_is_held_as_it_is_but_for_what_no_store_holds() -> None:
    assert held("\x01\x7f\u2028\U0001f600\ufeff") == "\x01\x7f\u2028\U0001f600\ufeff"
    assert held("a\0b\ud800c\udfff") == "a\ufffdb\ufffdc\ufffd"
    assert canonical(held("\ud83d\ude00")) == '"\ufffd\ufffd"'.encode()

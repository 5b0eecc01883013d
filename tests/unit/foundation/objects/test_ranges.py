# SPDX-License-Identifier: Apache-2.0
"""Whatever a Range header says, the answer is a part that exists, the whole, or that there is no such part."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ovpo.foundation.objects.ranges import Part, Unsatisfiable, asked, is_current, is_known


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", Part(0, 1)),
        ("bytes=2-4", Part(2, 5)),
        ("bytes=7-", Part(7, 10)),
        ("bytes=7-999999999999999999999999999", Part(7, 10)),
        ("bytes=-3", Part(7, 10)),
        ("bytes=-99", Part(0, 10)),
        (" BYTES = 2-4 ", Part(2, 5)),
        ("bytes=,2-4,", Part(2, 5)),
    ],
)
def test_one_range_is_a_part(header: str, part: Part) -> None:
    assert asked(header, 10) == part


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999-"])
def test_a_range_past_the_end_has_no_bytes(header: str) -> None:
    assert isinstance(asked(header, 10), Unsatisfiable)


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "bytes", "bytes=", "bytes=-", "bytes=4-2", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b"),
        *("bytes=0-1;q=1", "bytes=+1-2", "bytes=1.0-2", "bytes=٣-٤", "bytes=" + "9" * 5000 + "-"),
    ],
)
def test_what_cannot_be_given_in_one_part_is_given_whole(header: str | None) -> None:
    assert asked(header, 10) is None


@given(some.text("bytes=-0123456789, ", max_size=20), some.integers(0, 40))
def test_a_part_always_lies_within_the_object(header: str, size: int) -> None:
    part = asked(header, size)
    if isinstance(part, Part):
        assert 0 <= part.start < part.stop <= size


def test_an_empty_object_has_no_part() -> None:
    assert isinstance(asked("bytes=0-", 0), Unsatisfiable)
    assert isinstance(asked("bytes=-5", 0), Unsatisfiable)


def test_a_part_is_given_only_of_the_object_that_the_client_has() -> None:
    assert is_current(None, '"a"')
    assert is_current('"a"', '"a"')
    assert not is_current('"b"', '"a"')
    assert not is_current('W/"a"', '"a"')
    assert not is_current("Sat, 21 Nov 2026 12:00:00 GMT", '"a"')
    assert not is_current('"a"', None)


def test_a_client_knows_an_object_by_its_tag() -> None:
    assert is_known('"x", W/"a"', '"a"')
    assert is_known("*", '"a"')
    for header in (None, "", '"b"', "a"):
        assert not is_known(header, '"a"')
    assert not is_known("*", None)

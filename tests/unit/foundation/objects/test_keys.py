# SPDX-License-Identifier: Apache-2.0
"""Keys that are taken never leave their folder, whatever they look like."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ovpo.foundation.objects.errors import ObjectStoreError
from ovpo.foundation.objects.keys import checked_key, checked_prefix


@given(some.text("ab./\\#1 \n\x00é", max_size=30))
def test_a_key_that_is_taken_stays_below_its_root(key: str) -> None:
    try:
        taken = checked_key(key)
    except ObjectStoreError:
        return
    path = PurePosixPath("/base") / taken
    assert path.is_relative_to("/base")
    assert path.parts == ("/", "base", *key.split("/"))
    assert ".." not in path.parts


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("", "1 to 1024 bytes"),
        ("é" * 513, "1 to 1024 bytes"),
        ("/etc/passwd", "segments"),
        ("a/", "segments"),
        ("a/../../b", "segments"),
        ("a\tb", "printable"),
        ("a\ud800", "printable"),
        ("x" * 241, "at most 240"),
        ("report#1", "# and digits"),
    ],
)
def test_a_refusal_says_what_is_wrong(key: str, fault: str) -> None:
    with pytest.raises(ObjectStoreError, match=fault):
        checked_key(key)


@pytest.mark.parametrize("key", ["a", "a/b.c", "...", "a..b", "ü/ß", "/".join(["x" * 200] * 5)])
def test_an_ordinary_key_is_taken_as_it_is(key: str) -> None:
    assert checked_key(key) == key


def test_a_prefix_may_be_empty_or_end_in_a_slash() -> None:
    assert [checked_prefix(prefix) for prefix in ("", "a", "a/b/")] == ["", "a", "a/b"]
    for prefix in ("/", "..", "a//"):
        with pytest.raises(ObjectStoreError):
            checked_prefix(prefix)

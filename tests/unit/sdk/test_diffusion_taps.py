# SPDX-License-Identifier: Apache-2.0
"""Wrappers around methods of single objects leave them as they were, in whatever order they come off."""

import inspect
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ovpo_sdk.diffusion.taps import put_on


class Adder:
    def add(self, one: int, *, other: int = 1) -> int:
        """Add two numbers."""
        return one + other


def noting(heard: list[Any]) -> Callable[..., Any]:
    def around(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        heard.append((args, kwargs))
        return method(*args, **kwargs)

    return around


def test_a_wrapped_method_is_heard_and_gives_what_it_gave() -> None:
    owner, heard = Adder(), list[Any]()
    take_off = put_on(owner, "add", noting(heard))
    assert owner.add(1, other=4) == 5
    assert heard == [((1,), {"other": 4})]
    take_off()
    assert owner.add(1) == 2
    assert len(heard) == 1
    assert vars(owner) == {}


def test_a_wrapped_method_shows_the_same_signature() -> None:
    owner = Adder()
    before = inspect.signature(owner.add)
    take_off = put_on(owner, "add", noting([]))
    assert inspect.signature(owner.add) == before
    take_off()


def test_a_method_that_somebody_had_replaced_is_put_back() -> None:
    owner = Adder()
    theirs = lambda one: one * 10  # noqa: E731
    owner.add = theirs  # type: ignore[method-assign, assignment]
    take_off = put_on(owner, "add", noting([]))
    assert owner.add(2) == 20
    take_off()
    assert vars(owner) == {"add": theirs}


def test_what_somebody_puts_on_top_stays() -> None:
    owner = Adder()
    take_off = put_on(owner, "add", noting([]))
    later = lambda one: one * 10  # noqa: E731
    owner.add = later  # type: ignore[method-assign, assignment]
    take_off()
    assert vars(owner) == {"add": later}


@given(st.permutations(range(4)))
def test_a_method_that_many_wrap_is_wrapped_once_until_the_last_is_off(order: list[int]) -> None:
    owner, heard = Adder(), list[Any]()
    off = [put_on(owner, "add", noting(heard)) for _ in order]
    for left, number in enumerate(order):
        assert owner.add(1) == 2
        assert len(heard) == left + 1
        off[number]()
    assert vars(owner) == {}

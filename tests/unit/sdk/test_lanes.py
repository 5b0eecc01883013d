# SPDX-License-Identifier: Apache-2.0
"""What is kept in memory: never more than allowed, and the precious longest."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ovpo_sdk.transport.chunks import OVERHEAD_BYTES, Chunk, Lane
from ovpo_sdk.transport.lanes import FULL_BYTES, MOST_SPANS, RAW_BYTES, Lanes

WITHOUT_END = (10**9, 10**12, 10**9)
LONGEST = 3_000
OF_A_LINE = 41
MOST_OPEN = len(Lane) * (FULL_BYTES + LONGEST + OVERHEAD_BYTES + OF_A_LINE * (FULL_BYTES // 100))
"""What open chunks may take: they are closed, and room is made, once they hold FULL_BYTES."""


NOISE = Random(1).randbytes(300_000).hex().encode()


def line(number: int, size: int = 100) -> bytes:
    return (b"%d " % number).ljust(size, b"x")


def noisy(number: int) -> bytes:
    """Give an item that cannot be squeezed to much less than half."""
    start = abs(number) * 997 % 500_000
    return (b"%d %b" % (number, NOISE[start : start + 100]))[:100]


def number_of(text: bytes) -> int:
    return int(text.split()[0])


def numbers(chunks: list[Chunk]) -> list[int]:
    return [number_of(text) for chunk in chunks for text in chunk.lines()]


class Keeping(RuleBasedStateMachine):
    """Any order of what a pipe does to its lanes."""

    @initialize(limit=st.integers(200_000, 2_000_000))
    def begin(self, limit: int) -> None:
        self.limit = limit
        self.dropped: list[Chunk] = []
        self.lanes = Lanes(limit, self.dropped.append)
        self.added = self.landed = 0
        self.flying: list[Chunk] = []

    @rule(lane=st.sampled_from(Lane), many=st.integers(1, 400), size=st.integers(100, LONGEST), span=st.booleans())
    def add(self, lane: Lane, many: int, size: int, span: bool) -> None:
        for _ in range(many):
            self.lanes.add(lane, line(self.added, size), frame_of=None if span else "t", is_span=span)
            self.added += 1

    @rule()
    def close_open(self) -> None:
        self.lanes.close_open()

    @rule()
    def squeeze(self) -> None:
        while (raw := self.lanes.squeezable()) is not None:
            self.lanes.replace(raw, raw.squeeze())

    @rule()
    def take(self) -> None:
        if not self.flying:
            self.flying = self.lanes.take(5000, self.limit // 4, 1000)

    @rule()
    def land(self) -> None:
        self.landed += sum(chunk.items for chunk in self.flying)
        self.flying = []
        self.lanes.landed()

    @rule()
    def spool(self) -> None:
        while (chunk := self.lanes.withdraw()) is not None:
            self.landed += chunk.items

    @invariant()
    def nothing_is_held_beyond_the_limit(self) -> None:
        assert self.lanes.held_bytes <= self.limit + MOST_OPEN

    @invariant()
    def every_item_is_here_or_landed_or_dropped(self) -> None:
        assert self.lanes.items == self.added - self.landed - sum(chunk.items for chunk in self.dropped)


def test_the_bound_holds_and_no_item_goes_missing_whatever_is_done() -> None:
    run_state_machine_as_test(Keeping, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))


@given(st.lists(st.tuples(st.sampled_from(Lane), st.integers(100, 5_000)), max_size=200))
def test_each_lane_is_taken_in_order_and_the_precious_one_first(items: list[tuple[Lane, int]]) -> None:
    lanes = Lanes(10**9, lambda _: pytest.fail("nothing is too much"))
    for number, (lane, size) in enumerate(items):
        lanes.add(lane, line(number, size))
    lanes.close_open()
    found = numbers(lanes.take(*WITHOUT_END))
    precious = [number for number, (lane, _) in enumerate(items) if lane is Lane.PRECIOUS]
    ordinary = [number for number, (lane, _) in enumerate(items) if lane is Lane.ORDINARY]
    assert found == precious + ordinary


def flooded(limit: int, ordinary: int, precious_every: int) -> tuple[Lanes, list[int]]:
    dropped: list[int] = []
    lanes = Lanes(limit, lambda chunk: dropped.extend(numbers([chunk])))
    for number in range(ordinary):
        if number % precious_every == 0:
            lanes.add(Lane.PRECIOUS, noisy(-number - 1))
        lanes.add(Lane.ORDINARY, noisy(number))
    lanes.close_open()
    return lanes, dropped


def test_the_oldest_ordinary_ones_are_dropped_first() -> None:
    lanes, dropped = flooded(1_000_000, 50_000, 100)
    assert dropped == sorted(dropped)
    assert dropped == list(range(len(dropped)))
    assert len(dropped) + len(numbers(lanes.take(*WITHOUT_END))) == 50_000 + 500


def test_what_can_be_squeezed_is_squeezed_before_anything_is_dropped() -> None:
    dropped: list[Chunk] = []
    lanes = Lanes(1_000_000, dropped.append)
    for number in range(50_000):
        lanes.add(Lane.ORDINARY, line(number))
    lanes.close_open()
    assert not dropped
    assert numbers(lanes.take(*WITHOUT_END)) == list(range(50_000))


def test_precious_ones_are_dropped_when_nothing_else_is_left() -> None:
    lanes, dropped = flooded(1_000_000, 100_000, 2)
    lost = [-number - 1 for number in dropped if number < 0]
    assert lost
    assert lost == sorted(lost)
    assert not [number for number in numbers(lanes.take(*WITHOUT_END))[: -3 * FULL_BYTES // 100] if number >= 0]


def test_what_is_on_its_way_is_neither_dropped_nor_forgotten() -> None:
    lanes, dropped = flooded(1_000_000, 5_000, 1_000)
    flying = numbers(lanes.take(5_000, 400_000, 1_000))
    for number in range(100_000, 130_000):
        lanes.add(Lane.ORDINARY, noisy(number))
    assert dropped
    assert not set(flying) & set(dropped)
    assert numbers(lanes.take(0, 0, 0)) == flying


def test_a_batch_has_at_least_one_chunk_and_no_more_than_asked_for() -> None:
    lanes = Lanes(10**9, lambda _: None)
    for number in range(3_000):
        lanes.add(Lane.ORDINARY, line(number, 1_000))
    lanes.close_open()
    few = lanes.take(1, 1, 1)
    assert len(few) == 1
    lanes.landed()
    many = lanes.take(1_000, 500_000, 10)
    assert sum(chunk.items for chunk in many) <= 1_000
    assert sum(chunk.raw_bytes for chunk in many) <= 500_000
    assert numbers(many) == list(range(few[0].items, few[0].items + len(numbers(many))))


def test_a_chunk_holds_no_more_spans_than_fit_twice_in_a_batch() -> None:
    lanes = Lanes(10**9, lambda _: None)
    for number in range(1_200):
        lanes.add(Lane.PRECIOUS, line(number), is_span=True)
    lanes.close_open()
    taken = lanes.take(5_000, 10**9, 1_000)
    assert [chunk.spans for chunk in taken] == [MOST_SPANS, MOST_SPANS]


def test_old_chunks_are_squeezed_where_raw_ones_take_much() -> None:
    lanes = Lanes(10**9, lambda _: None)
    for number in range(50_000):
        lanes.add(Lane.ORDINARY, line(number))
    before = lanes.held_bytes
    while (raw := lanes.squeezable()) is not None:
        lanes.replace(raw, raw.squeeze())
    assert lanes.held_bytes < RAW_BYTES + before / 6
    lanes.close_open()
    assert numbers(lanes.take(*WITHOUT_END)) == list(range(50_000))


def test_a_chunk_that_was_dropped_while_it_was_squeezed_stays_dropped() -> None:
    dropped: list[Chunk] = []
    lanes = Lanes(1_500_000, dropped.append)
    while (raw := lanes.squeezable()) is None:
        lanes.add(Lane.ORDINARY, noisy(0))
    number = 0
    while not dropped:
        lanes.add(Lane.ORDINARY, noisy(number := number + 1))
    held = lanes.held_bytes
    lanes.replace(raw, raw.squeeze())
    assert lanes.held_bytes == held


def test_it_is_told_what_a_dropped_chunk_held() -> None:
    dropped: list[Chunk] = []
    lanes = Lanes(200_000, dropped.append)
    for number in range(12_000):
        lanes.add(Lane.ORDINARY, noisy(number), frame_of=f"trace {number % 3}")
    told = Counter[str]()
    for chunk in dropped:
        told.update(chunk.frames_of)
        assert (chunk.frames, chunk.spans) == (chunk.items, 0)
    assert sum(told.values()) == sum(chunk.items for chunk in dropped) > 0
    assert set(told) == {"trace 0", "trace 1", "trace 2"}

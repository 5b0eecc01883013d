# SPDX-License-Identifier: Apache-2.0
"""What Kafka remembers of a consumer: one offset and a short text."""

from hypothesis import given
from hypothesis import strategies as some

from ovpo.foundation.broker.kafka_progress import MOST_TEXT, Progress


def taken(total: int, committed: int | None = None, text: str = "") -> Progress:
    progress = Progress(committed, text)
    for offset in range(total):
        progress.take(offset)
    return progress


def handed_over(progress: Progress, total: int) -> tuple[Progress, list[int]]:
    """Give what the next consumer knows, and which of so many messages it is given."""
    following = Progress(progress.floor, progress.text())
    return following, [n for n in range(progress.floor or 0, total) if following.take(n)]


def test_nothing_is_known_before_anything_was_taken() -> None:
    assert Progress().floor is None


def test_the_floor_rises_over_what_is_finished_in_a_row() -> None:
    progress = taken(4)
    for offset, floor in ((1, 0), (0, 2), (3, 2), (2, 4)):
        progress.finish(offset)
        assert progress.floor == floor


def test_a_message_that_comes_twice_is_taken_once() -> None:
    progress = taken(3)
    assert not progress.take(1)
    assert progress.take(3)


def test_an_attempt_that_was_not_made_does_not_count() -> None:
    progress = taken(1)
    assert [progress.attempt(0), progress.attempt(0)] == [1, 2]
    progress.retract(0)
    assert progress.attempt(0) == 2
    progress.retract(0)
    progress.retract(0)
    progress.retract(0)
    assert progress.attempt(0) == 1


@given(some.sets(some.integers(0, 40)), some.lists(some.integers(0, 40), max_size=60))
def test_the_next_consumer_knows_what_is_finished_and_how_often_the_rest_was_tried(
    finished: set[int], tried: list[int]
) -> None:
    progress = taken(41)
    for offset in tried:
        progress.attempt(offset)
    for offset in finished:
        progress.finish(offset)
    following, given_again = handed_over(progress, 41)
    assert given_again == [n for n in range(41) if n not in finished]
    assert [following.attempt(n) for n in given_again] == [tried.count(n) + 1 for n in given_again]


def test_what_the_text_has_no_room_for_comes_again_and_no_message_is_lost() -> None:
    progress = taken(4_000)
    for offset in range(1, 4_000, 2):
        progress.finish(offset)
    assert len(progress.text()) <= MOST_TEXT
    _, given_again = handed_over(progress, 4_000)
    assert set(range(0, 4_000, 2)) <= set(given_again)
    assert len(given_again) < 4_000


def test_a_text_that_is_not_ours_means_nothing() -> None:
    progress = taken(3, 0, "somebody else's")
    assert progress.floor == 0
    assert progress.attempt(0) == 1

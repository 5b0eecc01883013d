# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from msgspec import structs

from ovpo.sop.definitions.procedure import DefinedStep, Definition
from ovpo.sop.embedding import Embedding
from ovpo.sop.errors import DefinitionError, SopError
from ovpo.sop.scoring.settings import USUAL
from ovpo.sop.standard import refuse_bad_gold, task_of
from ovpo.sop.steps.gold_steps import gold_steps, without_ends
from tests.unit.sop.comparing.drawing import run_of
from tests.unit.sop.embedding.building import embedding, some_rows

GOLD = run_of((1, 2, 3, 4), "gold.mp4")


def defined(*starts: float | None) -> Definition:
    steps = (DefinedStep(name=f"do {number}", starts_at=start) for number, start in enumerate(starts, 1))
    return Definition(task="drawn", steps=tuple(steps))


def edges(gold: Embedding, definition: Definition | None = None) -> list[tuple[int, int]]:
    return [(step.first, step.end) for step in gold_steps(gold, definition)]


def with_ends(gold: Embedding, still: int) -> Embedding:
    quiet = np.array(gold.sidecar.motion)
    quiet[:still] = quiet[-still:] = 0
    return Embedding(gold.rows, structs.replace(gold.sidecar, motion=tuple(map(float, quiet))))


def test_without_a_definition_steps_are_found_and_numbered() -> None:
    assert [step.name for step in gold_steps(GOLD)] == ["step 1", "step 2", "step 3", "step 4"]
    assert edges(GOLD) == [(0, 20), (20, 40), (40, 60), (60, 80)]


def test_a_definition_says_how_many_steps_are_found() -> None:
    found = gold_steps(GOLD, defined(None, None, None))
    assert [step.name for step in found] == ["do 1", "do 2", "do 3"]
    assert (found[0].first, found[-1].end) == (0, 80)


def test_a_definition_gives_steps_their_limits() -> None:
    step = DefinedStep(name="press", critical=True, min_seconds=1.0, max_seconds=9.0)
    (found,) = gold_steps(GOLD, Definition(task="drawn", steps=(step,)))
    assert (found.critical, found.min_seconds, found.max_seconds) == (True, 1.0, 9.0)


def test_given_starts_are_kept_and_what_is_before_the_first_is_left_out() -> None:
    assert edges(GOLD, defined(2.5, 6, 11)) == [(10, 24), (24, 44), (44, 80)]


def test_a_start_after_the_end_of_the_video_is_an_error_that_names_it() -> None:
    with pytest.raises(DefinitionError, match=r"steps\[1\]\.starts_at: 20 s .* lasts 20.0 s"):
        gold_steps(GOLD, defined(0, 20))


def test_steps_too_near_to_one_another_are_an_error() -> None:
    with pytest.raises(DefinitionError, match=r"steps\[1\]\.starts_at: .do 2. has less than 0.25 s"):
        gold_steps(GOLD, defined(0, 5, 5.1))


@pytest.mark.parametrize("count", [30, 81])
def test_more_steps_than_the_video_has_room_for_are_an_error(count: int) -> None:
    short = embedding(some_rows(20, 1), "short.mp4")
    with pytest.raises(DefinitionError, match=rf"short.mp4 lasts 5.0 s, .* {count} steps") as caught:
        gold_steps(short, defined(*[None] * count))
    assert caught.value.code == "gold_too_short"


def test_stillness_at_either_end_is_no_step_but_a_short_rest_is_part_of_one() -> None:
    assert edges(with_ends(GOLD, 12))[0][0] == 12
    assert edges(with_ends(GOLD, 12))[-1][1] == 68
    assert edges(with_ends(GOLD, 4)) == edges(GOLD)


def test_stillness_after_the_last_step_that_was_placed_is_no_part_of_it() -> None:
    assert edges(with_ends(GOLD, 12), defined(2.5, 6, 11)) == [(10, 24), (24, 44), (44, 68)]
    assert edges(with_ends(GOLD, 4), defined(2.5, 6, 11))[-1] == (44, 80)
    assert edges(with_ends(GOLD, 12), defined(2.5, 6, 19)) == [(10, 24), (24, 76), (76, 77)]


def test_the_ends_are_cut_off_for_the_comparison() -> None:
    cut, steps = without_ends(GOLD, gold_steps(GOLD, defined(2.5, 6, 11)))
    assert [(step.first, step.end) for step in steps] == [(0, 14), (14, 34), (34, 70)]
    np.testing.assert_array_equal(cut.rows, GOLD.rows[10:])
    assert cut.sidecar.presence == ()


def test_how_much_is_to_be_seen_is_cut_off_with_its_rows() -> None:
    presence = tuple(float(row) for row in range(len(GOLD.rows)))
    gold = Embedding(GOLD.rows, structs.replace(GOLD.sidecar, presence=presence))
    cut, _ = without_ends(gold, gold_steps(gold, defined(2.5, 6, 11)))
    assert cut.sidecar.presence == presence[10:]


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"brightness": (0.01,) * 80}, "gold_too_dark"), ({"motion": (0.0,) * 80}, "gold_still")],
)
def test_a_gold_that_shows_nothing_is_an_error(changed: dict[str, object], code: str) -> None:
    with pytest.raises(SopError, match=r"gold\.mp4") as caught:
        refuse_bad_gold(Embedding(GOLD.rows, structs.replace(GOLD.sidecar, **changed)), USUAL)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("Filter Change (3).mp4", "filter-change-3"),
        ("Übung.mp4", "ubung"),
        ("課題.mp4", "unnamed"),
        ("a" * 99, "a" * 64),
    ],
)
def test_a_task_without_a_definition_is_named_after_the_gold_video(name: str, task: str) -> None:
    assert task_of(name) == task

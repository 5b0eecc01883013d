# SPDX-License-Identifier: Apache-2.0
"""How deviations are marked."""

from ovpo.sop.explain.marks import MARKS, deviations_of, label
from ovpo.sop.result import DeviationType
from tests.unit.sop import results


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_kind_of_deviation_has_a_letter_a_colour_and_a_pattern_of_its_own() -> None:
    assert set(MARKS) == set(DeviationType)
    for part in ("letter", "colour", "pattern", "words"):
        assert len({getattr(mark, part) for mark in MARKS.values()}) == len(DeviationType)


def test_white_letters_stand_out_on_every_colour() -> None:
    for mark in MARKS.values():
        assert 1.05 / (_luminance(mark.colour) + 0.05) >= 3


def test_a_label_is_the_letter_and_the_place_in_the_result() -> None:
    found = results.flawed().deviations
    labels = [label(number, one) for number, one in enumerate(found, 1)]
    assert labels == ["M1", "S2", "E3", "O4", "X5", "R6"]


def test_the_deviations_of_a_step_keep_their_numbers() -> None:
    assert [number for number, _ in deviations_of(results.flawed(), 5)] == [4, 5]
    assert [number for number, _ in deviations_of(results.flawed(), 3)] == [2]
    assert deviations_of(results.flawed(), 1) == ()

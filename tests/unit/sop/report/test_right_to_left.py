# SPDX-License-Identifier: Apache-2.0
"""Hebrew and Arabic in the order in which they are drawn."""

from hypothesis import given
from hypothesis import strategies as st

from ovpo.sop.report.right_to_left import visual


@given(st.text(alphabet=st.characters(max_codepoint=0x58F), max_size=40))
def test_text_that_runs_left_to_right_stays_as_it_is(text: str) -> None:
    assert visual(text) == text


def test_a_hebrew_name_is_turned_around_and_its_neighbours_are_not() -> None:
    assert visual("Step שלום done") == "Step םולש done"


def test_words_keep_their_order_from_the_right() -> None:
    assert visual("אב גד") == "דג בא"


def test_numbers_inside_keep_their_digits_in_order() -> None:
    assert visual("אב 12.5 גד") == "דג 12.5 בא"
    assert visual("אב 30") == "30 בא"


def test_brackets_open_towards_what_they_hold() -> None:
    assert visual("אב (גד)") == "(דג) בא"


def test_arabic_letters_take_the_shapes_of_their_place() -> None:
    beh = "\u0628"
    assert visual(beh) == "\ufe8f"
    assert visual(beh * 3) == "\ufe90\ufe92\ufe91"


def test_a_letter_that_joins_only_backwards_lets_the_next_one_begin() -> None:
    assert visual("\u0628\u062f\u0628") == "\ufe8f\ufeaa\ufe91"


def test_lam_and_alef_become_one() -> None:
    assert visual("\u0644\u0627") == "\ufefb"
    assert visual("\u0628\u0644\u0627") == "\ufefc\ufe91"


def test_vowel_points_stay_on_their_letter() -> None:
    assert visual("א\u05b7ב") == "בא\u05b7"

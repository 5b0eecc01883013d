# SPDX-License-Identifier: Apache-2.0
"""The timeline as JSON and as a picture."""

import numpy as np
from msgspec.structs import replace

from ovpo.sop.explain.marks import MARKS
from ovpo.sop.explain.timeline import timeline
from ovpo.sop.explain.timeline_picture import timeline_png
from ovpo.sop.result import DeviationType, Interval
from tests.unit.sop import results
from tests.unit.sop.explain.pixels import differing, near, pixels


def test_what_comes_before_and_after_the_procedure_is_set_apart() -> None:
    shown = timeline(results.flawed())
    assert shown.lead_in == Interval(0.0, 2.0)
    assert shown.tail == Interval(37.0, 40.0)


def test_a_run_that_starts_and_ends_with_its_video_has_neither_lead_in_nor_tail() -> None:
    whole = results.step(1, "All", Interval(0.0, 9.0), Interval(0.0, 9.0))
    shown = timeline(results.result([whole], trainee=results.video("trainee.mp4", 9.0)))
    assert (shown.lead_in, shown.tail) == (None, None)


def test_nothing_found_leaves_nothing_to_set_apart() -> None:
    shown = timeline(results.unjudged())
    assert (shown.lead_in, shown.tail, shown.stretches, shown.links) == (None, None, (), ())


def test_stretches_stand_in_the_trainees_order_with_repeats_and_extras() -> None:
    shown = timeline(results.flawed())
    assert [(one.step, one.again) for one in shown.stretches] == [
        (1, False),
        (4, False),
        (3, False),
        (None, False),
        (5, False),
        (6, False),
        (6, True),
    ]


def test_links_join_matched_steps_and_tell_the_exchanged_ones() -> None:
    links = timeline(results.flawed()).links
    assert [one.step for one in links] == [1, 3, 4, 5, 6, 6]
    assert {one.step for one in links if one.swapped} == {3, 4}
    assert [one.step for one in links if one.again] == [6]
    assert links[1].trainee == Interval(12.0, 17.0)


def test_a_missing_step_is_not_done_and_has_no_link() -> None:
    shown = timeline(results.flawed())
    assert [step.number for step in shown.steps if not step.done] == [2]
    assert 2 not in {one.step for one in shown.links}


def test_the_picture_shows_each_kind_of_deviation_in_its_colour_and_nothing_of_others() -> None:
    picture = pixels(timeline_png(timeline(results.flawed())))
    assert picture.shape[1] == 1600
    present = {found.type for found in results.flawed().deviations}
    for kind, mark in MARKS.items():
        assert bool(near(picture, mark.colour).sum() > 60) == (kind in present), kind


def test_a_clean_run_shows_no_colour_of_a_deviation() -> None:
    picture = pixels(timeline_png(timeline(results.clean())))
    for mark in MARKS.values():
        assert near(picture, mark.colour).sum() == 0


def test_kinds_differ_in_pattern_where_colours_are_lost() -> None:
    gray = []
    for kind in DeviationType:
        step = results.step(1, "All", Interval(0.0, 60.0), Interval(0.0, 60.0))
        found = replace(results.deviation(kind, [step]), trainee=Interval(0.0, 20.0))
        colourless = replace(
            timeline(results.result([step], [found])).deviations[0], colour="#444444", label="", words="", letter=""
        )
        picture = pixels(timeline_png(replace(timeline(results.result([step])), deviations=(colourless,))))
        gray.append(picture[:, :600])
    for place, one in enumerate(gray):
        for other in gray[place + 1 :]:
            assert differing(one, other).sum() > 100


def test_a_deviation_is_drawn_where_it_is() -> None:
    step = results.step(1, "All", Interval(0.0, 100.0), Interval(0.0, 100.0))
    found = replace(results.deviation(DeviationType.EXECUTION_DEVIATION, [step]), trainee=Interval(50.0, 75.0))
    shown = timeline(results.result([step], [found], trainee=results.video("trainee.mp4", 100.0)))
    above_the_legend = pixels(timeline_png(shown))[:-70]
    columns = np.flatnonzero(near(above_the_legend, MARKS[found.type].colour).sum(axis=0) > 5)
    left, right = 122, 1600 - 24
    assert abs(columns.min() - (left + (right - left) * 0.50)) < 4
    assert abs(columns.max() - (left + (right - left) * 0.75)) < 4


def test_forty_deviations_twelve_steps_and_names_of_any_kind_still_fit() -> None:
    crowded = results.crowded()
    hostile = [replace(step, name=name) for step, name in zip(crowded.steps, ("A" * 10_000, "手を洗う"), strict=False)]
    shown = timeline(replace(crowded, steps=(*hostile, *crowded.steps[2:])))
    picture = pixels(timeline_png(shown))
    assert picture.shape[1] == 1600
    assert 400 < picture.shape[0] < 900


def test_a_very_short_and_a_very_long_video_are_drawn() -> None:
    tiny = results.step(1, "All", Interval(0.0, 0.01), Interval(0.0, 7200.0))
    assert pixels(timeline_png(timeline(results.result([tiny])))).shape[1] == 1600
    assert pixels(timeline_png(timeline(results.unjudged()))).shape[1] == 1600

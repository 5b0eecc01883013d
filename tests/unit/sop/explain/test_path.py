# SPDX-License-Identifier: Apache-2.0
"""The path as lines to draw."""

from ovpo.sop.explain.path import runs, thinned


def test_a_path_is_cut_where_exchanged_steps_make_it_jump() -> None:
    path = ((0.0, 0.0), (0.5, 0.5), (10.0, 1.0), (10.5, 1.5), (1.0, 2.0))
    assert runs(path, 1.0) == (path[:2], path[2:4], path[4:])


def test_a_path_is_cut_where_the_trainee_did_something_else_between() -> None:
    path = ((0.0, 0.0), (0.5, 9.0))
    assert runs(path, 1.0) == (path[:1], path[1:])


def test_no_path_has_no_runs() -> None:
    assert runs((), 1.0) == ()


def test_a_thinned_run_keeps_its_ends_and_nothing_closer_than_asked() -> None:
    run = tuple((place / 10, place / 10) for place in range(101))
    kept = thinned(run, 2.0)
    assert kept[0] == run[0]
    assert kept[-1] == run[-1]
    assert len(kept) < 10
    assert thinned(run[:1], 2.0) == run[:1]

# SPDX-License-Identifier: Apache-2.0
"""A trace goes ahead and ends once."""

import itertools

import pytest

from ovpo.telemetry.contract.lifecycle import TERMINAL, may_be_marked_partial, may_become
from ovpo.telemetry.contract.records import TraceStatus

PENDING, GENERATING = TraceStatus.PENDING, TraceStatus.GENERATING


def test_every_status_but_the_first_two_is_final() -> None:
    assert set(TraceStatus) - TERMINAL == {PENDING, GENERATING}


@pytest.mark.parametrize("status", TraceStatus)
def test_the_same_status_again_is_no_move(status: TraceStatus) -> None:
    assert may_become(status, status)


@pytest.mark.parametrize(("old", "new"), list(itertools.permutations(TraceStatus, 2)))
def test_a_move_goes_ahead_and_never_leaves_a_final_status(old: TraceStatus, new: TraceStatus) -> None:
    order = [PENDING, GENERATING]
    ahead = old in order and (new in TERMINAL or order.index(new) > order.index(old))
    assert may_become(old, new) == ahead


def test_the_server_marks_only_what_runs_or_was_completed() -> None:
    assert {status for status in TraceStatus if may_be_marked_partial(status)} == {GENERATING, TraceStatus.COMPLETED}

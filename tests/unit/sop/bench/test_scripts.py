# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from bench.sop.scenes import planning
from bench.sop.scenes.script import moment, segments, truth
from bench.sop.scenes.takes import Act, FaultPlan, Motion, Nuisance, Procedure, Step, Take
from ovpo.sop.result import DeviationType, Interval

STEPS = tuple(
    Step(name=f"step {number}", act=Act(number, number, Motion.TURN), seconds=10.0, leaves=number == 1)
    for number in range(1, 5)
)
PROCEDURE = Procedure(seed=1, style=0, steps=STEPS)


def numbers(take: Take) -> list[int | None]:
    return [step.number for step in truth(take).steps]


def faulty(**plan: object) -> Take:
    return Take(procedure=PROCEDURE, faults=(FaultPlan(**plan),))  # type: ignore[arg-type]


def test_the_gold_take_does_each_step_in_its_own_time() -> None:
    told = truth(Take(procedure=PROCEDURE))
    assert [(step.number, step.start, step.end) for step in told.steps] == [
        (1, 0, 10),
        (2, 10, 20),
        (3, 20, 30),
        (4, 30, 40),
    ]
    assert told.seconds == 40
    assert told.faults == ()


def test_a_retake_keeps_each_step_within_seven_percent() -> None:
    told = truth(Take(procedure=PROCEDURE, person=3))
    lengths = [step.end - step.start for step in told.steps]
    assert all(9.3 <= length <= 10.7 for length in lengths)
    assert len(set(lengths)) == 4


def test_a_missing_step_is_gone_and_has_no_time() -> None:
    take = faulty(type=DeviationType.STEP_MISSING, step=2)
    assert numbers(take) == [1, 3, 4]
    (fault,) = truth(take).faults
    assert (fault.steps, fault.gold, fault.trainee) == ((2,), Interval(10, 20), None)


def test_exchanged_steps_stand_in_one_anothers_place() -> None:
    take = faulty(type=DeviationType.ORDER_SWAP, step=2, other=4)
    assert numbers(take) == [1, 4, 3, 2]
    assert truth(take).faults[0].trainee == Interval(10, 40)


def test_an_extra_step_follows_the_step_it_is_planned_after() -> None:
    take = faulty(type=DeviationType.EXTRA_STEP, step=4, act=Act(9, 0, Motion.TAP), seconds=5.0)
    assert numbers(take) == [1, 2, 3, 4, None]
    assert truth(take).faults[0].trainee == Interval(40, 45)


@pytest.mark.parametrize(("after", "order"), [(2, [1, 2, 2, 3, 4]), (4, [1, 2, 3, 4, 2])])
def test_a_repeated_step_is_done_again_at_once_or_later(after: int, order: list[int]) -> None:
    take = faulty(type=DeviationType.REPEATED_STEP, step=2, other=after)
    assert numbers(take) == order
    start = 10.0 * after
    assert truth(take).faults[0].trainee == Interval(start, start + 10)


def test_a_slow_step_takes_its_factor_longer() -> None:
    take = faulty(type=DeviationType.OVER_TIME, step=3, factor=2.0)
    assert truth(take).faults[0].trainee == Interval(20, 40)
    assert truth(take).seconds == 50


def test_a_deviation_shows_another_act_in_its_stretch_only() -> None:
    other = Act(9, 3, Motion.WIPE)
    take = faulty(type=DeviationType.EXECUTION_DEVIATION, step=3, act=other, stretch=(0.25, 0.75))
    made, (fault,) = segments(take), truth(take).faults
    assert fault.trainee == Interval(22.5, 27.5)
    acts = {second: moment(made, second).act for second in (21.0, 23.0, 27.0, 29.0)}
    assert acts == {21.0: STEPS[2].act, 23.0: other, 27.0: other, 29.0: STEPS[2].act}


def test_a_warped_step_is_ahead_in_its_middle_and_ends_in_time() -> None:
    plain = segments(Take(procedure=PROCEDURE))
    warped = segments(faulty(type=DeviationType.TEMPORAL_WARP, step=2))
    assert moment(warped, 14.0).progress > moment(plain, 14.0).progress + 0.15
    assert warped[-1].end == plain[-1].end


def test_lead_cut_and_speed_move_the_true_times() -> None:
    nuisance = Nuisance(lead=3.0, tail=2.0, cut=1.0, speed=2.0)
    told = truth(Take(procedure=PROCEDURE, nuisance=nuisance))
    assert told.steps[0].interval == Interval(3.0, 7.5)
    assert told.steps[1].interval == Interval(7.5, 12.5)
    assert told.seconds == 3 + 39 / 2 + 2


def test_the_hand_is_away_between_steps_and_a_part_stays() -> None:
    made = segments(Take(procedure=PROCEDURE))
    assert moment(made, 5.0).reach == 1.0
    assert moment(made, 10.0).reach == 0.0
    assert [part.number for part in moment(made, 15.0).parts] == [1]
    assert moment(made, 5.0).parts == ()


@pytest.mark.parametrize("kind", list(DeviationType))
def test_planned_faults_keep_the_bounds_of_their_type(kind: DeviationType) -> None:
    random = np.random.default_rng(5)
    for seed in range(30):
        own = planning.procedure(random, seed, 0, 12, 6)
        plans = planning.faults(random, own, [kind], 12, 6)
        if plans is None:
            continue
        (fault,) = truth(Take(procedure=own, faults=plans)).faults
        step = own.steps[plans[0].step - 1]
        assert fault.type is kind
        if kind is DeviationType.EXECUTION_DEVIATION:
            assert fault.trainee is not None
            assert fault.trainee.seconds >= 2
            assert 0.39 <= fault.trainee.seconds / step.seconds <= 0.81
        if kind is DeviationType.EXTRA_STEP:
            assert plans[0].act is not None
            assert plans[0].act.tool not in {one.act.tool for one in own.steps}
        if kind is DeviationType.UNDER_TIME:
            assert step.seconds >= 5


def test_no_two_steps_of_a_procedure_are_alike_in_all() -> None:
    random = np.random.default_rng(6)
    for seed in range(50):
        own = planning.procedure(random, seed, 0, 12, 6)
        assert 4 <= len(own.steps) <= 12
        assert len({step.act for step in own.steps}) == len(own.steps)
        assert all(2 <= step.seconds <= 20 for step in own.steps)

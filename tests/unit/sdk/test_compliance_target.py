# SPDX-License-Identifier: Apache-2.0
"""What may be tested, what its environment is, which checks there are, and how results are told apart."""

from typing import Any

import pytest

from ovpo_sdk.testing.catalogue import CHECKS, chosen
from ovpo_sdk.testing.checks.fail_open import difference
from ovpo_sdk.testing.protocol import Outcome
from ovpo_sdk.testing.recording import Recording
from ovpo_sdk.testing.runner import digest_of
from ovpo_sdk.testing.suite import ComplianceSuite
from ovpo_sdk.testing.target import Target, TargetError, environment_for, target_of
from ovpo_sdk.testing.workbench import Run


class Film:
    """Something that no encoder knows, and no pickle takes."""

    def __init__(self) -> None:
        self.make = lambda: None


BOUND = 6.0


def run(seconds: float = 1.0, **said: object) -> Run:
    outcome = Outcome(**{"digest": "same", **said})  # type: ignore[arg-type]
    return Run(outcome, seconds, Recording(), ())


@pytest.mark.parametrize("name", ["film:make", "studio.film:Maker.make", "_a.b1:c_2"])
def test_a_function_is_named_with_its_module(name: str) -> None:
    assert target_of(name) == Target(function=name)


@pytest.mark.parametrize("name", ["", "film", "film:", ":make", "film.py:make:x", "film make", "../film:make", "1:a"])
def test_what_names_no_function_is_refused_with_the_remedy(name: str) -> None:
    with pytest.raises(TargetError, match="module:function"):
        target_of(name)


def test_a_command_is_shown_as_it_is_typed() -> None:
    assert str(target_of(["node", "my film.js"])) == "node 'my film.js'"


def test_a_command_has_words() -> None:
    with pytest.raises(TargetError, match="name a program"):
        target_of([])


def test_a_pipeline_inherits_everything_but_what_is_set_for_the_sdk() -> None:
    inherited = {"PATH": "/bin", "OVPO_TELEMETRY": "off", "OVPO_SPOOL": "/x", "OVPO_KEY": "real", "OVPO_HOME": "/h"}
    given = environment_for(inherited, "http://127.0.0.1:1", "k", "t")

    assert given == {
        "PATH": "/bin",
        "OVPO_HOME": "/h",
        "OVPO_ENDPOINT": "http://127.0.0.1:1",
        "OVPO_KEY": "k",
        "OVPO_TENANT": "t",
    }


def test_checks_are_made_in_their_own_order() -> None:
    assert [check.name for check in chosen(["skew", "parenting"])] == ["parenting", "skew"]
    assert chosen(None) == CHECKS


def test_a_check_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(TargetError, match="no check 'nice'; there are completeness, parenting"):
        ComplianceSuite("film:make", ["nice"])


def test_every_check_asks_something_of_its_own() -> None:
    assert len({check.name for check in CHECKS}) == len({check.asks for check in CHECKS}) == len(CHECKS) == 9


@pytest.mark.parametrize("make", [lambda: {"b": 1, "a": {2, 3}}, lambda: [b"x", 1.5], Film, object])
def test_equal_results_have_equal_digests(make: object) -> None:
    assert callable(make)
    assert digest_of(make()) == digest_of(make())


def test_other_results_have_other_digests() -> None:
    results = [None, 0, "0", [0], {"a": 0}, {"a": 1}, b"0", 0.5, (1, 2, 3), {4, 5}]

    assert len({digest_of(result) for result in results}) == len(results)


def test_the_same_ending_and_result_are_no_difference() -> None:
    assert difference(run(), run(), BOUND, results_matter=True) is None


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"raised": "OSError: away"}, "raised OSError: away, where it usually ended well"),
        ({"exit_status": 3}, "exited with status 3, where it usually ended well"),
        ({"digest": "other"}, "came to another result"),
    ],
)
def test_another_ending_or_result_is_told(other: dict[str, Any], said: str) -> None:
    found = difference(run(), run(**other), BOUND, results_matter=True)

    assert found is not None
    assert found.startswith(said)


def test_a_run_that_takes_longer_than_its_bound_is_told_with_both_times() -> None:
    found = difference(run(), run(seconds=6.1), BOUND, results_matter=True)

    assert found is not None
    assert found.startswith("took 6.1 s, where 1.0 s are usual")
    assert difference(run(), run(seconds=6.0), BOUND, results_matter=True) is None


def test_a_result_that_is_never_the_same_is_not_compared() -> None:
    assert difference(run(), run(digest="other"), BOUND, results_matter=False) is None


def test_a_pipeline_that_always_raises_may_do_so() -> None:
    assert difference(run(raised="MemoryError: 1"), run(raised="MemoryError: 2"), BOUND, results_matter=True) is None

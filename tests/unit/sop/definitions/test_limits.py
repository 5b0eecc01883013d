# SPDX-License-Identifier: Apache-2.0
"""A definition may set from when on something is a deviation, as strictly as it sets its scoring."""

import subprocess
import sys

import pytest
from msgspec import structs

from ovpo.sop.definitions.procedure import Definition
from ovpo.sop.definitions.reading import parse
from ovpo.sop.errors import DefinitionError
from ovpo.sop.judging.limits import Limits

STEPS = "task: a\nsteps: [{name: b}]\n"


def read(limits: str) -> Definition:
    return parse(f"{STEPS}limits: {limits}".encode(), "a.yaml")


def test_only_the_limits_that_are_named_differ_from_the_usual_ones() -> None:
    assert read("{extra_seconds: 3, over: 1.5}").limits == Limits(extra_seconds=3.0, over=1.5)
    assert parse(STEPS.encode(), "a.yaml").limits == read("").limits == Limits()


@pytest.mark.parametrize("limit", [field.name for field in structs.fields(Limits)])
def test_every_limit_can_be_set_to_its_usual_value_and_to_none_that_is_not_above_0_and_finite(limit: str) -> None:
    usual = getattr(Limits(), limit)
    assert read(f"{{{limit}: {usual}}}").limits == Limits()
    for value in ("0", "-1", "1e9", "1e999", ".nan", "true"):
        with pytest.raises(DefinitionError, match=rf"limits\.{limit}: "):
            read(f"{{{limit}: {value}}}")


@pytest.mark.parametrize(
    ("limits", "line"),
    [
        ("{extra_second: 2}", "limits.extra_second: there is no such field; did you mean extra_seconds?"),
        ("{cut_seconds: 4000}", "limits.cut_seconds: 4000 is out of range; takes seconds from 0.001 to 3600"),
        ("{under: 1.5}", "limits.under: 1.5 is out of range; takes a share from 0.001 to 1"),
        ("{over: 0.9}", "limits.over: 0.9 is out of range; takes a number from 1 to 100"),
        ("{warp: '0.2'}", "limits.warp: '0.2' is not a number; takes a share"),
        ("[1]", "limits: a list of 1 is no mapping; write a name and a number on each line"),
    ],
)
def test_a_limit_that_cannot_be_is_told_by_field_value_and_remedy(limits: str, line: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read(limits)
    assert f"a.yaml: {line}" in str(caught.value)


def test_reading_a_definition_imports_nothing_heavy() -> None:
    told = "import sys, ovpo.sop.definitions.reading; print([name for name in ('numpy', 'cv2') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

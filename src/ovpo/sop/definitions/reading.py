# SPDX-License-Identifier: Apache-2.0
"""From a definition file to a Definition, or to one error with a line for each fault; `[n]` counts from zero."""

import re
from pathlib import Path
from typing import Any, Final

from msgspec import structs

from ovpo.sop.definitions.fields import Given, shown
from ovpo.sop.definitions.plain_data import MOST_BYTES, REMEDY, decode, unreadable
from ovpo.sop.definitions.procedure import DefinedStep, Definition
from ovpo.sop.errors import DefinitionError
from ovpo.sop.judging.limits import Limits
from ovpo.sop.scoring.settings import RANGES, USUAL, WEIGHT_RANGE, Scoring, Weights

MOST_STEPS: Final = 500
MOST_LETTERS: Final = 120
MOST_SECONDS: Final = 86_400.0
LEAST_SECONDS: Final = 0.1
MOST_FAULTS: Final = 20
LEAST_LIMIT: Final = 0.001
MOST_LIMIT_SECONDS: Final = 3600.0
MOST_TIMES: Final = 100.0
FIELDS: Final = ("task", "steps", "scoring", "limits")
STEP_FIELDS: Final = structs.fields(DefinedStep)
_TASK: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
_TASK_REMEDY: Final = "takes 1 to 64 of a-z, 0-9, _ and -, a letter or digit first"
_STEPS_REMEDY: Final = f"takes a list of 1 to {MOST_STEPS} steps, each a mapping with a name"
_NAME_REMEDY: Final = f"takes 1 to {MOST_LETTERS} characters that can be printed"


def load(file: Path, usual: Scoring = USUAL) -> Definition:
    """Read the definition in a file; what its scoring and limits blocks do not set is as usual."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise DefinitionError("missing", f"{file}: there is no such file; name a definition file") from None
    except OSError as error:
        raise unreadable(str(file), f"cannot be read: {error.strerror}; name a definition file") from None
    return parse(data, str(file), usual)


def parse(data: bytes, name: str, usual: Scoring = USUAL) -> Definition:
    """Read a definition from the bytes of the file that has this name."""
    given = decode(data, name)
    if not isinstance(given, dict):
        raise unreadable(name, f"is {shown(given)}, not a mapping; {REMEDY}")
    faults: list[str] = []
    whole = Given(given, "", faults)
    whole.refuse_unknown(FIELDS)
    task = _task(whole)
    steps = _steps(whole, faults)
    scoring = _scoring(whole, faults, usual)
    limits = _limits(whole, faults)
    if faults:
        more = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        raise DefinitionError(
            "invalid_definition", "\n".join(f"{name}: {line}" for line in faults[:MOST_FAULTS] + more)
        )
    return Definition(task=task or "", steps=steps, scoring=scoring, limits=limits)


def _task(whole: Given) -> str | None:
    task = whole.text("task", 64, _TASK_REMEDY)
    if task is not None and not _TASK.match(task):
        whole.wrong("task", "is no task", _TASK_REMEDY)
    return task


def _steps(whole: Given, faults: list[str]) -> tuple[DefinedStep, ...]:
    raw = whole.raw("steps")
    if raw is None:
        whole.lacks("steps", _STEPS_REMEDY)
        return ()
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_STEPS:
        whole.wrong("steps", "cannot be the steps", _STEPS_REMEDY)
        return ()
    for index, one in enumerate(raw):
        if not isinstance(one, dict):
            faults.append(f"steps[{index}]: {shown(one)} is no mapping; write - name: …")
    if faults and not all(isinstance(one, dict) for one in raw):
        return ()
    fields = [Given(one, f"steps[{index}]", faults) for index, one in enumerate(raw)]
    steps = tuple(_step(one) for one in fields)
    _refuse_same_names(steps, fields)
    _refuse_odd_starts(steps, fields)
    return steps


def _step(one: Given) -> DefinedStep:
    one.refuse_unknown([field.name for field in STEP_FIELDS])
    shortest, longest = (
        one.number(name, LEAST_SECONDS, MOST_SECONDS, "seconds") for name in ("min_seconds", "max_seconds")
    )
    if shortest is not None and longest is not None and longest < shortest:
        one.wrong("max_seconds", f"is less than min_seconds, {shortest:g}", "raise it, or lower min_seconds")
    return DefinedStep(
        name=one.text("name", MOST_LETTERS, _NAME_REMEDY) or "",
        critical=one.truth("critical"),
        min_seconds=shortest,
        max_seconds=longest,
        starts_at=one.number("starts_at", 0.0, MOST_SECONDS, "seconds"),
    )


def _refuse_same_names(steps: tuple[DefinedStep, ...], fields: list[Given]) -> None:
    first: dict[str, int] = {}
    for index, (step, one) in enumerate(zip(steps, fields, strict=True)):
        if step.name and first.setdefault(step.name.casefold(), index) != index:
            one.wrong("name", f"is the name of steps[{first[step.name.casefold()]}] too", "give each step its own")


def _refuse_odd_starts(steps: tuple[DefinedStep, ...], fields: list[Given]) -> None:
    having = [index for index, one in enumerate(fields) if "starts_at" in one]
    if not having:
        return
    latest: float | None = None
    for step, one in zip(steps, fields, strict=True):
        if "starts_at" not in one:
            one.lacks("starts_at", f"steps[{having[0]}] has one: give it to every step or to none")
        elif step.starts_at is not None:
            if latest is not None and step.starts_at <= latest:
                one.wrong("starts_at", f"is not after the step before, {latest:g}", "write the steps as they begin")
            latest = step.starts_at


def _scoring(whole: Given, faults: list[str], usual: Scoring) -> Scoring:
    given = _block(whole, "scoring", faults)
    if given is None:
        return usual
    given.refuse_unknown([*RANGES, "weights"])
    changed = {name: given.number(name, *limits) for name, limits in RANGES.items()}
    weights = _block(given, "weights", faults)
    if weights is None:
        return structs.replace(usual, **_set(changed))
    names = [field.name for field in structs.fields(Weights)]
    weights.refuse_unknown(names)
    weighed = {name: weights.number(name, *WEIGHT_RANGE, takes="points") for name in names}
    return structs.replace(usual, **_set(changed), weights=structs.replace(usual.weights, **_set(weighed)))


def _limits(whole: Given, faults: list[str]) -> Limits:
    usual = Limits()
    given = _block(whole, "limits", faults)
    if given is None:
        return usual
    names = [field.name for field in structs.fields(Limits) if field.type is float]
    given.refuse_unknown(names)
    return structs.replace(usual, **_set({name: _limit(given, name, getattr(usual, name)) for name in names}))


def _limit(given: Given, name: str, usual: float) -> float | None:
    """Read seconds, a share (usually below 1) or a multiple."""
    if name.endswith("_seconds"):
        return given.number(name, LEAST_LIMIT, MOST_LIMIT_SECONDS, "seconds")
    if usual < 1:
        return given.number(name, LEAST_LIMIT, 1.0, "a share")
    return given.number(name, 1.0, MOST_TIMES)


def _block(parent: Given, name: str, faults: list[str]) -> Given | None:
    raw = parent.raw(name)
    if raw is None:
        return None
    if not isinstance(raw, dict):
        parent.wrong(name, "is no mapping", "write a name and a number on each line under it")
        return None
    return Given(raw, parent.place(name), faults)


def _set(changed: dict[str, float | None]) -> dict[str, Any]:
    return {name: value for name, value in changed.items() if value is not None}

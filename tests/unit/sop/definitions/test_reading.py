# SPDX-License-Identifier: Apache-2.0
"""A definition is read into frozen objects, or refused by lines that name the field, its value and the remedy."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovpo.sop.definitions.procedure import DefinedStep, Definition
from ovpo.sop.definitions.reading import load, parse
from ovpo.sop.errors import DefinitionError
from ovpo.sop.scoring.settings import USUAL, Scoring, Weights

EXAMPLE = Path(__file__).parents[4] / "examples" / "sop" / "change_a_filter.yaml"


def refusal(text: str | bytes, name: str = "filter.yaml") -> DefinitionError:
    """Parse what is no definition and give the error."""
    with pytest.raises(DefinitionError) as caught:
        parse(text.encode() if isinstance(text, str) else text, name)
    return caught.value


def with_steps(*steps: str) -> str:
    """Write a definition of steps in YAML's flow style."""
    return "task: filter\nsteps:\n" + "".join(f"  - {{{step}}}\n" for step in steps)


def test_the_example_is_a_definition() -> None:
    definition = load(EXAMPLE)
    assert definition.task == "change-a-filter"
    assert [step.name for step in definition.steps if step.critical] == ["Switch the pump off", "Put the new filter in"]
    assert definition.starts == (0.0, 6.5, 14.0, 19.5, 27.0, 35.0)
    assert definition.steps[1].max_seconds == 20
    assert definition.steps[3].min_seconds == 4
    assert (definition.scoring.threshold, definition.scoring.weights.repeat) == (85, 20)
    assert definition.scoring.weights.missing == USUAL.weights.missing


def test_a_task_and_names_are_enough_and_the_rest_is_as_usual() -> None:
    usual = Scoring(threshold=70)
    definition = parse(b"task: a\nsteps: [{name: Open}, {name: Close}]", "a.yml", usual)
    assert definition == Definition(
        task="a", steps=(DefinedStep(name="Open"), DefinedStep(name="Close")), scoring=usual
    )
    assert definition.starts is None


def test_a_definition_changes_only_the_weights_that_it_names() -> None:
    usual = Scoring(weights=Weights(swap=11, extra=12))
    scoring = parse(b"task: a\nsteps: [{name: b}]\nscoring: {weights: {swap: 5}}", "a.yaml", usual).scoring
    assert scoring == Scoring(weights=Weights(swap=5, extra=12))


def test_yaml_and_json_say_the_same() -> None:
    given = {"task": "a", "steps": [{"name": "Öffnen 🔧", "critical": True, "max_seconds": 2.5}]}
    as_json = json.dumps(given).encode()
    assert parse(as_json, "a.json") == parse(json.dumps(given, ensure_ascii=False).encode(), "a.yaml")
    assert parse(b"\xef\xbb\xbf" + as_json, "A.JSON").steps[0].name == "Öffnen 🔧"


def test_names_are_composed_so_that_two_spellings_are_one() -> None:
    definition = parse("task: a\nsteps: [{name: 'O\u0308ffnen '}]".encode(), "a.yaml")
    assert definition.steps[0].name == "Öffnen"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("steps: [{name: a}]", "task: is missing; takes 1 to 64 of a-z, 0-9, _ and -, a letter or digit first"),
        ("task: Filter\nsteps: [{name: a}]", "task: 'Filter' is no task; takes 1 to 64 of a-z"),
        (f"task: {'a' * 65}\nsteps: [{{name: a}}]", "has 65 characters; takes 1 to 64 of a-z"),
        ("task: 12\nsteps: [{name: a}]", "task: 12 is not text; put it in quotes"),
        ("task: a", "steps: is missing; takes a list of 1 to 500 steps, each a mapping with a name"),
        ("task: a\nsteps: []", "steps: a list of 0 cannot be the steps; takes a list of 1 to 500 steps"),
        ("task: a\nsteps: {name: a}", "steps: a mapping of 1 cannot be the steps; takes a list"),
        ("task: a\nsteps: [Open]", "steps[0]: 'Open' is no mapping; write - name: …"),
        (
            "task: a\nstep: []\nsteps: [{name: a}]",
            "step: there is no such field; did you mean steps? takes task, steps",
        ),
        (
            with_steps("name: a", "name: b, max_second: 2"),
            "steps[1].max_second: there is no such field; did you mean max",
        ),
        (with_steps("name: a", "critical: true"), "steps[1].name: is missing; takes 1 to 120 characters"),
        (with_steps("name: ''"), "steps[0].name: '' has 0 characters; takes 1 to 120 characters"),
        (with_steps(f"name: {'a' * 121}"), "has 121 characters; takes 1 to 120 characters"),
        (with_steps('name: "a\\nb"'), "steps[0].name: 'a\\nb' has a character that cannot be printed"),
        (with_steps("name: 2026-01-01", "name: 10"), "steps[1].name: 10 is not text; put it in quotes"),
        (
            with_steps("name: Open", "name: open"),
            "steps[1].name: 'open' is the name of steps[0] too; give each step its",
        ),
        (
            with_steps("name: a, critical: yes"),
            "steps[0].critical: 'yes' is neither true nor false; write true or false",
        ),
        (
            with_steps("name: a, max_seconds: 0"),
            "steps[0].max_seconds: 0 is out of range; takes seconds from 0.1 to 86400",
        ),
        (with_steps("name: a, min_seconds: 1e99"), "steps[0].min_seconds: 1e+99 is out of range; takes seconds"),
        (with_steps("name: a, max_seconds: 1:30"), "steps[0].max_seconds: '1:30' is not a number; takes seconds"),
        (with_steps("name: a, max_seconds: 010"), "steps[0].max_seconds: '010' is not a number; takes seconds"),
        (with_steps("name: a, max_seconds: true"), "steps[0].max_seconds: true is not a number; takes seconds"),
        (with_steps("name: a, max_seconds: .nan"), "steps[0].max_seconds: '.nan' is not a number; takes seconds"),
        (
            with_steps("name: a, min_seconds: 9, max_seconds: 5"),
            "steps[0].max_seconds: 5 is less than min_seconds, 9; raise it, or lower min_seconds",
        ),
        (
            with_steps("name: a, starts_at: 0", "name: b"),
            "steps[1].starts_at: is missing; steps[0] has one: give it to every step or to none",
        ),
        (
            with_steps("name: a, starts_at: 3", "name: b, starts_at: 3.0"),
            "steps[1].starts_at: 3.0 is not after the step before, 3; write the steps as they begin",
        ),
        (with_steps("name: a, starts_at: -1"), "steps[0].starts_at: -1 is out of range; takes seconds from 0 to 86400"),
        (with_steps("name: a") + "scoring: 80", "scoring: 80 is no mapping; write a name and a number on each line"),
        (with_steps("name: a") + "scoring: {threshold: 101}", "scoring.threshold: 101 is out of range; takes a number"),
        (
            with_steps("name: a") + "scoring: {treshold: 80}",
            "scoring.treshold: there is no such field; did you mean threshold?",
        ),
        (
            with_steps("name: a") + "scoring: {weights: {swaps: 1}}",
            "scoring.weights.swaps: there is no such field; did you mean swap?",
        ),
        (
            with_steps("name: a") + "scoring: {weights: {swap: -1}}",
            "scoring.weights.swap: -1 is out of range; takes points from 0 to 100",
        ),
        (with_steps("name: a") + "scoring: {weights: [1]}", "scoring.weights: a list of 1 is no mapping; write a name"),
    ],
)
def test_a_fault_is_told_by_file_field_value_and_remedy(text: str, line: str) -> None:
    error = refusal(text)
    assert error.code == "invalid_definition"
    assert any(said.startswith("filter.yaml: ") and line in said for said in str(error).splitlines()), str(error)


def test_every_fault_is_told_at_once_but_no_more_than_twenty() -> None:
    assert str(refusal("task: A\nsteps: [{critical: 1}]")).count("\n") == 2
    many = str(refusal(with_steps(*["critical: 1"] * 100)))
    assert len(many.splitlines()) == 21
    assert many.endswith("and 180 more")


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + k)}: &{chr(98 + k)} [*{chr(97 + k)}, *{chr(97 + k)}]\n" for k in range(20)
)


@pytest.mark.parametrize(
    ("data", "name", "why"),
    [
        (BOMB.encode(), "a.yaml", "line 1: has an anchor or alias (& or *); write the value out"),
        (b"task: &a x", "a.yaml", "line 1: has an anchor or alias"),
        (b"task: *a", "a.yaml", "line 1: has an anchor or alias"),
        (b"task: !!python/object/apply:os.getcwd []", "a.yaml", "line 1: has the tag 'tag:yaml.org,2002:python/"),
        (b"task: !!str 12", "a.yaml", "line 1: has the tag 'tag:yaml.org,2002:str'; leave it out"),
        (b"[" * 100_000, "a.yaml", "is nested more than 8 deep"),
        (b"[" * 100_000, "a.json", "is not plain text data; takes a mapping with task and steps"),
        (b"#" * 131_073, "a.yaml", "has more than 131072 bytes"),
        (b"task: a\ntask: b", "a.yaml", "line 2: 'task' is given twice; leave one out"),
        (b'{"task": "a", "task": "b"}', "a.json", "'task' is given twice; leave one out"),
        (b'{"task": NaN}', "a.json", "NaN is not a number that JSON has"),
        (b'{"task": ' + b"9" * 10_000 + b"}", "a.json", "is not plain text data"),
        (b"task: " + b"9" * 10_000, "a.yaml", "is not plain text data"),
        (b"? [a]\n: b", "a.yaml", "line 1: has a name that is not text"),
        (b"--- {task: a}\n--- {task: b}", "a.yaml", "mend the YAML"),
        (b"task: [a", "a.yaml", "line 1: expected ',' or ']'"),
        (b"task: \x00", "a.yaml", "is not plain text data"),
        (b"{'task': 1}", "a.json", "line 1: Expecting property name"),
        (b"\xff\xfe", "a.yaml", "byte 0 is not UTF-8; save the file as text in UTF-8"),
        (b"", "a.yaml", "is None, not a mapping; takes a mapping with task and steps"),
        (b"- a\n- b", "a.yaml", "is a list of 2, not a mapping"),
        (b"hello", "a.yaml", "is 'hello', not a mapping"),
    ],
)
def test_what_is_no_plain_data_is_refused_with_the_place(data: bytes, name: str, why: str) -> None:
    error = refusal(data, name)
    assert error.code == "unreadable_definition"
    assert str(error).startswith(f"{name}: ")
    assert why in str(error)


def test_half_a_character_in_json_is_refused() -> None:
    error = refusal(b'{"task": "a", "steps": [{"name": "\\ud83d"}]}', "a.json")
    assert "steps[0].name: '\\ud83d' has a character that cannot be printed" in str(error)


def test_a_file_that_is_not_there_and_one_that_is_too_large_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"none\.yaml: there is no such file; name a definition file") as caught:
        load(tmp_path / "none.yaml")
    assert caught.value.code == "missing"
    with pytest.raises(DefinitionError, match="cannot be read: Is a directory; name a definition file"):
        load(tmp_path)
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * 200_000)
    with pytest.raises(DefinitionError, match="has more than 131072 bytes"):
        load(large)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text("{}[]:-&*!?|>'\"%@`, \nats\t0", max_size=60).map(str.encode))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    for name in ("a.yaml", "a.json"):
        with pytest.raises(DefinitionError):
            parse(data, name)

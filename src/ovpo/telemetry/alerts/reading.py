# SPDX-License-Identifier: Apache-2.0
"""From a rules file to a rulebook, or to one line per fault: the file, the rule, the field, what it takes.

No value of a file is repeated where it may be a secret that somebody wrote into it.
"""

import re
from collections import Counter
from collections.abc import Hashable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from ovpo.foundation.settings.faults import SettingsError
from ovpo.foundation.settings.tree import Alerts
from ovpo.telemetry.alerts import actions, rules
from ovpo.telemetry.alerts.actions import Action
from ovpo.telemetry.alerts.rules import Rule, Rulebook, nearest

SETTING: Final = "OVPO_ALERTS__RULES"
PACKAGED: Final = Path(str(files("ovpo.telemetry.alerts") / "rules.yaml"))
MOST_BYTES: Final = 1_048_576
MOST_RULES: Final = 500
MOST_ACTIONS: Final = 100
_SECTIONS: Final = {"actions", "rules"}
_PLACE: Final = re.compile(r"(?P<said>.*?)(?: - at (?:`key` in )?`\$\.?(?P<place>[^`]*)`)?\Z", re.DOTALL)
_FIELD: Final = re.compile(r"Object (?P<what>contains unknown|missing required) field `(?P<field>.*)`\Z", re.DOTALL)
_UNREPEATED: Final = re.compile(r"Invalid (?:enum )?value .*", re.DOTALL)


class _Strict(yaml.SafeLoader):
    """YAML's plain data only, in which a name that is given twice is a fault and not the loss of its first value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a name that is given twice."""
        seen: set[Any] = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name in seen and name != "<<":
                raise yaml.MarkedYAMLError(problem=f"{name!r} is given twice", problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


def load_rules(settings: Alerts) -> Rulebook:
    """Read the rules that the setting names, or those that come with OVPO."""
    return read_rules(settings.rules or PACKAGED, f"{SETTING}: ")


def read_rules(file: Path, before: str = "") -> Rulebook:
    """Read a rules file; a SettingsError has a line for each rule and action that is wrong."""
    where = f"{before}{file}"
    given = _sections(file, where)
    named, faults = _named(given, where)
    read = [_read(one, index, where, named) for index, one in enumerate(given["rules"], 1)]
    faults += [line for _, lines in read for line in lines]
    found = tuple(rule for rule, _ in read if rule is not None)
    twice = [name for name, times in Counter(rule.name for rule in found).items() if times > 1]
    faults += [f"{where}: rule {name}: name: is that of two rules; give each its own" for name in twice]
    if faults:
        raise SettingsError(faults)
    return Rulebook(found, named, file.parent)


def _sections(file: Path, where: str) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            text = opened.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise SettingsError([f"{where}: is larger than {MOST_BYTES} bytes; takes a file of rules in YAML"])
        given = yaml.load(text.decode(), Loader=_Strict) or {}  # noqa: S506 - a SafeLoader, made stricter
    except OSError as error:
        raise SettingsError([f"{where}: cannot be read: {error.strerror}; takes a file of rules in YAML"]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SettingsError([f"{where}: {_in_words(error)}; mend the YAML"]) from None
    if not isinstance(given, dict):
        raise SettingsError([f"{where}: takes the sections actions and rules"])
    if strange := [str(name)[:60] for name in given if name not in _SECTIONS]:
        raise SettingsError([f"{where}: there is no section {name!r}; takes actions and rules" for name in strange])
    sections = {"actions": given.get("actions") or {}, "rules": given.get("rules") or []}
    if not isinstance(sections["actions"], dict) or len(sections["actions"]) > MOST_ACTIONS:
        raise SettingsError([f"{where}: actions: takes at most {MOST_ACTIONS} names, each with what it is"])
    if not isinstance(sections["rules"], list) or len(sections["rules"]) > MOST_RULES:
        raise SettingsError([f"{where}: rules: takes a list of at most {MOST_RULES} rules"])
    return sections


def _in_words(error: Exception) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if mark is not None and isinstance(error, yaml.MarkedYAMLError):
        return f"line {mark.line + 1}: {error.problem}"
    return "is nested too deeply" if isinstance(error, RecursionError) else "is no YAML in UTF-8"


def _named(given: Mapping[str, Any], where: str) -> tuple[dict[str, Action], list[str]]:
    named: dict[str, Action] = {}
    faults: list[str] = []
    for name, raw in given["actions"].items():
        here = f"{where}: action {str(name)[:60]}"
        try:
            msgspec.convert(name, rules.Name)
        except msgspec.ValidationError:
            faults.append(f"{here}: is no name; takes {rules.TAKES['name']}")
            continue
        try:
            action: Action = msgspec.convert(raw, Action)
        except msgspec.ValidationError as error:
            faults.append(f"{here}: {_fault(error, _takes_of_action(raw))}")
            continue
        faults += [f"{here}: {field}: {wrong}" for field, wrong in actions.contradictions(action)]
        named[name] = action
    return named, faults


def _read(raw: object, index: int, where: str, named: Mapping[str, Action]) -> tuple[Rule | None, list[str]]:
    name = raw.get("name") if isinstance(raw, dict) else None
    here = f"{where}: rule {name[:60] if isinstance(name, str) and name else f'number {index}'}"
    try:
        rule = msgspec.convert(raw, Rule)
    except msgspec.ValidationError as error:
        return None, [f"{here}: {_fault(error, rules.TAKES)}"]
    return rule, [f"{here}: {field}: {wrong}" for field, wrong in rules.contradictions(rule, named)]


def _takes_of_action(raw: object) -> dict[str, str]:
    """Give the fields of the type that an action says it is."""
    kind = actions.TYPES.get(str(raw.get("type"))) if isinstance(raw, dict) else None
    if kind is None:
        return {"type": actions.TAKES["type"]}
    return {"type": actions.TAKES["type"], **{name: actions.TAKES[name] for name in kind.__struct_encode_fields__}}


def _fault(error: msgspec.ValidationError, takes: Mapping[str, str]) -> str:
    """Name the field and what it takes."""
    found = _PLACE.match(str(error))
    said, place = (found["said"], found["place"] or "") if found else (str(error), "")
    if about := _FIELD.match(said):
        field = about["field"][:60]
        if about["what"].startswith("missing"):
            return f"{field}: is missing; takes {takes.get(field, 'a value')}"
        return f"{field}: there is no such field{nearest(field, takes)}; takes {', '.join(takes)}"
    field = re.split(r"[.\[]", place)[0]
    if not field:
        return f"takes {', '.join(takes)}, each with its value"
    problem = "is another value" if _UNREPEATED.match(said) else said.split(" matching regex ")[0].lower()
    return f"{field}: {problem}; takes {takes.get(field, 'another value')}"

# SPDX-License-Identifier: Apache-2.0
"""From the bytes of a file to plain data: mappings, lists, text, numbers, true, false and nothing else.

Of YAML it takes what JSON can say, with comments: no anchors, aliases, tags or second document, so that a small file
cannot stand for a large one. Only true and false are truths, and only plain decimal numbers are numbers: no, 1:30,
010 and 2026-01-01 are text, as they were written.
"""

import json
import re
from collections.abc import Hashable
from pathlib import PurePath
from typing import Any, Final

import yaml

from ovpo.sop.errors import DefinitionError

MOST_BYTES: Final = 131_072
MOST_LEVELS: Final = 8
REMEDY: Final = "takes a mapping with task and steps, in YAML or JSON"


class _RefusedError(ValueError):
    """Something in the file that plain data does not have."""


class _PlainLoader(yaml.SafeLoader):
    """YAML that says what JSON can say."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - the name under which PyYAML looks for them
    levels = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse anchors, aliases, tags and deep nesting before anything is built from them."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _RefusedError(f"line {line}: has an anchor or alias (& or *); write the value out")
        if event.tag is not None:
            raise _RefusedError(f"line {line}: has the tag {event.tag[:60]!r}; leave it out")
        self.levels += 1
        if self.levels > MOST_LEVELS:
            raise _RefusedError(f"line {line}: is nested more than {MOST_LEVELS} deep; nest it less")
        node = super().compose_node(parent, index)
        self.levels -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a name that is given twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise _RefusedError(f"line {line}: has a name that is not text; write a word before the colon")
            if key.value in seen:
                raise _RefusedError(f"line {line}: {key.value[:60]!r} is given twice; leave one out")
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


for _tag, _pattern, _first in (
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)\Z", "tTfF"),
    ("null", r"(?:null|Null|NULL|~|)\Z", "nN~"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)\Z", "-+0123456789"),
    ("float", r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z", "-+.0123456789"),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), [*_first])
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"\Z"), [""])


def decode(data: bytes, name: str, remedy: str = REMEDY) -> object:
    """Read a file's content, JSON where its name ends so and YAML otherwise, or raise DefinitionError."""
    if len(data) > MOST_BYTES:
        raise unreadable(name, f"has more than {MOST_BYTES} bytes; {remedy}")
    try:
        text = data.decode("utf-8-sig")
        return _json(text) if PurePath(name).suffix.lower() == ".json" else _yaml(text)
    except UnicodeDecodeError as error:
        raise unreadable(name, f"byte {error.start} is not UTF-8; save the file as text in UTF-8") from None
    except _RefusedError as error:
        raise unreadable(name, str(error)) from None
    except json.JSONDecodeError as error:
        raise unreadable(name, f"line {error.lineno}: {error.msg}; mend the JSON") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise unreadable(name, f"{line}{error.problem or error.context}; mend the YAML") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise unreadable(name, f"is not plain text data; {remedy}") from None


def unreadable(name: str, why: str) -> DefinitionError:
    """Say that a file has no content to read a definition from."""
    return DefinitionError("unreadable_definition", f"{name}: {why}")


def _yaml(text: str) -> object:
    return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader, made stricter


def _json(text: str) -> object:
    return json.loads(text, object_pairs_hook=_once, parse_constant=_constant)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise _RefusedError(f"{name[:60]!r} is given twice; leave one out")
        found[name] = value
    return found


def _constant(said: str) -> object:
    raise _RefusedError(f"{said} is not a number that JSON has; write a plain number")

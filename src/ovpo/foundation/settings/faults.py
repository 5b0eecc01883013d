# SPDX-License-Identifier: Apache-2.0
"""What a person is told when a setting is wrong: the variable, what it got, what it takes. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from ovpo.foundation.settings.tree import Settings

PREFIX = "OVPO_"
SHOWN = 80


class SettingsError(Exception):
    """One or more settings are wrong; each line says which, what it got and what it takes."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def leaves(
    model: type[BaseModel] = Settings, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Walk the tree: every field that takes a value, with its path, in the order in which it was declared."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(field.annotation, (*path, name))
        else:
            yield (*path, name), field


def variable(path: Iterable[str]) -> str:
    """Name the environment variable of a path."""
    return PREFIX + "__".join(path).upper()


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Report each OVPO_ variable that names no setting, with the nearest one that does."""
    known = {variable(path) for path, _ in leaves()}
    sections = {PREFIX + name.upper() for name in Settings.model_fields}
    return [
        f"{name}: there is no such setting{_nearest(name, known)}"
        for name in sorted(names)
        if name.startswith(PREFIX) and name.upper() not in known | sections
    ]


def explain(error: ValidationError, environment: Mapping[str, str]) -> list[str]:
    """Turn pydantic's report into one line per wrong setting."""
    fields = dict(leaves())
    return [
        _line(tuple(str(part) for part in item["loc"]), item["input"], fields, environment) for item in error.errors()
    ]


def takes(field: FieldInfo) -> str:
    """Say in words which values a field takes."""
    schema = TypeAdapter(_required(field)).json_schema()
    schema = next(iter(schema.get("$defs", {}).values()), schema)
    if choices := schema.get("enum"):
        return "one of " + ", ".join(map(str, choices))
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "string": "a path" if schema.get("format") == "path" else "a text",
    }
    said = words.get(schema.get("type", ""), "a value")
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    if low is not None and high is not None:
        said += f" between {low} and {high}"
    elif low is not None:
        said += f" of at least {low}"
    if pattern := schema.get("pattern"):
        said += f" that matches {pattern}"
    elif schema.get("minLength"):
        said += " that is not empty"
    return said


def is_secret(field: FieldInfo) -> bool:
    """Tell whether a field's value must never be shown."""
    return field.annotation is SecretStr


def _line(
    path: tuple[str, ...], got: Any, fields: Mapping[tuple[str, ...], FieldInfo], environment: Mapping[str, str]
) -> str:
    name = variable(path)
    if path not in fields:
        where = "" if name in environment else " (in ovpo.toml or .env)"
        return f"{name}{where}: there is no such setting{_nearest(name, {variable(known) for known in fields})}"
    field = fields[path]
    shown = "a secret" if is_secret(field) else repr(got)[:SHOWN]
    return f"{name}: got {shown}; takes {_expected(field, got)} ({field.description})"


def _expected(field: FieldInfo, got: Any) -> str:
    """Prefer the words of an address check, which know more than the type."""
    try:
        TypeAdapter(_required(field)).validate_python(got)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "value_error":
            return str(first["ctx"]["error"])
    return takes(field)


def _required(field: FieldInfo) -> Any:
    """Give the type that a set value must have: an optional field without its None."""
    annotation = field.rebuild_annotation()
    if get_origin(annotation) in (Union, UnionType):
        return next(option for option in get_args(annotation) if option is not type(None))
    return annotation


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name.upper(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else "; `ovpo config show` lists those that exist"

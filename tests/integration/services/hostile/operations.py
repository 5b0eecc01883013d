# SPDX-License-Identifier: Apache-2.0
"""The operations of the service as its own document tells them: what hostile requests are aimed at."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ovpo.foundation.auth import Role
from ovpo.foundation.permissions import LEAST_ROLE, Permission

DOCUMENT = Path(__file__).parents[4] / "docs" / "openapi" / "query.json"
ENDLESS = frozenset({"/v1/live/traces"})
"""A stream, which does not end; it has requests of its own."""
METHODS = ("get", "head", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Parameter:
    """A parameter in path, query or header."""

    name: str
    place: str
    schema: Mapping[str, Any]
    required: bool


@dataclass(frozen=True)
class Operation:
    """One operation."""

    name: str
    method: str
    path: str
    role: Role
    """The weakest role that is let in."""
    parameters: tuple[Parameter, ...]
    body: Mapping[str, Any] | None
    """The schema of its body, with no reference left but within recursive ones."""

    def of(self, place: str) -> list[Parameter]:
        """Give its parameters of one place."""
        return [one for one in self.parameters if one.place == place]


def document() -> dict[str, Any]:
    """Read the document that the repository keeps."""
    found: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return found


def operations(*, endless: bool = False) -> list[Operation]:
    """Give every operation; the endless ones only if asked for."""
    return [one for one in _operations(document()) if endless or one.path not in ENDLESS]


def _operations(described: dict[str, Any]) -> Iterator[Operation]:
    for path, item in described["paths"].items():
        for method in METHODS:
            if (said := item.get(method)) is not None:
                content = said.get("requestBody", {}).get("content", {}).get("application/json")
                yield Operation(
                    said["operationId"],
                    method.upper(),
                    path,
                    _role(said),
                    tuple(
                        Parameter(one["name"], one["in"], one["schema"], one.get("required", False))
                        for one in said.get("parameters", [])
                    ),
                    None if content is None else resolved(described, content["schema"]),
                )


def _role(said: Mapping[str, Any]) -> Role:
    scopes = [scope for one in said.get("security", []) for scope in one.get("ApiKey", [])]
    return max((LEAST_ROLE[Permission(scope)] for scope in scopes), default=Role.VIEWER)


def resolved(described: dict[str, Any], schema: Any) -> Any:
    """Give a schema with what it refers to in place of its references."""
    if isinstance(schema, list):
        return [resolved(described, one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if (name := schema.get("$ref")) is not None:
        return resolved(described, described["components"]["schemas"][name.rsplit("/", 1)[1]])
    return {key: resolved(described, value) for key, value in schema.items()}

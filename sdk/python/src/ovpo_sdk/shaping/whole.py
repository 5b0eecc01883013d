# SPDX-License-Identifier: Apache-2.0
"""What is held to the contract as a whole: making a record checks nothing, so it is done here."""

from typing import Any, TypeVar

import msgspec

from ovpo_sdk.records import ArtifactRef, Costs, Manifest, Provenance
from ovpo_sdk.shaping.problems import Problem
from ovpo_sdk.shaping.structs import shaped_struct
from ovpo_sdk.shaping.unsound import Unsound

R = TypeVar("R", ArtifactRef, Costs, Manifest, Provenance)


def sound(record: object, kind: type[R], field: str, problem: Problem) -> R | None:
    """Give a record of that kind that keeps the contract, or None once its problem was told."""
    if record is None:
        return None
    if isinstance(record, Unsound):
        problem(record.message)
        return None
    if type(record) is not kind:
        problem(f"{field} is a {type(record).__name__}; hand in a {kind.__name__}")
        return None
    return shaped_struct(record, field, problem)


def sound_value(value: Any, kind: Any, field: str, remedy: str, problem: Problem) -> Any:
    """Give a value that keeps the limits of its type, or None once its problem was told."""
    if value is None:
        return None
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problem(f"{field} was left out: {_told(error)}; {remedy}")
        return None


def _told(error: Exception) -> str:
    """Say what msgspec says of types and limits, which never holds the value itself."""
    return str(error).replace("`", "").replace("$.", "").replace(" - at ", ", at ")

# SPDX-License-Identifier: Apache-2.0
"""Records that a caller may make without a builder, held to their types: artifacts, manifests, costs, provenance."""

from typing import Final, TypeVar

import msgspec

from ovpo_sdk.records import ArtifactRef, Costs, Manifest, Provenance
from ovpo_sdk.shaping import tags
from ovpo_sdk.shaping.problems import Problem
from ovpo_sdk.shaping.uris import uri_problem

Given = TypeVar("Given", ArtifactRef, Costs, Manifest, Provenance)

_REMEDIES: Final = {
    ArtifactRef: "make it with ovpo_sdk.artifact",
    Costs: "correct it",
    Manifest: "make it with ovpo_sdk.manifest and ovpo_sdk.primary_output",
    Provenance: "correct it",
}


def shaped_struct(given: Given, field: str, problem: Problem) -> Given | None:
    """Give a record as it may be sent, numbers that JSON cannot hold left out, or None once its problem was told."""
    try:
        text = msgspec.json.encode(given)
        sound = msgspec.json.decode(text, type=type(given))
    except (TypeError, ValueError) as error:
        problem(f"{field} breaks the contract: {error}; {_REMEDIES[type(given)]}")
        return None
    message = "holds the character NUL" if b"\\u0000" in text else _misplaced(sound)
    if message is not None:
        problem(f"{field} {message}; {_REMEDIES[type(given)]}")
        return None
    return sound


def shaped_costs(costs: Costs, problem: Problem) -> Costs | None:
    """Give costs as they may be sent, tags that may not be left out, or None once their problem was told."""
    sound = shaped_struct(costs, "costs", problem)
    return None if sound is None else msgspec.structs.replace(sound, tags=tags.shaped(sound.tags, problem))


def _misplaced(given: object) -> str | None:
    for uri in _uris(given):
        message = uri_problem(uri)
        if message is not None:
            return f"names a place that {message}"
    return None


def _uris(given: object) -> tuple[str, ...]:
    if isinstance(given, ArtifactRef):
        return (given.uri,)
    if isinstance(given, Manifest):
        return (given.primary_output.url, *(one.url for one in given.intermediate_artifacts))
    return ()

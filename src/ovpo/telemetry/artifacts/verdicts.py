# SPDX-License-Identifier: Apache-2.0
"""What is claimed of an artifact, and what a look at it can find. Pure; the look itself is in `verifying`."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ovpo.telemetry.artifacts.references import Reference


class Verdict(StrEnum):
    """What came of one artifact."""

    OK = "ok"
    CHANGED = "changed"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Claim:
    """Everything that a trace says of one artifact."""

    uri: str
    kind: str
    checksums: frozenset[str]
    sizes: frozenset[int]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one artifact."""

    uri: str
    kind: str
    verdict: Verdict
    detail: str
    size_bytes: int | None = None


def claims(references: Iterable[Reference]) -> list[Claim]:
    """Gather what is said of each artifact, in the order in which they are first mentioned."""
    found: dict[str, list[Reference]] = {}
    for one in references:
        found.setdefault(one.uri, []).append(one)
    return [
        Claim(
            uri,
            said[0].kind,
            frozenset(one.checksum for one in said if one.checksum),
            frozenset(one.size_bytes for one in said if one.size_bytes is not None),
        )
        for uri, said in found.items()
    ]

# SPDX-License-Identifier: Apache-2.0
"""Things that nobody should hand to a client, and that somebody does."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

from hypothesis import strategies as st

from ovpo_sdk import ArtifactRef, Costs, EventType, GpuMetrics, LatentStats, Manifest, Provenance, SpanKind, TraceStatus
from ovpo_sdk.records import PrimaryOutput


class Hostile:
    """Refuses whatever is asked of it."""

    def _refuse(self, *_: object) -> NoReturn:
        raise RuntimeError("no")

    __str__ = __repr__ = __bool__ = __len__ = __iter__ = __hash__ = __eq__ = _refuse
    __int__ = __float__ = __index__ = __lt__ = __add__ = __format__ = __getitem__ = _refuse
    __call__ = _refuse


class HostileMapping(Mapping[str, Any]):
    """Looks like a mapping until it is used."""

    def __getitem__(self, name: str) -> NoReturn:
        raise OSError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(["a", "b"])

    def __len__(self) -> int:
        return 2


def endless() -> list[Any]:
    """Make a list that holds itself."""
    made: list[Any] = []
    made.append(made)
    return made


def deep() -> dict[str, Any]:
    """Make a mapping of more levels than anybody can follow."""
    made: dict[str, Any] = {}
    for _ in range(5_000):
        made = {"a": made}
    return made


class Words(str):
    """A text of a class of its own."""

    __slots__ = ()


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=300)
    | st.binary(max_size=20)
    | st.sampled_from([*SpanKind, *EventType, *TraceStatus])
    | st.sampled_from([Decimal("NaN"), Words("word"), 2**70, -1, "x" * 3_000, "\0", "\ud800", "a@b.io", 1e308, int])
    | st.datetimes(timezones=st.none() | st.just(UTC))
)
RECORDS = st.builds(
    lambda kind, parts: kind(*parts[: len(kind.__struct_fields__)]),
    st.sampled_from([ArtifactRef, Costs, GpuMetrics, LatentStats, Manifest, Provenance, PrimaryOutput]),
    st.lists(SCALARS, min_size=10, max_size=10),
)
HOSTILE = st.builds(Hostile) | st.builds(HostileMapping) | st.builds(endless) | st.builds(deep) | st.just(object)
KEYS = st.sampled_from(
    ["custom.a", "model.b", "team", "motion_score", "", "No Name", "prompt_hash", 1, None, Words("w")]
)
THINGS = st.recursive(
    SCALARS | RECORDS | HOSTILE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4) | st.tuples(inner),
    max_leaves=6,
)
ERRORS = st.sampled_from([ValueError("no"), KeyboardInterrupt(), MemoryError(), OSError(12, "memory"), ValueError])
MOMENTS = st.sampled_from([datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])

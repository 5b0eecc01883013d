# SPDX-License-Identifier: Apache-2.0
"""Many hostile requests sent and judged, and what came of them: counts by kind and status, and every offence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.integration.services.hostile.ground import Ground
from tests.integration.services.hostile.judging import is_bare, offences
from tests.integration.services.hostile.requests import Request
from tests.integration.services.hostile.served import QueryService
from tests.integration.services.hostile.wire import ClosedError, Connection

AT_ONCE = 4
BARE = 0
"""Stands for an answer that the server gave in the app's place, to bytes that are no HTTP."""
UNANSWERED = -1
MOST_SHOWN = 40


@dataclass
class Outcome:
    """What came of an assault."""

    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many requests there were."""
        return self.counts.total()

    def add(self, other: "Outcome") -> None:
        """Take in what came of a part."""
        self.counts += other.counts
        self.faults += other.faults

    def note(self, kind: str, status: int, faults: Iterable[str] = (), asked: str = "") -> None:
        """Count one answer."""
        self.counts[kind, status] += 1
        self.faults += [f"{fault}: {asked}" for fault in faults]

    def table(self) -> str:
        """Show the counts: a line for each kind, a column for each status."""
        statuses = sorted({status for _, status in self.counts})
        named = {BARE: "server", UNANSWERED: "none"}
        rows = [["kind", "requests", *(named.get(status, str(status)) for status in statuses)]]
        for kind in sorted({kind for kind, _ in self.counts}):
            counts = [self.counts[kind, status] for status in statuses]
            rows.append([kind, *map(str, [sum(counts), *counts])])
        sums = [sum(count for (_, found), count in self.counts.items() if found == status) for status in statuses]
        rows.append(["all", *map(str, [self.total, *sums])])
        return "\n".join(f"{row[0]:>14}" + "".join(f"{cell:>9}" for cell in row[1:]) for row in rows)

    def require_clean(self) -> None:
        """Fail with the offences, if there is any."""
        shown = "\n".join(self.faults[:MOST_SHOWN])
        assert not self.faults, f"{len(self.faults)} offences of {self.total} requests:\n{shown}"


def assault(ground: Ground, requests: Sequence[Request]) -> Outcome:
    """Send requests over a few connections at once, and judge each answer."""
    whole = Outcome()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for part in pool.map(lambda number: _part(ground, requests[number::AT_ONCE]), range(AT_ONCE)):
            whole.add(part)
    return whole


def _part(ground: Ground, requests: Sequence[Request]) -> Outcome:
    outcome = Outcome()
    with Connection(ground.port) as connection:
        for request in requests:
            raw = request.raw(ground)
            try:
                answer = connection.ask(raw, is_head=request.method == "HEAD")
            except (ClosedError, OSError) as error:
                outcome.note(request.kind, UNANSWERED, [f"no answer ({error!r})"], repr(raw[:600]))
                connection.close()
                continue
            if is_bare(answer):
                outcome.note(request.kind, BARE)
            else:
                outcome.note(request.kind, answer.status, offences(ground, request, answer), repr(raw[:600]))
    return outcome


def require_quiet(service: QueryService) -> None:
    """Fail if the service logged something that nobody expected."""
    loud = [
        line
        for line in service.lines()
        if "text" in line or line.get("level") in {"error", "critical"} or "Traceback" in str(line)
    ]
    assert not loud, "\n".join(str(line)[:3_000] for line in loud[:10])

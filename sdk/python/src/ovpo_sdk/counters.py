# SPDX-License-Identifier: Apache-2.0
"""What became of the telemetry of a client, in numbers."""

from collections import Counter
from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True)
class Counters:
    """A look at the numbers of one client; they rise from its start (in a forked child: from the fork)."""

    emitted: int = 0
    """Records of traces, spans and frame events that were handed in, and those that tell a trace of late losses."""
    delivered: int = 0
    """Of them, those that the collector took or already had."""
    duplicates: int = 0
    """Of the delivered, those that the collector already had."""
    refused: int = 0
    """Items that the collector refused for good."""
    refused_here: int = 0
    """Values and items that break the contract and were left out before sending."""
    dropped_frames: int = 0
    """Frame events for which there was no room."""
    dropped_spans: int = 0
    dropped_traces: int = 0
    spooled: int = 0
    """Items that were written to the spool."""
    recovered: int = 0
    """Items that an earlier process had left in the spool."""
    unreadable: int = 0
    """Files of the spool that were damaged and set aside."""
    requests: int = 0
    """Batches sent, each try counted."""
    failures: dict[str, int] = field(default_factory=dict)
    """Tries that failed, by cause."""
    refusals: dict[str, int] = field(default_factory=dict)
    """Refused items, by the collector's code."""
    waiting: int = 0
    """Items that are here still."""
    waiting_bytes: int = 0

    @property
    def dropped(self) -> int:
        """Everything for which there was no room."""
        return self.dropped_frames + self.dropped_spans + self.dropped_traces


@dataclass(slots=True)
class Tally:
    """The numbers as they grow; whoever adds holds the pipe's lock."""

    emitted: int = 0
    delivered: int = 0
    duplicates: int = 0
    refused: int = 0
    refused_here: int = 0
    dropped_frames: int = 0
    dropped_spans: int = 0
    dropped_traces: int = 0
    spooled: int = 0
    recovered: int = 0
    unreadable: int = 0
    requests: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)

    def seen(self, waiting: int, waiting_bytes: int) -> Counters:
        """Give them as they are now."""
        numbers = {one.name: getattr(self, one.name) for one in fields(self)}
        causes = {"failures": dict(self.failures), "refusals": dict(self.refusals)}
        return Counters(**numbers | causes, waiting=waiting, waiting_bytes=waiting_bytes)

# SPDX-License-Identifier: Apache-2.0
"""How much memory a million frames take that cannot be sent. Runs as a process of its own."""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

EMITS: Final = 1_000_000
LOOK_EVERY: Final = 5_000
NOBODY: Final = "http://127.0.0.1:9"
"""The discard port, at which nobody listens."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a process took, in megabytes of resident memory, and what became of the frames."""

    imported: float
    """What `import ovpo_sdk` takes."""
    peak: float
    """The most over the process with the SDK imported."""
    seconds: float
    kept: int
    dropped: int


def held() -> Held:
    """Run the process and read what it saw."""
    done = subprocess.run([sys.executable, "-m", "bench.sdk.holding"], stdout=subprocess.PIPE, check=True)
    return Held(**json.loads(done.stdout))


def main() -> None:
    """Emit, look at the memory, print."""
    bare = _resident()
    from ovpo_sdk import OvpoClient, SpanKind

    before = peak = _resident()
    client = OvpoClient(NOBODY, "ovpo_sk_00000000_bench", tenant="bench", exit_seconds=0)
    begun = perf_counter()
    with client.trace("bench") as trace, trace.span(SpanKind.SAMPLING) as span:
        for index in range(EMITS):
            metrics = {"motion_score": index * 0.37, "brightness_avg": index % 255, "edge_density": index / EMITS}
            span.frame(index, index * 41.7, quality=metrics)
            if index % LOOK_EVERY == 0:
                peak = max(peak, _resident())
    seconds, seen = perf_counter() - begun, client.counters()
    seen_now = Held(before - bare, max(peak, _resident()) - before, seconds, seen.waiting, seen.dropped)
    print(json.dumps(asdict(seen_now)))


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()

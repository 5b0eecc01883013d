# SPDX-License-Identifier: Apache-2.0
"""`python -m resources.pools`: put the limits of the pools that the settings tell into Dagster's storage.

`dagster.yaml` has one limit for all pools; those of single ones live in the storage. Where the stack is not started by
`ovpo up`, run this once after each change of them.
"""

import sys
from collections.abc import Mapping

import dagster as dg

from ovpo.foundation.settings.load import load
from ovpo.foundation.stack.parts.dagster import pool_limits


def set_limits(instance: dg.DagsterInstance, limits: Mapping[str, int]) -> None:
    """Let so many steps of each pool work at once; what works already is not stopped."""
    for pool, limit in limits.items():
        instance.event_log_storage.set_concurrency_slots(pool, limit)


if __name__ == "__main__":
    wanted = pool_limits(load().dagster)
    with dg.DagsterInstance.get() as found:
        set_limits(found, wanted)
    sys.stdout.write(", ".join(f"{pool}: {limit} at once" for pool, limit in wanted.items()) + "\n")

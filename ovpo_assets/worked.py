# SPDX-License-Identifier: Apache-2.0
"""What a run settled, as numbers that Dagster plots."""

from dataclasses import asdict

from ovpo.sop.working import Worked


def counted(worked: Worked) -> dict[str, int]:
    """Give the counts of a run."""
    return asdict(worked)

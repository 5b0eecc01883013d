# SPDX-License-Identifier: Apache-2.0
"""What must hold for the audit chains. That the whole of a chain holds is for `ovpo audit verify` to say."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from ovpo_assets.audit import audit_sealed
from ovpo_assets.checks.verdict import verdict
from resources.audit import Audit

BROKEN = {"tenant": pl.String, "kind": pl.String, "seq": pl.Int64, "audit_id": pl.String, "what": pl.String}


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            "chains_hold",
            asset=audit_sealed,
            description="Since the seal of the day before; `ovpo audit verify` looks at the whole of each chain.",
        )
    ]
)
def audit_checks(audit: Audit) -> Iterator[dg.AssetCheckResult]:
    """No record was changed, removed, moved or added past the writer, and every seal is as it was made."""
    faults = [
        (found.tenant_id, fault.kind, fault.seq, str(fault.audit_id or ""), fault.said)
        for found in audit.verify_recent()
        for fault in found.faults
    ]
    yield verdict("chains_hold", audit_sealed.key, pl.DataFrame(faults, schema=BROKEN, orient="row"))

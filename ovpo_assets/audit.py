# SPDX-License-Identifier: Apache-2.0
"""The audit chains' seals. What records say is never shown here; whether they hold is in `checks.audit`."""

from datetime import UTC, datetime

import dagster as dg

from ovpo_assets.groups import PLATFORM
from resources.audit import Audit


@dg.asset(key=[PLATFORM, "audit_sealed"], group_name=PLATFORM, kinds={"postgres"})
def audit_sealed(audit: Audit) -> dg.MaterializeResult[None]:
    """Where the audit chain of each tenant stands, signed: what shows later whether its end was cut or written anew."""
    done = audit.seal(datetime.now(UTC))
    return dg.MaterializeResult(
        metadata={
            "chains": len(done.seals),
            "seals_made": done.made,
            "filed_late": done.filed_late,
            "records_sealed": sum(seal.seq for seal in done.seals),
        }
    )


seal_audit = dg.define_asset_job("seal_audit", selection=dg.AssetSelection.assets(audit_sealed))

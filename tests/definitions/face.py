# SPDX-License-Identifier: Apache-2.0
"""Shows what a code location looks like from outside, as JSON. Run by itself, in an interpreter that imported nothing.

`python tests/definitions/face.py --write` writes the committed pictures anew after a change that was meant.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LOCATIONS = {"ovpo_assets.definitions": HERE / "cpu.json", "ovpo_assets.gpu": HERE / "gpu.json"}


def look_at(location: str, **variables: str) -> dict[str, Any]:
    """Load a location in a fresh interpreter, in an empty folder, with no setting but the given ones."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OVPO_", "DAGSTER_"))}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(Path(__file__).resolve()), location],
            cwd=folder,
            env={**inherited, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stderr)
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def render(face: dict[str, Any]) -> str:
    """Write a face as it is committed."""
    return json.dumps(face, indent=2, sort_keys=True) + "\n"


def _show(location: str) -> dict[str, Any]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import dagster as dg

        definitions = importlib.import_module(location).defs
        dg.Definitions.validate_loadable(definitions)
    loaded = sorted(sys.modules)
    return {"face": _face(definitions), "modules": loaded, "warnings": sorted({_worded(one) for one in caught})}


def _worded(warning: warnings.WarningMessage) -> str:
    return f"{warning.category.__name__}: {str(warning.message).split(',', maxsplit=1)[0]}"


def _face(definitions: Any) -> dict[str, Any]:
    return {
        "assets": {asset.key.to_user_string(): _asset(asset) for asset in definitions.assets},
        "checks": _checks(definitions),
        "executor": definitions.executor.name,
        "jobs": {job.name: {"assets": str(job.selection), "run_tags": job.run_tags} for job in definitions.jobs},
        "resources": sorted(definitions.resources),
        "schedules": {one.name: _schedule(one) for one in definitions.schedules or ()},
        "sensors": {one.name: _sensor(one) for one in definitions.sensors or ()},
    }


def _asset(asset: Any) -> dict[str, Any]:
    """Show an asset; one that is only observed has no step of ours."""
    import dagster as dg

    made = isinstance(asset, dg.AssetsDefinition)
    spec = asset.get_asset_spec() if made else asset
    return {
        "automation": spec.automation_condition and str(spec.automation_condition),
        "backfill": made and asset.backfill_policy and asset.backfill_policy.max_partitions_per_run,
        "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        "description": spec.description.splitlines()[0],
        "freshness": spec.freshness_policy and type(spec.freshness_policy).__name__,
        "group": spec.group_name,
        "kinds": sorted(spec.kinds),
        "made": made,
        "op_tags": asset.op.tags if made else {},
        "owners": list(spec.owners),
        "partitions": spec.partitions_def and str(spec.partitions_def),
        "pool": made and asset.op.pool,
    }


def _checks(definitions: Any) -> dict[str, bool]:
    beside = [spec for checks in definitions.asset_checks or () for spec in checks.check_specs]
    inside = [spec for asset in definitions.assets for spec in getattr(asset, "check_specs", ())]
    return {f"{spec.asset_key.to_user_string()}:{spec.name}": spec.blocking for spec in (*beside, *inside)}


def _schedule(schedule: Any) -> dict[str, str]:
    return {
        "cron": schedule.cron_schedule,
        "job": schedule.job_name,
        "status": schedule.default_status.value,
        "timezone": schedule.execution_timezone or "UTC",
    }


def _sensor(sensor: Any) -> dict[str, Any]:
    return {
        "interval_seconds": sensor.minimum_interval_seconds,
        "jobs": sorted(target.job_name for target in sensor.targets),
        "status": sensor.default_status.value,
        "type": sensor.sensor_type.value,
    }


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        for name, picture in LOCATIONS.items():
            picture.write_text(render(look_at(name)["face"]), encoding="utf-8")
    else:
        json.dump(_show(sys.argv[1]), sys.stdout)

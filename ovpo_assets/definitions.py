# SPDX-License-Identifier: Apache-2.0
"""The CPU location's table of contents: every asset that needs no accelerator, and what starts it."""

import dagster as dg

from io_managers.tables import ParquetTables
from ovpo_assets import platform, specs
from ovpo_assets.checks import platform as platform_checks
from resources.configuration import Configuration
from resources.ledger import Ledger
from resources.stores import Stores
from schedules import platform as platform_schedules
from sensors.requests import inspection_requests
from sensors.run_failures import release_failed_runs

configuration = Configuration()

defs = dg.Definitions(
    assets=dg.map_asset_specs(
        specs.described, [platform.stores_observed, platform.ledger_health, platform.run_history_pruned]
    ),
    asset_checks=[platform_checks.stores_checks, platform_checks.ledger_checks, platform_checks.history_checks],
    jobs=[platform.observe_stores, platform.report_ledger_health, platform.prune_run_history],
    schedules=[
        platform_schedules.stores_hourly,
        platform_schedules.ledger_health_nightly,
        platform_schedules.run_history_nightly,
    ],
    sensors=[inspection_requests, release_failed_runs],
    resources={
        "settings": configuration,
        "ledger": Ledger(settings=configuration),
        "stores": Stores(settings=configuration),
        "tables": ParquetTables(settings=configuration),
    },
    executor=dg.in_process_executor,
)

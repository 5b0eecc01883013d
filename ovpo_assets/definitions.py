# SPDX-License-Identifier: Apache-2.0
"""The CPU location's table of contents: every asset that needs no accelerator, and what starts it."""

import dagster as dg

from io_managers.blobs import AdapterBlobs
from io_managers.tables import ParquetTables
from ovpo_assets import adapters, alerts, audit, embeddings, platform, scores, specs, traces, videos
from ovpo_assets.checks import adapters as adapters_checks
from ovpo_assets.checks import alerts as alerts_checks
from ovpo_assets.checks import audit as audit_checks
from ovpo_assets.checks import embeddings as embeddings_checks
from ovpo_assets.checks import platform as platform_checks
from ovpo_assets.checks import scores as scores_checks
from ovpo_assets.checks import traces as traces_checks
from ovpo_assets.checks import videos as videos_checks
from resources.alerts import Alerts
from resources.audit import Audit
from resources.configuration import Configuration
from resources.inbox import Inbox
from resources.ledger import Ledger
from resources.sop import Sop
from resources.stores import Stores
from resources.telemetry import Telemetry
from schedules import alerts as alerts_schedules
from schedules import audit as audit_schedules
from schedules import platform as platform_schedules
from schedules import rollups as rollup_schedules
from schedules import sop as sop_schedules
from schedules.nightly_adapters import nightly_adapter_training
from sensors.arrivals import telemetry_arrivals
from sensors.requests import inspection_requests, intake_requests, score_requests, training_requests
from sensors.run_failures import release_failed_runs
from sensors.stale_windows import stale_procedures
from sensors.watch_folder import watch_folder

configuration = Configuration()

defs = dg.Definitions(
    assets=dg.map_asset_specs(
        specs.described,
        [
            platform.stores_observed,
            platform.ledger_health,
            platform.run_history_pruned,
            alerts.alerts_evaluated,
            audit.audit_sealed,
            traces.collector,
            traces.landed,
            traces.frame_metrics,
            traces.health,
            traces.hourly_rollups,
            traces.daily_costs,
            traces.daily_quality,
            videos.inbox,
            videos.registered,
            videos.probed,
            embeddings.adapted,
            adapters.training_set,
            adapters.candidate,
            adapters.evaluation,
            adapters.champion,
            scores.definitions,
            scores.procedures,
            scores.reports,
        ],
    ),
    asset_checks=[
        platform_checks.stores_checks,
        platform_checks.ledger_checks,
        platform_checks.history_checks,
        alerts_checks.alerts_checks,
        audit_checks.audit_checks,
        traces_checks.landed_checks,
        traces_checks.frame_checks,
        traces_checks.health_checks,
        traces_checks.hourly_checks,
        traces_checks.cost_checks,
        traces_checks.quality_checks,
        videos_checks.video_checks,
        videos_checks.books_check,
        embeddings_checks.adapted_checks,
        adapters_checks.gold_check,
        adapters_checks.adapter_checks,
        scores_checks.score_checks,
        scores_checks.report_checks,
    ],
    jobs=[
        platform.observe_stores,
        platform.report_ledger_health,
        platform.prune_run_history,
        alerts.evaluate_alerts,
        audit.seal_audit,
        traces.roll_up_hours,
        traces.roll_up_days,
        videos.take_in_videos,
        videos_checks.check_books,
        adapters.train_adapters,
        scores.score_procedures,
    ],
    schedules=[
        platform_schedules.stores_hourly,
        platform_schedules.ledger_health_nightly,
        platform_schedules.run_history_nightly,
        alerts_schedules.alerts_every_five_minutes,
        audit_schedules.audit_nightly,
        rollup_schedules.traces_hourly,
        rollup_schedules.traces_late_nightly,
        rollup_schedules.traces_days_nightly,
        nightly_adapter_training,
        sop_schedules.books_nightly,
    ],
    sensors=[
        inspection_requests,
        release_failed_runs,
        telemetry_arrivals,
        watch_folder,
        intake_requests,
        score_requests,
        training_requests,
        stale_procedures,
    ],
    resources={
        "settings": configuration,
        "ledger": Ledger(settings=configuration),
        "stores": Stores(settings=configuration),
        "tables": ParquetTables(settings=configuration),
        "adapters": AdapterBlobs(settings=configuration),
        "inbox": Inbox(settings=configuration),
        "sop": Sop(settings=configuration),
        "telemetry": Telemetry(settings=configuration),
        "alerts": Alerts(settings=configuration),
        "audit": Audit(settings=configuration),
    },
    executor=dg.in_process_executor,
)

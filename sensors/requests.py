# SPDX-License-Identifier: Apache-2.0
"""The sensors of the CPU location that serve the ledger: each names a job and the lanes whose work it takes up."""

from ovpo.foundation.inspection.requests import LANE as INSPECTIONS
from ovpo.sop.working import INTAKE, PROBE, SCORE, TRAIN
from ovpo_assets.adapters import train_adapters
from ovpo_assets.partitions import days
from ovpo_assets.platform import observe_stores
from ovpo_assets.scores import score_procedures
from ovpo_assets.videos import take_in_videos
from sensors.serving import serving

inspection_requests = serving(
    "inspection_requests",
    observe_stores.name,
    [INSPECTIONS],
    "Serve those who asked for a look at the stores, and take back what lost runs hold.",
)
intake_requests = serving(
    "intake_requests",
    take_in_videos.name,
    [INTAKE, PROBE],
    "Take in what was found in the inbox or uploaded: one run for each hour that gained files.",
)
score_requests = serving(
    "score_requests",
    score_procedures.name,
    [SCORE],
    "Score what has its embeddings: one run for each hour that gained scores to be made.",
)
training_requests = serving(
    "training_requests",
    train_adapters.name,
    [TRAIN],
    "Train adapters for those who asked for it, one run a day at a time.",
    windows=days,
)

# SPDX-License-Identifier: Apache-2.0
"""The sensors of the GPU location that serve the ledger."""

from ovpo.sop.working import EMBED
from ovpo_assets.clips import embed_clips
from sensors.serving import serving

embedding_requests = serving(
    "embedding_requests",
    embed_clips.name,
    [EMBED],
    "Embed the videos that were probed: one run for each hour that gained videos.",
)

# SPDX-License-Identifier: Apache-2.0
"""The videos of some windows as a table, and what such a table must look like. No names: neither files nor people."""

from typing import Final

import polars as pl

from ovpo.foundation.quality import Column, Suite
from ovpo.sop.records.rows import Video, VideoRole, VideoState
from ovpo.sop.records.videos import Videos
from ovpo.sop.working import Hours, Workplace

MOMENT: Final = pl.Datetime("us", "UTC")
VIDEO_SUITE: Final = Suite(
    "videos",
    (
        Column("video_id", pl.String),
        Column("tenant_id", pl.String),
        Column("window_start", MOMENT),
        Column("task_id", pl.String),
        Column("role", pl.String, among=tuple(VideoRole)),
        Column("state", pl.String, among=(VideoState.REGISTERED, VideoState.PROBED, VideoState.QUARANTINED)),
        Column("reason_code", pl.String, may_be_null=True),
        Column("bytes", pl.Int64, least=1),
        Column("container", pl.String, may_be_null=True),
        Column("codec", pl.String, may_be_null=True),
        Column("width", pl.Int64, may_be_null=True, least=1),
        Column("height", pl.Int64, may_be_null=True, least=1),
        Column("seconds", pl.Float64, may_be_null=True, least=0),
        Column("frames", pl.Int64, may_be_null=True, least=1),
        Column("frames_per_second", pl.Float64, may_be_null=True, least=0),
        Column("has_audio", pl.Boolean, may_be_null=True),
        Column("masked", pl.Boolean),
        Column("receipted", pl.Boolean),
        Column("registered_at", MOMENT),
        Column("updated_at", MOMENT),
    ),
)
_FACTS: Final = ("container", "codec", "width", "height", "seconds", "frames", "frames_per_second", "has_audio")


def videos_table(place: Workplace, hours: Hours) -> pl.DataFrame:
    """Read the videos of these windows, deleted ones left out."""
    with place.transaction() as connection:
        videos = Videos(connection).of_windows(hours.first, hours.last)
    schema = {column.name: column.type for column in VIDEO_SUITE.columns}
    return pl.DataFrame([_row(video) for video in videos], schema=schema, orient="row")


def refused(videos: pl.DataFrame) -> pl.DataFrame:
    """List the videos that cannot be used, and why."""
    return videos.filter(pl.col("state") == VideoState.QUARANTINED).select("video_id", "task_id", "role", "reason_code")


def not_receipted(videos: pl.DataFrame) -> pl.DataFrame:
    """List the videos that were looked at and still lie in the inbox."""
    looked_at = pl.col("state") != VideoState.REGISTERED
    return videos.filter(looked_at & ~pl.col("receipted")).select("video_id", "task_id", "role", "state")


def _row(video: Video) -> dict[str, object]:
    facts = video.probe or {}
    return {
        "video_id": str(video.video_id),
        "tenant_id": video.tenant_id,
        "window_start": video.window_start,
        "task_id": video.task_id,
        "role": video.role.value,
        "state": video.state.value,
        "reason_code": video.reason_code,
        "bytes": video.bytes,
        **{name: facts.get(name) for name in _FACTS},
        "masked": video.masked_key is not None,
        "receipted": video.inbox_path is None,
        "registered_at": video.registered_at,
        "updated_at": video.updated_at,
    }

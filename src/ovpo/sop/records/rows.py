# SPDX-License-Identifier: Apache-2.0
"""The rows of the SOP tables as frozen values. The statements that read and write them stand in the other modules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class VideoRole(StrEnum):
    """What a video is in its task."""

    GOLD = "gold"
    TRAINEE = "trainee"


class VideoState(StrEnum):
    """How far a video came."""

    REGISTERED = "registered"
    PROBED = "probed"
    QUARANTINED = "quarantined"
    DELETED = "deleted"


class AdapterState(StrEnum):
    """What was decided on an adapter."""

    CANDIDATE = "candidate"
    CHAMPION = "champion"
    RETIRED = "retired"
    REJECTED = "rejected"


class ScoreState(StrEnum):
    """Where a score is: it waits for embeddings, then for a run."""

    WAITING = "waiting"
    QUEUED = "queued"
    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A video on record."""

    video_id: UUID
    tenant_id: str
    sha256: str
    task_id: str
    role: VideoRole
    site_id: str
    camera_id: str
    operator_id_hash: str
    name: str
    bytes: int
    inbox_path: str | None
    source_key: str | None
    masked_key: str | None
    thumbnail_key: str | None
    window_start: datetime
    state: VideoState
    reason_code: str | None
    reason: str | None
    probe: Mapping[str, Any] | None
    probed_by: str | None
    registered_at: datetime
    updated_at: datetime

    @property
    def shown_key(self) -> str | None:
        """The object that may be looked at and is embedded: what masks made of it, where there are masks."""
        return self.masked_key or self.source_key


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEmbedding:
    """A raw embedding on record; `maker` is the digest of what made it."""

    video_id: UUID
    tenant_id: str
    maker: str
    embedder: str
    version: str
    dims: int
    clips: int
    key: str
    created_at: datetime
    run_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAdapter:
    """An adapter on record."""

    adapter: str
    tenant_id: str
    maker: str
    key: str
    state: AdapterState
    trained_on: tuple[str, ...]
    """SHA-256 of the gold videos."""
    day: datetime
    evaluation: Mapping[str, Any] | None
    reason: str | None
    run_id: str | None
    created_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDefinition:
    """One version of a procedure's definition, as its author wrote it."""

    tenant_id: str
    task_id: str
    version: int
    content: str
    created_by: str
    created_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A score that was asked for, and what came of it."""

    score_id: UUID
    tenant_id: str
    task_id: str
    trainee_id: UUID
    wanted_gold_id: UUID | None
    wanted_definition: int | None
    window_start: datetime
    state: ScoreState
    reason_code: str | None
    reason: str | None
    asked_by: str
    asked_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    run_id: str | None
    gold_id: UUID | None
    maker: str | None
    adapter: str
    definition_version: int | None
    code_version: str | None
    verdict: str | None
    points: float | None
    deviations: tuple[Mapping[str, Any], ...] | None
    result_key: str | None
    report_key: str | None
    reviewed_verdict: str | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    review_note: str | None

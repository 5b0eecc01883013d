# SPDX-License-Identifier: Apache-2.0
"""Learning an adapter: mean and standard deviation of each dimension over every gold video, shrunk while they are few.

One gold video says as much of its camera as of its procedure, and z-scoring by it alone makes rows of another camera
worse, not better. So each further video moves the statistics away from an adapter that changes nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

import numpy as np

from ovpo.sop.adapters.adapter import Adapter, Record, Role, Shrinking, Statistic, TrainedOn
from ovpo.sop.embedding import Embedding, Rows, refuse_to_mix
from ovpo.sop.errors import AdapterError

VIDEOS_FOR_HALF: Final = 16.0
EPS_SHARE: Final = 0.1
ID: Final = re.compile(r"[a-z0-9]{4,32}")
ROWS_AT_ONCE: Final = 4096


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Count, mean and sum of squared distances from it: parts that merge into those of the whole."""

    count: int
    mean: Statistic
    squares: Statistic

    def and_of(self, other: "_Moments") -> "_Moments":
        count = self.count + other.count
        if not count:
            return self
        apart = other.mean - self.mean
        return _Moments(
            count,
            self.mean + apart * (other.count / count),
            self.squares + other.squares + apart**2 * (self.count * other.count / count),
        )


def fit(
    golds: Sequence[Embedding],
    *,
    now: datetime,
    id: str,  # noqa: A002
    roles: Sequence[Role] | None = None,
) -> Adapter:
    """Learn from raw embeddings of gold videos, all of one maker; the same file twice is one video.

    `roles` is what is on record of each video; without it the caller vouches that all are gold.
    """
    _check_version(now, id)
    by_video = {gold.sidecar.video.sha256: gold for gold in _of_gold(golds, roles)}
    videos = [by_video[digest] for digest in sorted(by_video)]
    _check_videos(videos)
    maker = videos[0].sidecar.maker
    parts = [_moments(video.rows, maker.dims) for video in videos]
    whole = _merged(parts, maker.dims)
    mean, std, shrinking = _shrunk(whole, sum(part.count > 0 for part in parts))
    created_at = now.astimezone(UTC)
    record = Record(
        name=f"feature_adapter_{created_at:%Y%m%dT%H%M%SZ}_{id}",
        maker=maker,
        trained_on=tuple(
            TrainedOn(sha256=video.sidecar.video.sha256, rows=part.count, role=Role.GOLD)
            for video, part in zip(videos, parts, strict=True)
        ),
        shrinking=shrinking,
        created_at=created_at,
        code_version=version("ovpo"),
    )
    return Adapter(mean, std, record)


def _check_version(now: datetime, given: str) -> None:
    if now.tzinfo is None:
        raise AdapterError("bad_time", f"now is {now}, without a time zone; give a time in UTC")
    if not ID.fullmatch(given):
        raise AdapterError("bad_id", f"id is {given!r}; give 4 to 32 small letters and digits")


def _of_gold(golds: Sequence[Embedding], roles: Sequence[Role] | None) -> Sequence[Embedding]:
    if not golds:
        raise AdapterError("no_gold", "there is no gold video to learn from; give at least one")
    if roles is None:
        return golds
    if len(roles) != len(golds):
        raise AdapterError("bad_roles", f"roles has {len(roles)} entries for {len(golds)} videos; give one for each")
    for gold, role in zip(golds, roles, strict=True):
        if role is not Role.GOLD:
            raise AdapterError(
                "not_gold",
                f"video {gold.sidecar.video.name} ({gold.sidecar.video.sha256}) has role {role}; "
                "an adapter is learnt from gold videos only, leave it out",
            )
    return golds


def _check_videos(videos: Sequence[Embedding]) -> None:
    for video in videos:
        refuse_to_mix(videos[0].sidecar, video.sidecar)
        if video.sidecar.adapter is not None:
            raise AdapterError(
                "already_adapted",
                f"the rows of {video.sidecar.video.name} went through {video.sidecar.adapter}; give its raw embedding",
            )


def _moments(rows: Rows, dims: int) -> _Moments:
    parts = []
    for start in range(0, len(rows), ROWS_AT_ONCE):
        block = rows[start : start + ROWS_AT_ONCE]
        seen = block[block.any(axis=1)].astype(np.float64)
        if len(seen):
            mean = seen.mean(axis=0)
            parts.append(_Moments(len(seen), mean, ((seen - mean) ** 2).sum(axis=0)))
    return _merged(parts, dims)


def _merged(parts: Sequence[_Moments], dims: int) -> _Moments:
    whole = _Moments(0, np.zeros(dims), np.zeros(dims))
    for part in parts:
        whole = whole.and_of(part)
    return whole


def _shrunk(whole: _Moments, videos: int) -> tuple[Statistic, Statistic, Shrinking]:
    learnt = np.sqrt(whole.squares / max(whole.count, 1))
    usual = float(learnt.mean())
    if usual <= np.finfo(np.float32).eps:
        raise AdapterError("no_variance", "every row of the gold videos is the same; give videos in which things move")
    weight = videos / (videos + VIDEOS_FOR_HALF)
    shrinking = Shrinking(
        videos=videos,
        videos_for_half=VIDEOS_FOR_HALF,
        weight=weight,
        eps_share=EPS_SHARE,
        eps=EPS_SHARE * usual,
    )
    return weight * whole.mean, weight * learnt + (1 - weight) * usual, shrinking

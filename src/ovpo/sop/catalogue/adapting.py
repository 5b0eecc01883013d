# SPDX-License-Identifier: Apache-2.0
"""Putting the embeddings of windows through their tenant's champion adapter, those that have not been through it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import structlog

from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.adapters.applying import apply
from ovpo.sop.catalogue import files
from ovpo.sop.catalogue.faults import broken_adapted, mend
from ovpo.sop.catalogue.makers import maker_of
from ovpo.sop.errors import SopError
from ovpo.sop.records.adapted import AdaptedEmbeddings, Stale, StoredAdapted
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.records.keys import of_adapted
from ovpo.sop.records.rows import VideoState
from ovpo.sop.training import adapter_objects
from ovpo.sop.working import Hours, Workplace

_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Adapted:
    """What became of the embeddings of some windows; those that were adapted before are in none of the counts."""

    adapted: int = 0
    waiting: int = 0
    """Their tenant has no champion."""
    refused: int = 0
    """Their files, or those of the adapter, cannot be used; the log names them."""
    gone: int = 0
    """Their video was deleted meanwhile, or its embedding made anew."""


class _Fate(Enum):
    ADAPTED = auto()
    REFUSED = auto()
    GONE = auto()


def adapt(place: Workplace, hours: Hours) -> Adapted:
    """Adapt what the windows hold that has not been through its tenant's champion; the former rows are removed."""
    with place.transaction() as connection:
        maker = maker_of(connection)
    if maker is None:
        return Adapted()
    # What was lost is made anew here, or the checks would keep every score of its window from being made.
    mend(place, broken_adapted(place, hours, maker))
    with place.transaction() as connection:
        on_record = AdaptedEmbeddings(connection)
        stale = on_record.stale(hours.first, hours.last, maker)
        waiting = on_record.waiting(hours.first, hours.last, maker)
    adapters = _loaded(place, stale)
    with ThreadPoolExecutor(place.settings.sop.workers, thread_name_prefix="sop_adapt") as pool:
        fates = list(pool.map(lambda one: _adapted(place, adapters, one), stale))
    return Adapted(
        adapted=fates.count(_Fate.ADAPTED),
        waiting=waiting,
        refused=fates.count(_Fate.REFUSED),
        gone=fates.count(_Fate.GONE),
    )


def _loaded(place: Workplace, stale: Sequence[Stale]) -> Mapping[str, Adapter]:
    """Read every adapter once, without those that cannot be used."""
    loaded = {}
    for adapter, key in sorted({(one.adapter, one.adapter_key) for one in stale}):
        try:
            loaded[adapter] = adapter_objects.load(place.objects, key)
        except SopError as error:
            _log.warning("sop.adapter_refused", adapter=adapter, code=error.code)
    return loaded


def _adapted(place: Workplace, adapters: Mapping[str, Adapter], stale: Stale) -> _Fate:
    if stale.adapter not in adapters:
        return _Fate.REFUSED
    try:
        return _entered(place, adapters[stale.adapter], stale)
    except SopError as error:
        _log.warning("sop.not_adapted", video_id=str(stale.video_id), adapter=stale.adapter, code=error.code)
        return _Fate.REFUSED


def _entered(place: Workplace, adapter: Adapter, stale: Stale) -> _Fate:
    key = of_adapted(stale.tenant_id, stale.video_id, stale.adapter)
    with place.transaction() as connection:
        embeddings = Embeddings(connection)
        video = embeddings.lock_video(stale.video_id)
        raw = embeddings.find(stale.video_id, stale.maker)
        if video is None or video.state is not VideoState.PROBED or raw is None or raw.key != stale.raw_key:
            return _Fate.GONE
        files.save(place.copies, key, apply(adapter, files.load(place.copies, stale.raw_key)))
        former = AdaptedEmbeddings(connection).enter(
            StoredAdapted(
                video_id=stale.video_id,
                tenant_id=stale.tenant_id,
                maker=stale.maker,
                adapter=stale.adapter,
                key=key,
                created_at=place.now(),
                run_id=place.run_id,
            )
        )
    if former is not None:
        files.remove(place.objects, former)
    return _Fate.ADAPTED

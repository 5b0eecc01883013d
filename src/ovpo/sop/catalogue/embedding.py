# SPDX-License-Identifier: Apache-2.0
"""Embedding the videos of windows: what was asked for and what is lacking, one by one, each entered when it is there.

A video that cannot be embedded is quarantined, so that nobody asks again and its scores say why.
"""

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

import msgspec
import psycopg

from ovpo.foundation.ledger.items import Arrival, Item, State
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.sop.catalogue import files
from ovpo.sop.catalogue.makers import embedder_of
from ovpo.sop.embedders.interface import Embedder
from ovpo.sop.embedding import Embedding
from ovpo.sop.errors import SopError, VideoError
from ovpo.sop.procedures.queueing import queue_ready
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.records.keys import digest_of, of_embedding
from ovpo.sop.records.rows import StoredEmbedding, Video, VideoState
from ovpo.sop.records.videos import Videos
from ovpo.sop.working import EMBED, Hours, Outcome, Worked, Workplace, work_through

if TYPE_CHECKING:
    from ovpo.sop.video.probing import Probe

FAULTS_OF_VIDEOS: Final = frozenset({"no_pictures"})
"""Codes of EmbeddingErrors that are the video's fault, where the others are the machine's."""
GONE: Final = Outcome(State.CANCELED, "the video is not there any more, or cannot be used")


def embed(place: Workplace, hours: Hours) -> Worked:
    """Embed what the windows lack by the embedder that the settings name, which everybody works with from now on."""
    embedder = embedder_of(place.settings.sop)
    maker = digest_of(embedder.maker)
    with place.transaction() as connection:
        Embeddings(connection).make_current(maker, place.now())
        _ask_for_lacking(connection, hours, maker, place.run_id, place.now())
    return work_through(place, EMBED, hours, lambda item: _embedded(place, embedder, maker, item))


def _ask_for_lacking(connection: psycopg.Connection, hours: Hours, maker: str, run_id: str, now: datetime) -> None:
    by_window: dict[datetime, list[tuple[UUID, Arrival]]] = defaultdict(list)
    for video in Embeddings(connection).lacking(hours.first, hours.last, maker, EMBED):
        subject = str(video.video_id)
        by_window[video.window_start].append((uuid4(), Arrival(video.tenant_id, subject, f"{subject}@{run_id}")))
    for window, arrivals in by_window.items():
        Session(connection).register(EMBED, arrivals, now, window)


def _embedded(place: Workplace, embedder: Embedder, maker: str, item: Item) -> Outcome:
    video_id = UUID(item.subject)
    with place.transaction() as connection:
        video = Embeddings(connection).lock_video(video_id)
        known = Embeddings(connection).find(video_id, maker)
    if video is None or not _usable(video):
        return GONE
    if known is not None:
        return Outcome(State.FINISHED, result=maker)
    try:
        embedding = _watched(place, embedder, video)
    except SopError as error:
        if isinstance(error, VideoError) or error.code in FAULTS_OF_VIDEOS:
            _quarantine(place, video, error)
        raise
    except ObjectNotFoundError:
        return _gone_or_lost(place, video)
    return _entered(place, video, maker, embedding)


def _usable(video: Video) -> bool:
    return video.state is VideoState.PROBED and video.shown_key is not None


def _watched(place: Workplace, embedder: Embedder, video: Video) -> Embedding:
    """Embed a video; it is told by the digest and the name that it came with, whatever file shows it now."""
    from ovpo.sop.watching import watch

    made = watch(place.copies.file(video.shown_key or ""), embedder, probed=_probe_of(video))
    facts = msgspec.structs.replace(made.sidecar.video, sha256=video.sha256, name=video.name)
    return Embedding(made.rows, msgspec.structs.replace(made.sidecar, video=facts))


def _probe_of(video: Video) -> "Probe | None":
    """Give what is known of a video; what another version wrote down is found out again."""
    from ovpo.sop.video.probing import Probe

    try:
        return msgspec.convert(video.probe, Probe)
    except msgspec.ValidationError:
        return None


def _entered(place: Workplace, video: Video, maker: str, embedding: Embedding) -> Outcome:
    made_by = embedding.sidecar.maker
    key = of_embedding(video.tenant_id, video.video_id, maker)
    with place.transaction() as connection:
        embeddings = Embeddings(connection)
        now_on_record = embeddings.lock_video(video.video_id)
        if now_on_record is None or not _usable(now_on_record):
            return GONE
        files.save(place.copies, key, embedding)
        embeddings.enter(
            StoredEmbedding(
                video_id=video.video_id,
                tenant_id=video.tenant_id,
                maker=maker,
                embedder=made_by.embedder,
                version=made_by.version,
                dims=made_by.dims,
                clips=len(embedding.rows),
                key=key,
                created_at=place.now(),
                run_id=place.run_id,
            )
        )
        queue_ready(connection, place.now())
    return Outcome(State.FINISHED, result=maker)


def _quarantine(place: Workplace, video: Video, error: SopError) -> None:
    with place.transaction() as connection:
        Embeddings(connection).quarantine_video(video.video_id, error.code, str(error), place.now())
        Videos(connection).pass_on(video, place.now())
        queue_ready(connection, place.now())


def _gone_or_lost(place: Workplace, video: Video) -> Outcome:
    """Tell a video that was deleted meanwhile from one whose file is missing, which somebody has to look into."""
    with place.transaction() as connection:
        on_record = Embeddings(connection).lock_video(video.video_id)
    if on_record is None or not _usable(on_record):
        return GONE
    return Outcome(State.FAILED, "the file of the video is missing in the object store; restore it or add it again")

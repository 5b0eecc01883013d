# SPDX-License-Identifier: Apache-2.0
"""From a video on record to one that may be embedded: looked over, masked, given a thumbnail; or set aside with reason.

Files are written first, then one transaction says all that follows from them, then what lay in the inbox is moved away;
cut off anywhere, a repeat ends the same.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import msgspec

from ovpo.foundation.ledger.items import Arrival, Item, State
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.sop.ending import ends_the_run
from ovpo.sop.errors import MaskingError, SopError
from ovpo.sop.intake import receipts, storing
from ovpo.sop.intake.errors import IntakeError
from ovpo.sop.intake.found import video_id_of
from ovpo.sop.intake.inbox import Inbox
from ovpo.sop.intake.thumbnails import thumbnail
from ovpo.sop.masking.applying import masked
from ovpo.sop.records import keys
from ovpo.sop.records.rows import Video, VideoRole, VideoState
from ovpo.sop.records.scores import Scores
from ovpo.sop.records.videos import Probed, Videos
from ovpo.sop.video.limits import Limits
from ovpo.sop.working import EMBED, PROBE, Hours, Outcome, Worked, Workplace, work_through

VERSION: Final = "1"
"""Rises with each change of what is told of a video; videos that an older one looked over are looked over again."""
GONE: Final = "the video was deleted"


def probe(place: Workplace, inbox: Inbox, hours: Hours) -> Worked:
    """Look over the videos of these windows that wait for it, and those that an older version looked over."""
    _ask_again(place, hours)
    return work_through(place, PROBE, hours, _Probing(place, inbox).handle)


def _ask_again(place: Workplace, hours: Hours) -> None:
    with place.transaction() as connection:
        windows: dict[datetime, list[tuple[UUID, Arrival]]] = defaultdict(list)
        for video in Videos(connection).to_probe(hours.first, hours.last, PROBE, VERSION):
            again = Arrival(video.tenant_id, str(video.video_id), f"{video.video_id}@{place.run_id}")
            windows[video.window_start].append((uuid4(), again))
        for window, arrivals in windows.items():
            Session(connection).register(PROBE, arrivals, place.now(), window=window)


@dataclass(frozen=True, slots=True)
class _Probing:
    """The work on one item."""

    place: Workplace
    inbox: Inbox

    def handle(self, item: Item) -> Outcome:
        with self.place.transaction() as connection:
            video = Videos(connection).find(item.tenant_id, UUID(item.subject))
        if video is None:
            return Outcome(State.CANCELED, GONE)
        settled = video if _is_settled(video) else self._settled(video)
        if _keeps_nothing(settled):
            storing.clear(self.place.objects, settled.tenant_id, settled.video_id)
        self._receipted(settled)
        match settled.state:
            case VideoState.DELETED:
                return Outcome(State.CANCELED, GONE)
            case VideoState.QUARANTINED:
                return Outcome(State.QUARANTINED, f"{settled.reason_code}: {settled.reason}", item.subject)
            case _:
                return Outcome(State.FINISHED, result=item.subject)

    def _settled(self, video: Video) -> Video:
        try:
            probed = self._looked_over(video)
        except SopError as error:
            if ends_the_run(error):
                raise
            return self._set_aside(video, error)
        with self.place.transaction() as connection:
            settled = Videos(connection).settle_probed(video, probed, VERSION, self.place.now())
            if settled is not None:
                self._follow(Session(connection), settled)
        return settled or self._deleted(video)

    def _looked_over(self, video: Video) -> Probed:
        from ovpo.sop.video import probing

        limits = Limits(max_bytes=self.place.settings.sop.most_upload_mb * storing.MEGABYTE)
        source = self._source(video)
        facts = None if source is None else probing.probe(source, limits)
        if facts is not None and facts.sha256 != video.sha256:
            raise IntakeError("not_the_same", "the stored file is not the one that came; drop or upload it again")
        cover = masked(self.place, video)
        source_key = video.source_key if cover is None else cover.source_key
        shown_key = source_key if cover is None else cover.key
        if shown_key is None:
            raise IntakeError("missing", "the video's file is not in the store any more; drop or upload it again")
        shown = self.place.copies.file(shown_key)
        facts = facts or probing.probe(shown, limits)
        thumbnail_key = f"{keys.of_video(video.tenant_id, video.video_id)}/thumbnail.jpg"
        self.place.objects.put(thumbnail_key, thumbnail(shown, facts.seconds, limits))
        return Probed(
            probe=msgspec.to_builtins(facts),
            source_key=source_key,
            masked_key=cover.key if cover is not None else None,
            thumbnail_key=thumbnail_key,
        )

    def _source(self, video: Video) -> Path | None:
        """Give the file as it came; none where an attempt that was cut off put the masked one in its place."""
        try:
            return None if video.source_key is None else self.place.copies.file(video.source_key)
        except ObjectNotFoundError:
            return None

    def _follow(self, session: Session, video: Video) -> None:
        """Have a video that can be used embedded, a trainee scored, and a task's first gold held up to them."""
        now, subject = self.place.now(), str(video.video_id)
        arrival = Arrival(video.tenant_id, subject, subject)
        session.register(EMBED, [(uuid4(), arrival)], now, window=video.window_start)
        if video.role is VideoRole.TRAINEE:
            Scores(session.connection).ask_for_intake(video, now)
        else:
            Videos(session.connection).hold_against(video, now)

    def _set_aside(self, video: Video, error: SopError) -> Video:
        """Quarantine a video; where masks are asked for, nothing of it is kept without them."""
        source_key = video.source_key
        if isinstance(error, MaskingError) or self.place.settings.sop.masks is not None:
            source_key = None
        reason = str(error)
        if video.source_key is not None:
            reason = reason.replace(video.source_key.rpartition("/")[2], "the video")
        with self.place.transaction() as connection:
            settled = Videos(connection).quarantine(
                video, error.code, reason, VERSION, self.place.now(), source_key=source_key
            )
        return settled or self._deleted(video)

    def _deleted(self, video: Video) -> Video:
        """Give a video as it is since somebody deleted it meanwhile."""
        with self.place.transaction() as connection:
            return Videos(connection).find(video.tenant_id, video.video_id) or video

    def _receipted(self, video: Video) -> None:
        """Move what lies in the inbox away, unless another file took its place, and record that."""
        if video.inbox_path is None:
            return
        found = self.inbox.look(video.inbox_path)
        if found is not None and video_id_of(video.tenant_id, found.digest) == video.video_id:
            move = self.inbox.accept if video.state is VideoState.PROBED else self.inbox.refuse
            move(found, receipts.of_video(found, video, self.place.now()))
        with self.place.transaction() as connection:
            Videos(connection).moved(video, self.place.now())


def _keeps_nothing(video: Video) -> bool:
    return video.state is VideoState.DELETED or (video.state is VideoState.QUARANTINED and video.source_key is None)


def _is_settled(video: Video) -> bool:
    return video.state is VideoState.DELETED or (
        video.state is not VideoState.REGISTERED and (video.probed_by == VERSION or video.source_key is None)
    )

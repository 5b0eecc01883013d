# SPDX-License-Identifier: Apache-2.0
"""From a file of the inbox to a video on record: named, hashed while it is copied into the store, entered once.

A video's id is made of what was found, so a repeat of work that was cut off writes the same objects and the same row.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from psycopg.rows import class_row

from ovpo.foundation.ledger.items import Arrival, Item, State
from ovpo.foundation.ledger.session import Session
from ovpo.sop.errors import SopError
from ovpo.sop.intake import receipts, storing
from ovpo.sop.intake.entering import enter
from ovpo.sop.intake.errors import ArrivalGoneError, IntakeError
from ovpo.sop.intake.found import Found, video_id_of
from ovpo.sop.intake.inbox import Inbox
from ovpo.sop.intake.naming import Named, Naming
from ovpo.sop.records.rows import Video, VideoState
from ovpo.sop.records.videos import Duplicate, NewVideo, Videos
from ovpo.sop.working import INTAKE, Hours, Outcome, Worked, Workplace, work_through

FAILED: Final = """
SELECT tenant_id, subject, split_part(digest, '@', 1) AS digest, window_start FROM ledger_items
WHERE lane = %(lane)s AND registered_at >= %(first)s AND window_start BETWEEN %(first)s AND %(last)s
GROUP BY 1, 2, 3, 4 HAVING bool_and(state = 'failed')
ORDER BY 4, 3
"""
GONE: Final = "the file is not there any more, or was changed; what took its place is taken in by itself"
DELETED: Final = "the video was deleted while it waited; to take it in again, drop it again"


@dataclass(frozen=True, slots=True)
class _Failed:
    """An arrival that nobody succeeded with, and its window."""

    tenant_id: str
    subject: str
    digest: str
    window_start: datetime


def register(place: Workplace, inbox: Inbox, hours: Hours) -> Worked:
    """Take in what was found in these windows, and once more what failed before."""
    work = _Registering(place, inbox, Naming.of(place.settings.sop))
    _ask_again(place, hours)
    return work_through(place, INTAKE, hours, work.handle)


def _ask_again(place: Workplace, hours: Hours) -> None:
    values = {"lane": INTAKE, "first": hours.first, "last": hours.last}
    with place.transaction() as connection:
        with connection.cursor(row_factory=class_row(_Failed)) as cursor:
            failed = cursor.execute(FAILED, values).fetchall()
        windows: dict[datetime, list[tuple[UUID, Arrival]]] = defaultdict(list)
        for one in failed:
            again = Arrival(one.tenant_id, one.subject, f"{one.digest}@{place.run_id}")
            windows[one.window_start].append((uuid4(), again))
        for window, arrivals in windows.items():
            Session(connection).register(INTAKE, arrivals, place.now(), window=window)


@dataclass(frozen=True, slots=True)
class _Registering:
    """The work on one item."""

    place: Workplace
    inbox: Inbox
    naming: Naming

    def handle(self, item: Item) -> Outcome:
        digest = item.digest.partition("@")[0]
        video_id = video_id_of(item.tenant_id, digest)
        entered = self._find(item.tenant_id, video_id)
        if entered is not None and entered.state is not VideoState.DELETED:
            return _finished(entered)
        found = self.inbox.look(item.subject)
        if found is None or found.digest != digest:
            return self._canceled(item.tenant_id, video_id)
        if entered is not None:
            raise self._refused(found, IntakeError("deleted", DELETED))
        try:
            named = self.naming.read(found.path)
            stored = self._store(found, item.tenant_id, video_id)
        except ArrivalGoneError:
            return self._canceled(item.tenant_id, video_id)
        except SopError as error:
            self._refused(found, error)
            self._discard(item.tenant_id, video_id)
            raise
        return self._entered(item, found, named, stored, video_id)

    def _store(self, found: Found, tenant_id: str, video_id: UUID) -> storing.Stored:
        most_mb = self.place.settings.sop.most_upload_mb
        return storing.store(self.inbox, found, self.place.objects, tenant_id, video_id, most_mb)

    def _entered(self, item: Item, found: Found, named: Named, stored: storing.Stored, video_id: UUID) -> Outcome:
        new = NewVideo(
            video_id=video_id,
            tenant_id=item.tenant_id,
            sha256=stored.sha256,
            task_id=named.task_id,
            role=named.role,
            site_id=named.site_id,
            camera_id=named.camera_id,
            operator_id_hash=named.operator_id_hash,
            name=found.name,
            bytes=stored.bytes,
            inbox_path=found.path,
            source_key=stored.key,
            window_start=item.window_start,
        )
        with self.place.transaction() as connection:
            entered = enter(connection, new, self.place.now())
        if isinstance(entered, Video):
            return _finished(entered)
        return self._repeated(entered, found, named, video_id)

    def _repeated(self, duplicate: Duplicate, found: Found, named: Named, video_id: UUID) -> Outcome:
        original = duplicate.original
        if original.video_id == video_id and original.state is not VideoState.DELETED:
            return _finished(original)
        self._discard(original.tenant_id, video_id)
        if original.state is VideoState.DELETED:
            raise self._refused(found, IntakeError("deleted", DELETED))
        if (original.task_id, original.role) != (named.task_id, named.role):
            error = IntakeError(
                "other_task",
                f"the same video is on record as {original.role} of {original.task_id}, and here as {named.role} of "
                f"{named.task_id}; delete that one first if this is right",
            )
            raise self._refused(found, error, original)
        if original.state is VideoState.QUARANTINED:
            error = IntakeError(original.reason_code or "quarantined", original.reason or "")
            raise self._refused(found, error, original)
        self.inbox.accept(found, receipts.duplicate(found, original, self.place.now()))
        return _finished(original)

    def _refused(self, found: Found, error: SopError, original: Video | None = None) -> SopError:
        """Move the file away with the reason, and give the reason."""
        self.inbox.refuse(found, receipts.refusal(found, error, self.place.now(), original))
        return error

    def _canceled(self, tenant_id: str, video_id: UUID) -> Outcome:
        self._discard(tenant_id, video_id)
        return Outcome(State.CANCELED, GONE)

    def _discard(self, tenant_id: str, video_id: UUID) -> None:
        """Remove what an attempt stored, unless a run that was given up for dead has entered it after all."""
        known = self._find(tenant_id, video_id)
        if known is None or known.state is VideoState.DELETED:
            storing.clear(self.place.objects, tenant_id, video_id)

    def _find(self, tenant_id: str, video_id: UUID) -> Video | None:
        with self.place.transaction() as connection:
            return Videos(connection).find(tenant_id, video_id)


def _finished(video: Video) -> Outcome:
    return Outcome(State.FINISHED, result=str(video.video_id))

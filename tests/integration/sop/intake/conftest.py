# SPDX-License-Identifier: Apache-2.0
"""A workplace with a watched folder, in an hour of its own, since all tests share one database; and small videos."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ovpo.foundation.ledger.items import Item
from ovpo.foundation.ledger.rows import item_row
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.settings.tree import Settings
from ovpo.sop.intake.folder import FolderInbox
from ovpo.sop.records.rows import Video
from ovpo.sop.records.videos import Videos
from ovpo.sop.working import Hours, Workplace
from tests.integration.objects.conftest import gcs_url, s3_url, service_accounts
from tests.integration.sop.video.films import Film, shoot, steady

__all__ = ["gcs_url", "s3_url", "service_accounts"]
FIRST = datetime(2026, 3, 1, 0, 20, tzinfo=UTC)
_hours = count()
_sizes = count()


@dataclass(frozen=True)
class Bench:
    """Where one test works."""

    place: Workplace
    root: Path
    hours: Hours

    @property
    def inbox(self) -> FolderInbox:
        return FolderInbox(self.root, self.place.settings.sop.settle_seconds)

    @property
    def kept(self) -> set[str]:
        """The keys in the object store."""
        return {info.key for info in self.place.objects.list()}

    def lay(self, path: str, content: bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def run(self, run_id: str, **changed: Any) -> "Bench":
        """Give the same bench to another run, with other settings of the wing."""
        settings = self.place.settings
        sop = settings.sop.model_copy(update=changed)
        place = replace(self.place, run_id=run_id, settings=settings.model_copy(update={"sop": sop}))
        return replace(self, place=place)

    def items(self, lane: str) -> list[Item]:
        with self.place.transaction() as connection, connection.cursor(row_factory=item_row) as cursor:
            statement = "SELECT * FROM ledger_items WHERE lane = %s AND window_start = %s ORDER BY subject, digest"
            return cursor.execute(statement, (lane, self.hours.first)).fetchall()

    def videos(self) -> list[Video]:
        with self.place.transaction() as connection:
            return Videos(connection).of_windows(self.hours.first, self.hours.last)

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """Give what a table holds of this hour's videos."""
        statements = {
            "sop_scores": "SELECT trainee_id, state, asked_by FROM sop_scores WHERE window_start = %s",
            "sop_tasks": "SELECT t.task_id, t.gold_id FROM sop_tasks AS t JOIN sop_videos AS v"
            " ON v.video_id = t.gold_id WHERE v.window_start = %s",
        }
        with self.place.transaction() as connection:
            return connection.execute(statements[table], (self.hours.first,)).fetchall()


@pytest.fixture
def bench(settings: Settings, tmp_path: Path) -> Bench:
    now = FIRST + timedelta(hours=next(_hours))
    hour = now.replace(minute=0)
    (root := tmp_path / "inbox").mkdir()
    own = settings.model_copy(
        update={
            "sop": settings.sop.model_copy(update={"settle_seconds": 0.0, "inbox": str(root), "workers": 1}),
            "objects": settings.objects.model_copy(update={"url": (tmp_path / "objects").as_uri()}),
        }
    )
    objects = open_objects(own.objects, own.query, own.home)
    place = Workplace(own, objects, Copies(objects, tmp_path / "copies"), f"run-{uuid4()}", lambda: now)
    return Bench(place, root, Hours(hour, hour))


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video of two seconds."""
    return shoot(tmp_path_factory.mktemp("films") / "plain.mp4", Film(steady(2, 8))).read_bytes()


@pytest.fixture
def film(plain: bytes) -> Callable[[], bytes]:
    """Make videos that show the same and are another each, in size too: behind them stands a box that players skip.

    A bucket tells whole seconds, so what two tests lay under one path is told apart by its size.
    """

    def made() -> bytes:
        skipped = uuid4().bytes + bytes(next(_sizes))
        return plain + (8 + len(skipped)).to_bytes(4) + b"free" + skipped

    return made

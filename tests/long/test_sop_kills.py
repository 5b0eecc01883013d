# SPDX-License-Identifier: Apache-2.0
"""Videos on their way to reports while runs, the daemon and PostgreSQL are killed: nothing is lost or twice."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg
import pytest

from examples.procedures.coffee import FILL, FILTER, GRIND, POUR, STIR, Take
from examples.procedures.run import write
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.postgres.connect import admin_conninfo
from ovpo.foundation.settings.tree import Settings
from ovpo.foundation.stack.state import Condition
from ovpo.sop.accounting.faults import GRACE, unaccounted
from ovpo.sop.working import LANES, Workplace
from tests.e2e.conftest import RunningStack, stack

__all__ = ["stack"]
TRAINEES, PACE, TASK = 15, 0.5, "coffee"
STEPS = [(step, PACE) for step in (GRIND, FILTER, FILL, POUR, STIR)]
LONGEST_SECONDS = 1500.0
HELD = "SELECT count(*) FROM ledger_items WHERE lane = %s AND state = 'started'"
UNFINISHED = "SELECT count(*) FROM ledger_items WHERE lane = ANY(%s) AND state IN ('queued', 'started')"
REPORTED = "SELECT count(*) FROM sop_scores WHERE state = 'finished' AND report_key IS NOT NULL"


def ask(settings: Settings, statement: str, *values: object) -> list[tuple[object, ...]]:
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        return list(connection.execute(statement.encode(), values).fetchall())


def until(what: str, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        try:
            if condition():
                return
        except psycopg.OperationalError:
            pass
        assert time.monotonic() < deadline, f"it did not come to {what} in time"
        time.sleep(0.2)


def workers(stack: RunningStack) -> Iterator[psutil.Process]:
    """Find the processes that Dagster's runs of this stack work in."""
    for process in psutil.process_iter():
        try:
            if (
                "execute_run" in process.cmdline()
                and process.environ().get("OVPO_HOME") == stack.variables["OVPO_HOME"]
            ):
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def kill_the_run_that_has(stack: RunningStack, lane: str) -> None:
    """Wait until a run holds work of a lane, then kill every run's process."""

    def killed() -> bool:
        if ask(stack.settings, HELD, lane) != [(0,)]:
            for process in workers(stack):
                process.send_signal(signal.SIGKILL)
                return True
        return False

    until(f"a run with work of {lane}", killed)


def kill_the_part(stack: RunningStack, name: str) -> None:
    """Kill a part of the stack, which its supervisor starts again."""
    former = _pid_of(stack, name)
    assert former is not None
    os.kill(former, signal.SIGKILL)
    until(f"a new {name}", lambda: _pid_of(stack, name) not in {None, former})


def _pid_of(stack: RunningStack, name: str) -> int | None:
    """Give the process of a part that is ready."""
    (part,) = [part for part in stack.state.parts if part.name == name]
    return part.identity.pid if part.identity and part.condition is Condition.READY else None


@pytest.mark.timeout(LONGEST_SECONDS + 300)
def test_every_video_is_scored_once_whoever_is_killed(stack: RunningStack, tmp_path: Path) -> None:
    settings = stack.settings
    inbox = settings.home / "inbox"
    write(Take("demonstration", "gold", STEPS), inbox / TASK / "gold" / "demonstration.mp4")
    for number in range(TRAINEES):
        light = 0.9 + 0.2 * number / TRAINEES
        write(Take(f"trainee {number}", "trainee", STEPS, light=light), inbox / TASK / "trainee" / f"{number}.mp4")
    kill_the_run_that_has(stack, "sop_probe")
    kill_the_part(stack, "dagster-daemon")
    kill_the_run_that_has(stack, "sop_embed")
    kill_the_part(stack, "postgres")
    kill_the_run_that_has(stack, "sop_score")
    until("all reports", lambda: ask(settings, REPORTED) == [(TRAINEES,)])
    until("nothing left to do", lambda: ask(settings, UNFINISHED, list(LANES)) == [(0,)])
    assert ask(settings, "SELECT role, state, count(*) FROM sop_videos GROUP BY 1, 2 ORDER BY 1") == [
        ("gold", "probed", 1),
        ("trainee", "probed", TRAINEES),
    ]
    assert ask(settings, "SELECT count(*) FROM sop_scores") == [(TRAINEES,)]
    left = [path.relative_to(inbox).parts[0] for path in inbox.rglob("*.mp4")]
    assert left == ["processed"] * (TRAINEES + 1)
    objects = open_objects(settings.objects, settings.query, settings.home)
    place = Workplace(settings, objects, Copies(objects, tmp_path), "test")
    later = Workplace(
        settings, objects, Copies(objects, tmp_path), "test", lambda: place.now() + timedelta(seconds=1) + GRACE
    )
    assert unaccounted(later).rows() == []

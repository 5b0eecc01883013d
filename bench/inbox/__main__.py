# SPDX-License-Identifier: Apache-2.0
"""How long drawn videos take from the inbox to their reports, with no other hand, and what orchestration takes of it.

A whole stack is started in a data directory of its own; its sensors find, register, probe, embed, score and report.
"""

import argparse
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter, sleep
from typing import Final

import psycopg
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.goals import Goal, print_goals
from bench.inbox.backfill import Backfilled, backfill
from bench.inbox.runs import Ran, ran
from bench.inbox.stack import whole_stack
from bench.inbox.videos import choose, drop
from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.sop.working import LANES

WIDTH: Final = 120
POLL_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 3 * 3600
MOST_ORCHESTRATION: Final = 0.5
DONE: Final = """
SELECT (SELECT count(*) FROM sop_videos WHERE state = 'probed'),
       (SELECT count(*) FROM sop_videos WHERE state = 'quarantined'),
       (SELECT count(*) FROM sop_scores WHERE state = 'finished' AND report_key IS NOT NULL),
       (SELECT count(*) FROM sop_scores WHERE state = 'failed'),
       (SELECT count(*) FROM ledger_items WHERE lane = ANY(%s) AND state IN ('queued', 'started'))
"""


def main() -> int:
    """Drop the videos, wait for their reports, print, and say by the exit code whether every goal was reached."""
    arguments = argparse.ArgumentParser("bench.inbox", description=__doc__)
    arguments.add_argument("--videos", type=int, default=200, help="how many videos are dropped, golds included")
    arguments.add_argument("--home", type=Path, help="a data directory to keep; else one that goes")
    arguments.add_argument("--windows", type=int, default=500, help="windows of the backfill afterwards; 0: none")
    asked = arguments.parse_args()
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    with Progress(console=console) as progress:
        task = progress.add_task("Rendering")
        chosen = choose(asked.videos, lambda done, of: progress.update(task, completed=done, total=of))
    trainees = sum(role == "trainee" for _, role, _ in chosen)
    folder = nullcontext(str(asked.home)) if asked.home else tempfile.TemporaryDirectory(prefix="ovpo-bench-inbox-")
    with folder as home, whole_stack(Path(home)) as settings:
        begun = perf_counter()
        drop(chosen, settings.home / "inbox")
        refused, failed = _wait(console, settings, len(chosen), trainees)
        wall = perf_counter() - begun
        runs = ran(settings)
        again = backfill(settings, asked.windows) if asked.windows else None
    _print_runs(console, runs)
    share = sum(run.orchestration for run in runs) / len(chosen)
    console.print(f"{len(chosen)} videos, {trainees} scores: {wall:.0f} s, {len(runs)} runs")
    goals = [
        Goal("videos refused, scores failed", "0", f"{refused + failed}", refused + failed == 0),
        Goal("orchestration a video", f"≤ {MOST_ORCHESTRATION} s", f"{share:.2f} s", share <= MOST_ORCHESTRATION),
    ]
    if again is not None:
        goals.append(_backfill_goal(console, again))
    print_goals(console, goals)
    return 0 if all(goal.ok for goal in goals) else 1


def _backfill_goal(console: Console, seen: Backfilled) -> Goal:
    console.print(
        f"backfill of {seen.windows} windows, {seen.with_scores} of them with scores: {seen.runs} runs, "
        f"{seen.seconds:.0f} s, {seen.status}"
    )
    ok = not seen.left and not seen.failed and "FAIL" not in seen.status
    return Goal("scores left, runs failed in the backfill", "0", f"{seen.left + seen.failed}", ok)


def _wait(console: Console, settings: Settings, videos: int, trainees: int) -> tuple[int, int]:
    deadline = perf_counter() + LONGEST_SECONDS
    with Progress(console=console) as progress:
        taken, scored = progress.add_task("Taken in", total=videos), progress.add_task("Reported", total=trainees)
        while perf_counter() < deadline:
            with psycopg.connect(conninfo(settings.postgres, PostgresRole.PROCESS)) as connection:
                row = connection.execute(DONE, (list(LANES),)).fetchone()
            probed, refused, reported, failed, unfinished = row or (0, 0, 0, 0, 1)
            progress.update(taken, completed=probed + refused)
            progress.update(scored, completed=reported + failed)
            if probed + refused == videos and reported + failed == trainees and not unfinished:
                return refused, failed
            sleep(POLL_SECONDS)
    raise SystemExit(f"{reported} of {trainees} scores have their reports after {LONGEST_SECONDS} s; see the logs")


def _print_runs(console: Console, runs: list[Ran]) -> None:
    table = Table("job", "runs", "failed", "steps s", "orchestration s", "queued s", box=None, header_style="bold")
    for job in dict.fromkeys(run.job for run in runs):
        own = [run for run in runs if run.job == job]
        table.add_row(
            job,
            str(len(own)),
            str(sum(run.status != "SUCCESS" for run in own)),
            f"{sum(run.steps for run in own):.1f}",
            f"{sum(run.orchestration for run in own):.1f}",
            f"{sum(run.queued for run in own):.1f}",
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""The part of `ovpo demo` that scores a procedure: videos are laid into the inbox, and what came of it is shown."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from examples.procedures.coffee import TAKES, TASK, definition
from ovpo.foundation.settings.load import inherited_environment
from ovpo.foundation.settings.tree import Settings
from ovpo.foundation.stack.errors import StackError

PATIENCE_SECONDS: Final = 420
POLL_SECONDS: Final = 1.0
MARKS: Final = {"pass": "[green]✓ pass[/]", "fail": "[red]✗ fail[/]"}
Call = Callable[[str, str, bytes | None, str], dict[str, Any]]
"""Asks the SOP API: path, method, body and its type."""


def drop_videos(console: Console, settings: Settings, call: Call) -> bool:
    """Say how coffee is brewed, and lay videos of five people into the inbox; tell whether that can be done here."""
    folder = inbox_of(settings)
    if folder is None:
        console.print(f"The inbox is {settings.sop.inbox}: drop videos there to have them scored.\n")
        return False
    known = {one["task_id"]: one["content"] for one in call("/v1/sop/definitions", "GET", None, "")["definitions"]}
    if known.get(TASK) != definition():
        call(f"/v1/sop/definitions/{TASK}", "PUT", definition().encode(), "application/yaml")
    console.print(f"[bold]$ python -m examples.procedures.run {folder}[/]", soft_wrap=True)
    words = [sys.executable, "-m", "examples.procedures.run", str(folder)]
    if subprocess.run(words, env=inherited_environment(), check=False).returncode:
        raise StackError("the videos could not be written; see above")
    console.print()
    return True


def show_scores(console: Console, api: str, call: Call) -> None:
    """Wait until every trainee has a report, and show verdicts and what they rest on."""
    wanted = sum(take.role == "trainee" for take in TAKES)
    scores = _wait(console, call, wanted)
    names = {
        video["video_id"]: Path(video["name"]).stem
        for video in call(f"/v1/sop/videos?task_id={TASK}&role=trainee&limit=100", "GET", None, "")["videos"]
    }
    table = Table("trainee", "verdict", "points", "what was found", box=None, header_style="bold")
    for score in sorted(scores, key=lambda one: names.get(one["trainee_id"], "")):
        found = call(f"/v1/sop/scores/{score['score_id']}", "GET", None, "")["result"]["deviations"]
        table.add_row(
            names.get(score["trainee_id"], score["trainee_id"]),
            MARKS.get(score["verdict"], str(score["verdict"])),
            "-" if score["points"] is None else f"{score['points']:.2f}",
            "\n".join(one["sentence"] for one in found) or "nothing",
        )
    console.print("[bold]What the trainees' videos come to beside the demonstration[/]")
    console.print(table)
    console.print(f"\n  {api}/v1/sop/scores/{scores[0]['score_id']}/report.pdf  one of the reports\n", soft_wrap=True)


def inbox_of(settings: Settings) -> Path | None:
    """Tell which folder is watched; None where it is a bucket."""
    if "://" in settings.sop.inbox:
        return None
    return Path(settings.sop.inbox) if settings.sop.inbox else settings.home / "inbox"


def _wait(console: Console, call: Call, wanted: int) -> Sequence[Mapping[str, Any]]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with console.status("The videos are in the inbox; sensors and runs do the rest …") as shown:
        while time.monotonic() < deadline:
            scores = call(f"/v1/sop/scores?task_id={TASK}&limit=100", "GET", None, "")["scores"]
            reported = [score for score in scores if score["has_report"]]
            if broken := [score for score in scores if score["state"] in {"failed", "canceled"}]:
                raise StackError(f"a score is {broken[0]['state']}: {broken[0]['reason'] or 'by hand'}")
            if len(reported) >= wanted and all(score["state"] == "finished" for score in scores):
                return reported
            shown.update(f"{len(reported)} of {wanted} videos have their reports …")
            time.sleep(POLL_SECONDS)
    raise StackError(f"the videos have no reports after {PATIENCE_SECONDS} s; see `ovpo logs dagster-daemon`")

# SPDX-License-Identifier: Apache-2.0
"""The command `python -m examples.pipelines.run`: `--list` names the scenarios, `oom timeout` or `all` runs them."""

import argparse
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from examples.pipelines.fake_video_gen import DEFAULT_OUT
from examples.pipelines.scenarios.catalogue import SCENARIOS
from examples.pipelines.scenarios.running import Outcome, run
from examples.pipelines.shelf import Shelf
from ovpo_sdk import OvpoClient

ALL: Final = "all"
_CHANGED: Final = ("prompt", "seed", "frames", "steps")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 where a run ended in another way than its scenario has to."""
    logging.basicConfig(format="%(message)s")
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.list:
        _say("\n".join(f"{one.name:16} {one.ends:9} → {one.settles:9}  {one.title}" for one in SCENARIOS.values()))
        return 0
    names = _names(parser, asked.scenarios)
    changes = {name: value for name in _CHANGED if (value := getattr(asked, name)) is not None}
    tags = _tags(parser, asked.tag)
    shelf = _shelf(parser, asked)
    _check(parser, names, changes)
    with OvpoClient() as client:
        outcomes = []
        for name in names:
            outcomes.append(run(SCENARIOS[name], client, shelf, changes=changes, tags=tags, hardware=asked.hardware))
            if not asked.json:
                _say(_line(outcomes[-1]))
        delivered = client.flush()
        seen = client.counters()
    if asked.json:
        _say(json.dumps([_json(outcome) for outcome in outcomes], indent=2))
    left = "" if delivered else f"; {seen.waiting} could not be delivered, see OVPO_ENDPOINT and OVPO_KEY"
    refused = f"; {seen.refused} refused: {dict(seen.refusals)}" if seen.refused else ""
    sys.stderr.write(f"{seen.delivered} of {seen.emitted} items acknowledged{left}{refused}\n")
    return 1 if any(outcome.problem for outcome in outcomes) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.pipelines.run",
        description="Run a small video pipeline, well or broken, and tell the observatory about it. "
        "OVPO_ENDPOINT and OVPO_KEY say where to.",
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"{', '.join(SCENARIOS)}, or {ALL}")
    parser.add_argument("--list", action="store_true", help="name the scenarios, how each ends and what is made of it")
    parser.add_argument("--prompt", help="what to make a video of")
    parser.add_argument("--seed", type=int, help="where its randomness starts")
    parser.add_argument("--frames", type=int, help="how many frames")
    parser.add_argument("--steps", type=int, help="in how many steps they are denoised")
    parser.add_argument("--hardware", default="cpu", help="what the spans call the hardware (default: %(default)s)")
    parser.add_argument("--tag", action="append", default=[], metavar="NAME=TEXT", help="tag the runs; may be repeated")
    parser.add_argument(
        "--out", type=Path, default=DEFAULT_OUT, help="folder for videos and thumbnails (default: %(default)s)"
    )
    parser.add_argument(
        "--objects", type=Path, help="root of a stack's folder store, $OVPO_HOME/objects, in place of --out"
    )
    parser.add_argument("--tenant", help="whose objects they are; goes with --objects")
    parser.add_argument("--json", action="store_true", help="tell the outcomes as a JSON list")
    return parser


def _names(parser: argparse.ArgumentParser, asked: Sequence[str]) -> Sequence[str]:
    unknown = [name for name in asked if name not in SCENARIOS and name != ALL]
    if not asked or unknown:
        what = f"there is no scenario {unknown[0]}" if unknown else "no scenario is named"
        parser.error(f"{what}; takes {', '.join(SCENARIOS)}, or {ALL}")
    return tuple(SCENARIOS) if ALL in asked else asked


def _tags(parser: argparse.ArgumentParser, asked: Sequence[str]) -> Mapping[str, str]:
    pairs = [one.partition("=") for one in asked]
    for name, equals, _ in pairs:
        if not name or not equals:
            parser.error(f"--tag {name}: takes NAME=TEXT")
    return {name: text for name, _, text in pairs}


def _shelf(parser: argparse.ArgumentParser, asked: argparse.Namespace) -> Shelf:
    if (asked.objects is None) != (asked.tenant is None):
        parser.error("--objects and --tenant: give both, or neither")
    return Shelf.of_folder(asked.out) if asked.objects is None else Shelf.of_store(asked.objects, asked.tenant)


def _check(parser: argparse.ArgumentParser, names: Sequence[str], changes: Mapping[str, Any]) -> None:
    """Refuse before the first run what a request does not take."""
    for name in names:
        try:
            replace(SCENARIOS[name].request, **changes)
        except ValueError as error:
            parser.error(f"--{error}")


def _line(outcome: Outcome) -> str:
    where = outcome.video or "no video"
    line = f"{outcome.scenario:16} {outcome.status:9} {outcome.seconds:6.2f} s {outcome.frames:5} frames"
    line += f"  {outcome.trace_id}  {where}"
    return f"{line}\n  not as it has to be: {outcome.problem}" if outcome.problem else line


def _json(outcome: Outcome) -> Mapping[str, Any]:
    return {
        "scenario": outcome.scenario,
        "trace_id": outcome.trace_id,
        "status": outcome.status,
        "frames": outcome.frames,
        "seconds": round(outcome.seconds, 3),
        "video": None if outcome.video is None else str(outcome.video),
        "problem": outcome.problem,
    }


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Renders pairs of gold and trainee videos of drawn procedures into a folder, with the truth about each."""

import argparse
import json
import sys
from pathlib import Path

from bench.sop.pairs import SETS, pairs
from bench.sop.rendering import render_all, truth_of


def main() -> int:
    """Render, and write `truth.json` beside the videos."""
    arguments = argparse.ArgumentParser("bench.sop_videos", description=__doc__)
    arguments.add_argument("folder", type=Path, metavar="OUT_DIR", help="where the videos go")
    arguments.add_argument("--set", choices=sorted(SETS), default="tune", help="which generator draws them")
    arguments.add_argument("--pairs", type=int, default=13, help="how many pairs")
    arguments.add_argument("--seed", type=int, default=1, help="another number makes other procedures")
    asked = arguments.parse_args()
    listed = pairs(asked.set, asked.pairs, asked.seed)
    render_all(listed, asked.folder, _say)
    told = json.dumps(truth_of(listed, asked.folder), indent=1)
    (asked.folder / "truth.json").write_text(told)
    return 0


def _say(done: int, of: int) -> None:
    sys.stderr.write(f"\r{done} of {of} videos" + ("\n" if done == of else ""))
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

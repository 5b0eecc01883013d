# SPDX-License-Identifier: Apache-2.0
"""How fast V-JEPA 2 embeds on this machine's CUDA device: clips of 16 frames, plain and compiled."""

import argparse
import sys

import torch
from rich.console import Console

from bench.goals import Goal, print_goals
from bench.vjepa2.measuring import large, speed
from ovpo.sop.clips import Clips

WIDTH = 120
CLIPS_PER_SECOND = 250
OVERLAP = 0.9


def main() -> int:
    """Measure, print, and say by the exit code whether the goals were reached; none is missed without a device."""
    arguments = argparse.ArgumentParser("bench.vjepa2", description=__doc__)
    arguments.add_argument("--model", help="a folder or a name on the hub; without it, ViT-L with random weights")
    arguments.add_argument("--batches", type=int, default=8, help="batches in each round")
    asked = arguments.parse_args()
    console = Console(width=WIDTH, highlight=False)
    if not torch.cuda.is_available():
        console.print("not measured: no CUDA device here")
        return 0
    device, clips = torch.device("cuda"), Clips(window=16, stride=4)
    console.print(
        f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}, bf16, {clips.window} frames a clip"
    )
    encoder, config = large(asked.model)
    encoder = encoder.to(device)
    plain = speed(encoder, config, device, "bf16", clips, asked.batches)
    console.print(f"plain: {plain.alone:.0f} clips/s, {plain.whole:.0f} on the whole way, {plain.batch} at once")
    compiled = speed(torch.compile(encoder), config, device, "bf16", clips, asked.batches)
    console.print(
        f"compiled: {compiled.alone:.0f} clips/s, {compiled.whole:.0f} on the whole way, {compiled.batch} at once"
    )
    best = max(plain.whole, compiled.whole)
    overlap = compiled.whole / compiled.alone
    goals = [
        Goal("clips a second, the better way", f"≥ {CLIPS_PER_SECOND}", f"{best:.0f}", best >= CLIPS_PER_SECOND),
        Goal("whole way over encoder alone", f"≥ {OVERLAP:.0%}", f"{overlap:.0%}", overlap >= OVERLAP),
    ]
    print_goals(console, goals)
    return int(not all(goal.ok for goal in goals))


if __name__ == "__main__":
    sys.exit(main())

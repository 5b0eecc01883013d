# SPDX-License-Identifier: Apache-2.0
import random
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from ovpo.sop.errors import VideoError
from ovpo.sop.video.limits import Limits
from ovpo.sop.video.pictures import pictures_at
from ovpo.sop.video.probing import probe
from ovpo.sop.video.samples import Sampling
from ovpo.sop.video.sampling import sample
from tests.integration.sop.video.films import Film, shoot, steady

MUTATIONS = 50
GROWTH_MB = 12
PEAK = """
import resource, sys
from pathlib import Path
from ovpo.sop.video.probing import probe
from ovpo.sop.video.samples import Sampling
from ovpo.sop.video.sampling import sample
peaks = []
for name in sys.argv[1:]:
    probe(Path(name))
    count = sum(1 for _ in sample(Path(name), Sampling(longest_side=64)))
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(count, *peaks)
"""


@pytest.mark.parametrize("format", ["mp4", "matroska", "avi", "mpegts"])
def test_changed_bytes_are_read_or_refused_but_never_break_out(
    tmp_path: Path,
    format: str,  # noqa: A002
    capfd: pytest.CaptureFixture[str],
) -> None:
    film = Film(steady(1), format=format, size=(32, 32), options={"g": "5", "crf": "30", "preset": "ultrafast"})
    whole = shoot(tmp_path / "whole", film).read_bytes()
    capfd.readouterr()
    chance, path, limits = random.Random(format), tmp_path / "changed", Limits(max_seconds=100, max_pixels=100_000)
    outcomes = set()
    for number in range(MUTATIONS):
        path.write_bytes(_changed(whole, chance, number))
        try:
            probe(path, limits)
            samples = sum(1 for _ in sample(path, Sampling(), limits=limits))
            pictures_at(path, [0.5], 32, limits=limits)
            outcomes.add("read")
            assert samples <= 400
        except VideoError as refused:
            outcomes.add(refused.code)
    assert "read" in outcomes
    assert len(outcomes) > 1
    assert capfd.readouterr() == ("", "")


def _changed(whole: bytes, chance: random.Random, number: int) -> bytes:
    changed = bytearray(whole)
    kind = number % 3
    if kind == 0:
        for _ in range(chance.randint(1, 20)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    elif kind == 1:
        first = chance.randrange(len(changed))
        del changed[first : first + chance.randint(1, len(changed) // 4)]
    else:
        first = chance.randrange(max(len(changed) - 64, 1))
        changed[first : first + 16] = chance.choice((b"\xff" * 16, bytes(16), chance.randbytes(16)))
    return bytes(changed)


def test_two_hours_take_no_more_memory_than_two_minutes(tmp_path: Path) -> None:
    fast = {"preset": "ultrafast", "crf": "30", "g": "60"}
    short = shoot(
        tmp_path / "short.mp4", Film([Fraction(second) for second in range(120)], rate=Fraction(1), options=fast)
    )
    long = shoot(
        tmp_path / "long.mp4", Film([Fraction(second) for second in range(7200)], rate=Fraction(1), options=fast)
    )
    asked = [sys.executable, "-c", PEAK, str(short), str(long)]
    count, first, second = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()
    assert int(count) == 4 * 7200
    assert float(second) - float(first) < GROWTH_MB

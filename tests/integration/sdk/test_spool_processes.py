# SPDX-License-Identifier: Apache-2.0
"""What a spool promises where processes are killed, take over at once, fork, or have a full disk."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic

import pytest

from ovpo_sdk.transport.spool import Spool
from tests.integration.sdk.spool_child import LIMIT_BYTES, WITHOUT_END, number_of

OWNER = "owner"
KILLS = 20
SECONDS = 30
ROOT = Path(__file__).parents[3]


@contextmanager
def child(what: str, folder: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run spool_child.py until the block ends."""
    command = [sys.executable, "-m", "tests.integration.sdk.spool_child", what, str(folder), OWNER]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [*command, *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def lines_until_the_end(process: subprocess.Popen[str]) -> list[str]:
    """Read what a killed process had told; of a line it was killed in, nothing."""
    assert process.stdout is not None
    return [text.strip() for text in process.stdout.read().splitlines(keepends=True) if text.endswith("\n")]


def tell(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text + "\n")
    process.stdin.flush()


def taken_over(folder: Path) -> list[int]:
    """Take over what dead processes left, and say which chunks that were, in order, as one that delivers them."""
    spool = Spool(folder, OWNER, LIMIT_BYTES)
    spool.adopt()
    given = spool.next(*WITHOUT_END)
    assert spool.corrupt_files == 0
    spool.remove(given)
    spool.close()
    return [number_of(stored.chunk()) for stored in given]


def test_a_process_killed_at_any_moment_loses_nothing_that_was_put_and_leaves_nothing_half_written(
    tmp_path: Path,
) -> None:
    dice = random.Random(5)
    for _ in range(KILLS):
        with child("put", tmp_path, 0) as process:
            put = [int(line(process)) for _ in range(dice.randrange(1, 60))]
            process.send_signal(signal.SIGKILL)
            put += [int(text) for text in lines_until_the_end(process)]
        # The one it was at may be there: it was killed between writing it and telling so.
        found = sorted(taken_over(tmp_path))
        assert found in (put, [*put, len(put)])
        assert list((tmp_path / OWNER).iterdir()) == []


def test_two_that_take_over_at_once_get_each_chunk_once_together(tmp_path: Path) -> None:
    leave(tmp_path, processes=6, chunks=40)
    with child("adopt", tmp_path) as first, child("adopt", tmp_path) as second:
        both = (first, second)
        assert [line(one) for one in both] == ["ready", "ready"]
        for one in both:
            tell(one, "go")
        got = [int(text) for one in both for text in iter(partial(line, one), "done")]
    assert sorted(got) == list(range(240))


def test_folders_made_and_taken_over_at_the_same_time_lose_and_double_nothing(tmp_path: Path) -> None:
    with ExitStack() as running:
        several = [running.enter_context(child("churn", tmp_path, place * 150, 150)) for place in range(3)]
        assert [line(one) for one in several] == ["ready"] * 3
        for one in several:
            tell(one, "go")
        told = [lines_until_the_end(one) for one in several]
    assert [lines[-1] for lines in told] == ["done"] * 3
    got = [int(text) for lines in told for text in lines[:-1]]
    assert sorted([*got, *taken_over(tmp_path)]) == list(range(450))
    assert list((tmp_path / OWNER).iterdir()) == []


def test_what_a_process_was_killed_over_while_taking_it_over_is_there_once_for_the_next(tmp_path: Path) -> None:
    dice = random.Random(6)
    leave(tmp_path, processes=3, chunks=100)
    for _ in range(10):
        with child("adopt", tmp_path) as process:
            line(process)
            tell(process, "go")
            for _ in range(dice.randrange(3)):
                line(process)
    assert Counter(taken_over(tmp_path)) == Counter(range(300))


def test_what_a_living_process_has_is_not_taken_until_it_is_killed(tmp_path: Path) -> None:
    with child("put_small", tmp_path, 0, 3) as process:
        assert [line(process) for _ in range(3)] == ["0", "1", "2"]
        assert taken_over(tmp_path) == []
    assert taken_over(tmp_path) == [0, 1, 2]


def test_a_forked_process_has_a_folder_of_its_own_and_does_not_hold_its_parent_s(tmp_path: Path) -> None:
    with child("fork", tmp_path) as parent:
        told = {who: (int(pid), what) for who, pid, what in (line(parent).split(" ", 2) for _ in range(2))}
        forked, _ = told["child"]
        try:
            assert (told["parent"][1], told["child"][1]) == ("[1]", "[2]")
            assert taken_over(tmp_path) == []
            parent.kill()
            parent.wait()
            assert taken_over(tmp_path) == [1]
        finally:
            os.kill(forked, signal.SIGKILL)
        until = monotonic() + SECONDS
        while not (left := taken_over(tmp_path)) and monotonic() < until:
            os.sched_yield()
        assert left == [2]


@pytest.mark.parametrize("size", [200, 20_000])
def test_a_full_disk_is_an_error_that_says_what_to_do_and_costs_no_other_chunk(tmp_path: Path, size: int) -> None:
    with child("full", tmp_path, size) as process:
        told, given = line(process), line(process)
    assert "free some space" in told
    assert str(tmp_path / OWNER) in told
    assert given == "[3, 1]"
    assert list(tmp_path.rglob("*.part")) == []


def leave(folder: Path, *, processes: int, chunks: int) -> None:
    """Have processes put chunks, numbered through, and kill them."""
    for place in range(processes):
        with child("put_small", folder, place * chunks, chunks) as process:
            for _ in range(chunks):
                line(process)

# SPDX-License-Identifier: Apache-2.0
"""What a spool keeps, gives, drops and sets aside, on a real disk within one process.

Every Spool object holds a lock of its own, so several of them here are to one another what processes are; what needs
real ones (killing, forking, a full disk) is in tests/integration/sdk/test_spool_processes.py.
"""

import fcntl
import logging
import os
import resource
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from ovpo_sdk.errors import ConfigurationError
from ovpo_sdk.transport import spool_folders
from ovpo_sdk.transport.chunks import Chunk, Lane
from ovpo_sdk.transport.spool import CORRUPT, MOST_CORRUPT, Spool, SpoolError

OWNER = "a1b2c3"
BLOCK = 4096
NOBODY = 65534
ALL = (10_000, 10_000_000, 10_000)


def chunk(text: str, lane: Lane = Lane.ORDINARY, *, items: int = 1, spans: int = 0, raw_bytes: int = 10) -> Chunk:
    return Chunk(lane, text.encode(), items, spans, raw_bytes, {f"trace of {text}": items - spans})


def precious(text: str) -> Chunk:
    return chunk(text, Lane.PRECIOUS)


def spool(folder: Path, blocks: int = 1000, *, owner: str = OWNER, clock: Callable[[], int] | None = None) -> Spool:
    """Open one with room for so many small chunks."""
    return Spool(folder, owner, blocks * BLOCK, **({} if clock is None else {"clock": clock}))


def texts(one: Spool) -> list[str]:
    """Tell what is given, without removing it."""
    return [b"".join(stored.chunk().lines()).decode() for stored in one.next(*ALL)]


def dropped_texts(one: Spool, put: Chunk) -> list[str]:
    return [trace.removeprefix("trace of ") for gone in one.put(put) for trace in gone.frames_of]


def files(folder: Path, pattern: str = "*.chunk") -> list[Path]:
    return sorted(folder.rglob(pattern), key=lambda path: path.name)


def test_a_chunk_comes_back_as_it_was_put(tmp_path: Path) -> None:
    one = spool(tmp_path)
    put = Chunk(Lane.PRECIOUS, b'{"a":1}\n{"b":2}', 2, 1, 15, {"t": 1})
    assert one.put(put) == []
    [stored] = one.next(*ALL)
    assert stored.chunk() == put.squeeze()
    assert stored.chunk().lines() == [b'{"a":1}', b'{"b":2}']
    assert (one.items, one.bytes) == (2, BLOCK)


def test_what_is_given_stays_until_it_is_removed(tmp_path: Path) -> None:
    one = spool(tmp_path)
    for text in "abc":
        one.put(chunk(text))
    assert texts(one) == texts(one) == ["a", "b", "c"]
    one.remove(one.next(2, 1000, 1000))
    assert texts(one) == ["c"]
    assert (one.items, one.bytes, len(files(tmp_path))) == (1, BLOCK, 1)


def test_precious_chunks_are_given_first_and_the_oldest_first_of_each(tmp_path: Path) -> None:
    one = spool(tmp_path)
    for put in (chunk("o1"), precious("p1"), chunk("o2"), precious("p2")):
        one.put(put)
    assert texts(one) == ["p1", "p2", "o1", "o2"]


@pytest.mark.parametrize("most", [(6, 1000, 1000), (1000, 60, 1000), (1000, 1000, 4)])
def test_a_batch_takes_what_fits_by_items_bytes_and_spans(tmp_path: Path, most: tuple[int, int, int]) -> None:
    one = spool(tmp_path)
    for text in "abc":
        one.put(chunk(text, items=3, spans=2, raw_bytes=30))
    assert len(one.next(*most)) == 2


def test_a_chunk_larger_than_a_batch_is_given_alone(tmp_path: Path) -> None:
    one = spool(tmp_path)
    one.put(chunk("a", items=50))
    one.put(chunk("b"))
    assert [stored.chunk().items for stored in one.next(10, 1000, 1000)] == [50]


def test_the_oldest_ordinary_chunk_is_dropped_first_and_then_the_oldest_precious_one(tmp_path: Path) -> None:
    one = spool(tmp_path, blocks=3)
    for put in (precious("p1"), chunk("o1"), chunk("o2")):
        assert one.put(put) == []
    assert dropped_texts(one, precious("p2")) == ["o1"]
    assert dropped_texts(one, precious("p3")) == ["o2"]
    assert dropped_texts(one, precious("p4")) == ["p1"]
    assert dropped_texts(one, chunk("o3")) == ["o3"]
    assert texts(one) == ["p2", "p3", "p4"]
    assert one.bytes == 3 * BLOCK == len(files(tmp_path)) * BLOCK


def test_what_was_dropped_is_told(tmp_path: Path) -> None:
    one = spool(tmp_path, blocks=1)
    one.put(chunk("a", items=5, spans=2))
    [gone] = one.put(precious("b"))
    assert (gone.lane, gone.items, gone.spans, gone.frames, dict(gone.frames_of)) == (
        Lane.ORDINARY,
        5,
        2,
        3,
        {"trace of a": 3},
    )


def test_a_chunk_larger_than_the_limit_is_dropped_itself_and_costs_no_other(tmp_path: Path) -> None:
    one = spool(tmp_path, blocks=2)
    one.put(chunk("a"))
    large = Chunk(Lane.PRECIOUS, os.urandom(3 * BLOCK), 7, 0, 3 * BLOCK, {"t": 7})
    assert [gone.items for gone in one.put(large)] == [7]
    assert texts(one) == ["a"]


def test_the_limit_is_one_for_all_processes_and_the_oldest_goes_whoevers_it_is(tmp_path: Path) -> None:
    ticks = count(1)
    first, second = (spool(tmp_path, blocks=4, clock=lambda: next(ticks)) for _ in range(2))
    for text in ("a1", "a2", "a3"):
        first.put(chunk(text))
    assert dropped_texts(second, chunk("b1")) == []
    assert dropped_texts(second, chunk("b2")) == ["a1"]
    assert texts(first) == ["a2", "a3"]
    assert (first.missing_files, first.items) == (1, 2)
    assert texts(second) == ["b1", "b2"]


def test_chunks_that_others_dropped_take_no_room_any_more(tmp_path: Path) -> None:
    first, second = spool(tmp_path, blocks=4), spool(tmp_path, blocks=4)
    for text in ("p1", "p2", "p3"):
        first.put(precious(text))
    second.put(precious("p4"))
    assert dropped_texts(second, precious("p5")) == ["p1"]
    second.remove(second.next(*ALL))
    second.close()
    assert first.put(chunk("o1")) == first.put(chunk("o2")) == []
    assert dropped_texts(first, chunk("o3")) == ["o1"]


def test_processes_that_write_in_turn_stay_within_the_limit_together_and_lose_nothing_unsaid(tmp_path: Path) -> None:
    several = [spool(tmp_path, blocks=40) for _ in range(4)]
    dropped = 0
    for turn in range(400):
        lane = Lane.PRECIOUS if turn % 5 == 0 else Lane.ORDINARY
        dropped += sum(gone.items for gone in several[turn * 7 % 4].put(chunk(f"{turn}", lane)))
        assert len(files(tmp_path)) <= 40
        assert len(files(tmp_path)) + dropped == turn + 1


def test_a_dead_process_s_chunks_count_for_the_limit_before_anybody_takes_them_over(tmp_path: Path) -> None:
    dead = spool(tmp_path, blocks=2)
    dead.put(chunk("a"))
    dead.put(chunk("b"))
    dead.close()
    assert dropped_texts(spool(tmp_path, blocks=2), chunk("c")) == ["a"]


def test_the_next_process_takes_over_what_was_left_before_its_own(tmp_path: Path) -> None:
    dead = spool(tmp_path)
    dead.put(chunk("a", items=2))
    dead.put(precious("p"))
    dead.close()
    one = spool(tmp_path)
    one.put(chunk("b"))
    assert one.adopt() == 3
    assert texts(one) == ["p", "a", "b"]
    assert one.items == 4
    assert one.adopt() == 0
    one.remove(one.next(*ALL))
    one.close()
    assert list((tmp_path / OWNER).iterdir()) == []


def test_a_living_process_keeps_its_chunks(tmp_path: Path) -> None:
    living, other = spool(tmp_path), spool(tmp_path)
    living.put(chunk("a"))
    assert other.adopt() == 0
    assert (texts(living), texts(other)) == (["a"], [])


def test_one_of_two_adopters_gets_a_chunk(tmp_path: Path) -> None:
    dead = spool(tmp_path)
    dead.put(chunk("a"))
    dead.close()
    first, second = spool(tmp_path), spool(tmp_path)
    assert (first.adopt(), second.adopt()) == (1, 0)
    assert (texts(first), texts(second)) == (["a"], [])


def test_half_written_files_and_empty_folders_of_the_dead_are_cleared_away(tmp_path: Path) -> None:
    dead = spool(tmp_path)
    dead.put(chunk("a"))
    [path] = files(tmp_path)
    dead.close()
    path.with_suffix(".part").write_bytes(b"half")
    one = spool(tmp_path)
    assert one.adopt() == 1
    assert not path.parent.exists()
    assert files(tmp_path, "*.part") == []


def test_another_owner_s_chunks_are_not_taken_not_counted_and_not_dropped(tmp_path: Path) -> None:
    other = spool(tmp_path, blocks=2, owner="other")
    other.put(chunk("x"))
    other.put(chunk("y"))
    other.close()
    one = spool(tmp_path, blocks=2)
    assert one.adopt() == 0
    assert dropped_texts(one, chunk("a")) == dropped_texts(one, chunk("b")) == []
    assert dropped_texts(one, chunk("c")) == ["a"]
    assert spool(tmp_path, owner="other").adopt() == 2


def test_chunks_keep_their_order_when_the_clock_runs_backwards(tmp_path: Path) -> None:
    falling = count(10**18, -(10**9))
    one = spool(tmp_path, clock=lambda: next(falling))
    for number in range(20):
        one.put(chunk(f"{number}"))
    assert texts(one) == [f"{number}" for number in range(20)]
    one.close()
    later = spool(tmp_path, clock=lambda: 5)
    later.adopt()
    later.put(chunk("later"))
    assert texts(later)[-1] == "later"


def test_only_this_user_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        one = spool(tmp_path / "spool")
        one.put(chunk("a"))
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "spool").rglob("*") if path.is_file()}
    folders = [tmp_path / "spool", *(path for path in (tmp_path / "spool").rglob("*") if path.is_dir())]
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(place: int) -> Callable[[Path], None]:
    def flipped(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)

    return flipped


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def link(path: Path) -> None:
    copy = path.with_name("elsewhere")
    path.rename(copy)
    path.symlink_to(copy)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("harm", [shorten, flip(-1), flip(0), flip(15), flip(40), zero, link, pipe])
def test_a_corrupt_file_is_set_aside_and_hinders_no_other(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    one = spool(tmp_path)
    for text in "abc":
        one.put(chunk(text))
    harmed = files(tmp_path)[1]
    harm(harmed)
    assert texts(one) == ["a", "c"]
    assert (one.items, one.corrupt_files) == (2, 1)
    assert [path.name for path in files(tmp_path, "*.corrupt")] == [f"{harmed.name}.corrupt"]
    one.close()
    assert spool(tmp_path).adopt() == 2


def test_corrupt_files_are_told_once_and_kept_in_small_number(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one = spool(tmp_path)
    for number in range(MOST_CORRUPT + 5):
        one.put(chunk(f"{number}"))
    names = [path.name for path in files(tmp_path)]
    for path in files(tmp_path):
        shorten(path)
    with caplog.at_level(logging.WARNING, "ovpo_sdk"):
        assert texts(one) == []
    assert len(caplog.records) == 1
    assert one.corrupt_files == MOST_CORRUPT + 5
    assert [path.name.removesuffix(".corrupt") for path in files(tmp_path, "*.corrupt")] == names[-MOST_CORRUPT:]


def test_large_corrupt_files_are_not_kept_beyond_their_share_of_the_limit(tmp_path: Path) -> None:
    one = spool(tmp_path, blocks=64)
    for _ in range(4):
        one.put(Chunk(Lane.ORDINARY, os.urandom(7000), 1, 0, 7000, {}))
    for path in files(tmp_path):
        shorten(path)
    assert one.next(*ALL) == []
    assert one.corrupt_files == 4
    assert len(files(tmp_path, "*.corrupt")) == 2


def test_a_corrupt_chunk_that_has_to_go_is_told_by_what_its_name_says(tmp_path: Path) -> None:
    one = spool(tmp_path, blocks=1)
    one.put(chunk("a", items=5))
    zero(files(tmp_path)[0])
    assert [(gone.items, gone.frames) for gone in one.put(chunk("b"))] == [(5, 0)]


def test_links_to_process_folders_are_not_followed(tmp_path: Path) -> None:
    strange = spool(tmp_path / "strange")
    strange.put(chunk("x"))
    strange.close()
    [path] = files(tmp_path / "strange")
    (tmp_path / "spool" / OWNER).mkdir(parents=True)
    (tmp_path / "spool" / OWNER / path.parent.name).symlink_to(path.parent)
    one = spool(tmp_path / "spool", blocks=1)
    assert one.adopt() == 0
    assert one.put(chunk("a")) == []
    assert path.exists()


def test_a_link_in_place_of_the_owner_s_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / OWNER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpoolError, match="another spool folder"):
        spool(tmp_path / "spool").put(chunk("a"))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_that_was_removed_is_an_error_that_says_so_and_is_made_again(tmp_path: Path) -> None:
    one = spool(tmp_path / "spool")
    one.put(chunk("a"))
    shutil.rmtree(tmp_path / "spool")
    with pytest.raises(SpoolError, match=r"spool folder .*removed while in use"):
        one.put(chunk("b"))
    assert (one.items, one.missing_files) == (0, 1)
    assert one.put(chunk("c")) == []
    assert texts(one) == ["c"]


def test_files_that_somebody_removed_are_counted_and_not_given(tmp_path: Path) -> None:
    one = spool(tmp_path)
    for text in "ab":
        one.put(chunk(text))
    [stored, _] = one.next(*ALL)
    stored.path.unlink()
    assert texts(one) == ["b"]
    assert (one.items, one.missing_files) == (1, 1)


def test_removing_what_is_gone_already_is_no_error(tmp_path: Path) -> None:
    one = spool(tmp_path)
    one.put(chunk("a"))
    given = one.next(*ALL)
    shutil.rmtree(tmp_path / OWNER)
    one.remove(given)
    assert one.items == 0


def test_a_file_in_place_of_the_folder_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("")
    with pytest.raises(SpoolError, match="give another spool folder"):
        spool(tmp_path / "spool").put(chunk("a"))


@contextmanager
def without_rights() -> Iterator[None]:
    """Be a user who owns nothing, where this is one who may write everywhere."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was == 0:
            os.seteuid(was)


def test_a_folder_that_may_not_be_written_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool").chmod(0o500)
    with without_rights(), pytest.raises(SpoolError, match="this user may write"):
        spool(tmp_path / "spool").put(chunk("a"))


def test_a_process_that_may_open_no_more_files_sets_nothing_aside(tmp_path: Path) -> None:
    one = spool(tmp_path)
    one.put(chunk("a"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(tmp_path, os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(SpoolError, match="ulimit"):
            one.next(*ALL)
        with pytest.raises(SpoolError, match="ulimit"):
            one.put(chunk("b"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert texts(one) == ["a"]


def test_nothing_is_made_before_the_first_chunk(tmp_path: Path) -> None:
    one = spool(tmp_path / "spool")
    assert (one.adopt(), one.next(*ALL), one.items, one.bytes) == (0, [], 0, 0)
    one.close()
    assert not (tmp_path / "spool").exists()


def test_closing_leaves_what_is_not_delivered_and_may_be_repeated(tmp_path: Path) -> None:
    one = spool(tmp_path)
    one.put(chunk("a"))
    one.close()
    one.close()
    assert one.items == 0
    assert one.adopt() == 1


def test_closing_unlocks_even_where_a_forked_process_has_a_copy_of_the_lock(tmp_path: Path) -> None:
    one = spool(tmp_path)
    one.put(chunk("a"))
    assert one._home is not None
    copy = os.dup(one._home.lock)
    try:
        one.close()
        assert spool(tmp_path).adopt() == 1
    finally:
        os.close(copy)


def test_the_lock_of_a_folder_that_was_cleared_away_meanwhile_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    real = fcntl.flock

    def late(lock: int, how: int) -> None:
        shutil.rmtree(path)
        real(lock, how)

    monkeypatch.setattr(fcntl, "flock", late)
    assert spool_folders.claim(path) is None


def test_strange_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / OWNER).mkdir()
    (tmp_path / OWNER / "notes.txt").write_text("mine")
    (tmp_path / OWNER / CORRUPT).mkdir()
    one = spool(tmp_path, blocks=1)
    one.put(chunk("a"))
    (files(tmp_path)[0].parent / "notes.txt").write_text("mine")
    one.close()
    assert spool(tmp_path).adopt() == 1
    assert len(files(tmp_path, "notes.txt")) == 2


@pytest.mark.parametrize("owner", ["", "..", "a/b", "a.b"])
def test_an_owner_that_is_no_plain_name_is_refused(tmp_path: Path, owner: str) -> None:
    with pytest.raises(ConfigurationError, match="owner"):
        spool(tmp_path, owner=owner)


def test_a_limit_without_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="spool_bytes"):
        spool(tmp_path, blocks=0)

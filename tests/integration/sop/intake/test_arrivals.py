# SPDX-License-Identifier: Apache-2.0
"""A look into the inbox: the ledger gets everything once, whatever lies there."""

import os
import threading

import pytest

from ovpo.foundation.ledger.items import State
from ovpo.foundation.settings.faults import SettingsError
from ovpo.sop.intake.arrivals import Discovered, discover
from ovpo.sop.intake.registering import register
from ovpo.sop.working import INTAKE, Worked
from tests.integration.sop.intake.conftest import Bench


def test_what_settled_is_entered_once_with_its_path_and_the_hour(bench: Bench) -> None:
    bench.lay("coffee/gold/a.mp4", b"one")
    bench.lay("coffee--b_trainee.mp4", b"two")
    assert discover(bench.place, bench.inbox) == Discovered(registered=2)
    assert discover(bench.place, bench.inbox) == Discovered(known=2)
    items = bench.items(INTAKE)
    assert [(item.subject, item.tenant_id, item.state) for item in items] == [
        ("coffee--b_trainee.mp4", "demo", State.QUEUED),
        ("coffee/gold/a.mp4", "demo", State.QUEUED),
    ]
    assert {item.window_start for item in items} == {bench.hours.first}


def test_a_growing_file_is_left_and_entered_once_when_it_is_whole(bench: Bench) -> None:
    file = bench.lay("coffee/gold/a.mp4", b"half")
    growing = bench.run("r", settle_seconds=3600.0)
    assert discover(growing.place, growing.inbox) == Discovered(growing=1)
    with file.open("ab") as copying:
        copying.write(b" and the rest")
    assert discover(growing.place, growing.inbox) == Discovered(growing=1)
    assert discover(bench.place, bench.inbox) == Discovered(registered=1)
    assert len(bench.items(INTAKE)) == 1


def test_ten_thousand_files_are_one_look_and_one_window(bench: Bench) -> None:
    (bench.root / "coffee/trainee").mkdir(parents=True)
    for number in range(10_001):
        (bench.root / f"coffee/trainee/{number}.mp4").touch()
        os.truncate(bench.root / f"coffee/trainee/{number}.mp4", 1)
    assert discover(bench.place, bench.inbox) == Discovered(registered=10_000)
    with bench.place.transaction() as connection:
        counted = connection.execute(
            "SELECT count(*), count(DISTINCT digest), count(DISTINCT window_start) FROM ledger_items"
            " WHERE lane = %s AND window_start = %s",
            (INTAKE, bench.hours.first),
        ).fetchone()
        revision = connection.execute(
            "SELECT revision FROM ledger_windows WHERE lane = %s AND window_start = %s", (INTAKE, bench.hours.first)
        ).fetchone()
    assert counted == (10_000, 10_000, 1)
    assert revision == (1,)


def test_looks_at_the_same_time_enter_everything_once(bench: Bench) -> None:
    for number in range(50):
        bench.lay(f"coffee/gold/{number}.mp4", b"x")
    barrier, seen = threading.Barrier(4), list[Discovered]()

    def look() -> None:
        barrier.wait()
        seen.append(discover(bench.place, bench.inbox))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.registered for one in seen) == 50
    assert len(bench.items(INTAKE)) == 50


def test_what_is_no_plain_file_goes_to_failed_with_the_reason_and_not_into_the_ledger(bench: Bench) -> None:
    (bench.root / "link_gold.mp4").symlink_to("/etc/passwd")
    bench.lay("empty_gold.mp4", b"")
    assert discover(bench.place, bench.inbox) == Discovered(refused=2)
    assert bench.items(INTAKE) == []
    assert (bench.root / "failed/link_gold.mp4").is_symlink()
    assert b'"reason_code": "link"' in (bench.root / "failed/link_gold.mp4.json").read_bytes()
    assert b'"reason_code": "empty"' in (bench.root / "failed/empty_gold.mp4.json").read_bytes()


def test_a_file_that_is_gone_or_renamed_when_its_turn_comes_is_canceled_and_the_new_name_is_another_arrival(
    bench: Bench,
) -> None:
    bench.lay("coffee/gold/removed.mp4", b"one").stat()
    renamed = bench.lay("coffee/gold/renamed.mp4", b"two")
    discover(bench.place, bench.inbox)
    (bench.root / "coffee/gold/removed.mp4").unlink()
    renamed.rename(bench.root / "coffee/gold/new.mp4")
    assert register(bench.place, bench.inbox, bench.hours) == Worked(canceled=2)
    assert {item.reason for item in bench.items(INTAKE)} == {
        "the file is not there any more, or was changed; what took its place is taken in by itself"
    }
    assert discover(bench.place, bench.inbox) == Discovered(registered=1)
    assert bench.kept == set()


def test_a_pattern_that_cannot_be_used_stops_the_look_before_any_file_is_refused(bench: Bench) -> None:
    bench.lay("coffee/gold/a.mp4", b"one")
    wrong = bench.run("r", name_pattern="(")
    with pytest.raises(SettingsError, match="OVPO_SOP__NAME_PATTERN"):
        discover(wrong.place, wrong.inbox)
    with pytest.raises(SettingsError, match="OVPO_SOP__NAME_PATTERN"):
        register(wrong.place, wrong.inbox, wrong.hours)
    assert (bench.root / "coffee/gold/a.mp4").exists()

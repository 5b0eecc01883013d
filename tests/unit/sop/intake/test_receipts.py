# SPDX-License-Identifier: Apache-2.0
import os
from datetime import UTC, datetime

import pytest

from ovpo.sop.intake import receipts
from ovpo.sop.intake.errors import IntakeError
from ovpo.sop.intake.found import Found, is_passed_over, name_fault, video_id_of

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "name",
    ["a.mp4.part", "A.TMP", "a.crdownload", ".a.mp4", "a.mp4.json", "~$a.mp4", "a.mp4~", "Thumbs.db", ".x\ny.mp4"],
)
def test_hidden_unfinished_files_and_receipts_are_passed_over(name: str) -> None:
    assert is_passed_over(name)


@pytest.mark.parametrize("name", ["a.mp4", "part", "a.part.mp4", "json", "a.tmp2", "processed.mp4", "a"])
def test_everything_else_is_looked_at(name: str) -> None:
    assert not is_passed_over(name)


@pytest.mark.parametrize("path", ["a\nb.mp4", "a\x1b[2J.mp4", os.fsdecode(b"caf\xe9.mp4"), "x/" * 2500 + "a.mp4"])
def test_names_that_cannot_go_on_record_are_refused(path: str) -> None:
    fault = name_fault(path)
    assert fault is not None
    assert fault.code == "bad_name"


def test_an_arrival_is_another_one_if_path_size_or_time_differ() -> None:
    finds = [
        Found("a", 1, 2),
        Found("b", 1, 2),
        Found("a", 2, 2),
        Found("a", 1, 3),
        Found("a|1", 2, 2),
        Found(os.fsdecode(b"caf\xe9.mp4"), 1, 2),
    ]
    assert len({found.digest for found in finds}) == len(finds)
    assert Found("a", 1, 2, "tag", IntakeError("x", "y")).digest == finds[0].digest


def test_a_video_is_named_by_its_arrival_and_tenant() -> None:
    assert video_id_of("demo", "d") == video_id_of("demo", "d")
    assert len({video_id_of("demo", "d"), video_id_of("demo", "e"), video_id_of("other", "d")}) == 3


@pytest.mark.parametrize("name", ["a.mp4", "a", ".x", "ä" * 125 + ".mp4", "x" * 255, "y." + "z" * 253])
def test_names_beside_a_receipt_fit_and_the_second_pair_is_another(name: str) -> None:
    (file, slip), (marked, marked_slip) = receipts.places(Found(f"t/{name}", 1, 2))
    assert file == name
    assert marked_slip == f"{marked}.json"
    assert all(len(one.encode()) <= 255 for one in (slip, marked, marked_slip))
    assert len({file, marked, slip}) == len({file, marked, marked_slip}) == 3
    assert is_passed_over(slip)


def test_the_suffix_stays_at_the_end_of_a_marked_name() -> None:
    found = Found("t/a.mp4", 1, 2)
    assert list(receipts.places(found))[1][0] == f"a~{found.digest[:8]}.mp4"


def test_a_receipt_tells_whose_it_is_and_names_no_file() -> None:
    found = Found("coffee/gold/Anna.mp4", 1, 2)
    written = receipts.encoded(receipts.refusal(found, IntakeError("empty", "the file is empty"), NOW))
    assert receipts.arrival_of(written) == found.digest
    assert b"Anna" not in written
    assert receipts.arrival_of(b"{}") is None
    assert receipts.arrival_of(b"\xff") is None

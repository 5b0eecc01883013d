# SPDX-License-Identifier: Apache-2.0
"""The walk along a chain, over chains made in memory: any chain holds, and any single bend of it is found."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from ovpo.governance.audit.events import Actor, EventType
from ovpo.governance.audit.record import GENESIS, Head, Record, chained
from ovpo.governance.audit.walk import Claim, Kind, walk

NOON = datetime(2026, 11, 21, 12, 0, 0, 7, tzinfo=UTC)
ACTOR = Actor("key:abcd1234", "127.0.0.1", {"request_id": "0f0f"})


def records(count: int) -> list[Record]:
    entries = [ACTOR.entry(EventType.TRACE_ACCESS, "trace", f"trace-{number}", at=number) for number in range(count)]
    ids = [UUID(int=number, version=4) for number in range(count)]
    return chained(Head(0, GENESIS, NOON), "demo", entries, ids)


def claim_of(record: Record) -> Claim:
    return Claim(record.seq, record.record_hash, "its head")


def test_a_chain_that_was_made_in_pieces_is_one_chain() -> None:
    whole = records(3)
    head = Head(3, whole[-1].record_hash, NOON + timedelta(seconds=1))
    whole += chained(head, "demo", [ACTOR.entry(EventType.USER_LOGIN, "user", "x")], [UUID(int=9, version=4)])
    walked = walk(whole, [claim_of(whole[-1])])
    assert (walked.records, walked.last_seq, walked.fault) == (4, 4, None)


def test_the_hash_of_a_record_is_what_the_contract_says_it_is() -> None:
    (record,) = records(1)
    text = (
        '{"actor_id":"key:abcd1234","actor_ip":"127.0.0.1","audit_id":"00000000-0000-4000-8000-000000000000",'
        '"event_type":"TRACE_ACCESS","metadata":{"at":0,"request_id":"0f0f"},"previous_hash":"' + "0" * 64 + '",'
        '"resource_id":"trace-0","resource_type":"trace","seq":1,"tenant_id":"demo",'
        '"timestamp":"2026-11-21T12:00:00.000007Z"}'
    )
    assert record.record_hash == sha256(text.encode()).hexdigest()


@given(count=st.integers(2, 12), data=st.data())
def test_a_record_that_is_taken_out_is_missing(count: int, data: st.DataObject) -> None:
    whole = records(count)
    taken = data.draw(st.integers(0, count - 1))
    fault = walk([*whole[:taken], *whole[taken + 1 :]], [claim_of(whole[-1])]).fault
    assert fault is not None
    last = taken == count - 1
    assert (fault.kind, fault.seq) == ((Kind.CUT, count) if last else (Kind.MISSING, taken + 2))


@given(count=st.integers(2, 12), data=st.data())
def test_two_records_whose_numbers_were_exchanged_are_found_at_the_first(count: int, data: st.DataObject) -> None:
    whole = records(count)
    one, other = sorted(data.draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True)))
    whole[one], whole[other] = replace(whole[other], seq=one + 1), replace(whole[one], seq=other + 1)
    fault = walk(whole, [claim_of(whole[-1])]).fault
    assert fault is not None
    assert (fault.kind, fault.seq) == (Kind.MOVED, one + 1)
    assert f"is record {other + 1} put" in fault.said


@given(
    count=st.integers(1, 8),
    data=st.data(),
    change=st.sampled_from(
        [
            {"actor_id": "x"},
            {"actor_ip": None},
            {"event_type": "X"},
            {"tenant_id": "other"},
            {"resource_type": "x"},
            {"resource_id": "x"},
            {"timestamp": NOON - timedelta(microseconds=1)},
            {"metadata": '{"at": 0,"request_id":"0f0f"}'},
            {"audit_id": UUID(int=77, version=4)},
            {"previous_hash": "1" * 64},
            {"record_hash": "1" * 64},
        ]
    ),
)
def test_any_changed_field_is_found_at_its_record(count: int, data: st.DataObject, change: dict[str, object]) -> None:
    whole = records(count)
    place = data.draw(st.integers(0, count - 1))
    end = claim_of(whole[-1])
    whole[place] = replace(whole[place], **change)  # type: ignore[arg-type]
    fault = walk(whole, [end]).fault
    assert fault is not None
    assert (fault.kind, fault.seq, fault.audit_id) == (Kind.CHANGED, place + 1, whole[place].audit_id)


def test_a_record_before_the_one_before_it_in_time_is_found_though_its_hash_is_right() -> None:
    (first,) = records(1)
    head = Head(1, first.record_hash, NOON - timedelta(seconds=1))
    earlier = chained(head, "demo", [ACTOR.entry(EventType.USER_LOGIN, "user", "x")], [UUID(int=9, version=4)])
    fault = walk([first, *earlier], []).fault
    assert fault is not None
    assert (fault.kind, fault.seq) == (Kind.TURNED_BACK, 2)


def test_a_piece_is_walked_from_its_first_record_on_trust_and_no_further() -> None:
    piece = records(6)[3:]
    assert walk(piece, [], None, None).fault is None
    assert walk(piece, [], 4, GENESIS).fault is not None
    assert walk([piece[0], piece[2]], [], None, None).fault is not None
    assert walk([], [], None, None).fault is None


def test_a_walk_takes_records_as_they_come() -> None:
    def passing() -> Iterator[Record]:
        head, seq = Head(0, GENESIS, NOON), 0
        while seq < 3_000:
            (record,) = chained(head, "demo", [ACTOR.entry(EventType.USER_LOGIN, "user", "x")], [UUID(int=seq)])
            seq, head = record.seq, Head(record.seq, record.record_hash, NOON)
            yield record

    assert walk(passing(), []).records == 3_000

# SPDX-License-Identifier: Apache-2.0
"""Each way to bend a chain, done by somebody who owns the database and turned the triggers off, is found and named."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ovpo.foundation.settings.tree import Settings
from ovpo.governance.audit import verifying
from ovpo.governance.audit.keys import Keys
from ovpo.governance.audit.record import hash_of
from ovpo.governance.audit.seal import object_key
from tests.integration.governance.chains import Chain

DAY = timedelta(days=1)


@pytest.fixture
def chain(settings: Settings) -> Chain:
    made = Chain.new(settings)
    made.append(10)
    return made


def test_a_chain_that_nobody_touched_is_sound(chain: Chain) -> None:
    chain.seal()
    verdict = chain.verify()
    assert (verdict.faults, verdict.records, verdict.last_seq, verdict.seals) == ([], 10, 10, 1)


def test_a_chain_that_has_no_records_is_sound(settings: Settings) -> None:
    assert Chain.new(settings).verify().is_sound


@pytest.mark.parametrize(
    "change",
    [
        "actor_id = 'key:somebody'",
        "actor_ip = NULL",
        "event_type = 'TRACE_QUERY'",
        "resource_type = 'span'",
        "resource_id = 'another'",
        "metadata = '{}'",
        "metadata = replace(metadata::text, ',', ', ')::json",
        "audit_id = gen_random_uuid()",
        '"timestamp" = "timestamp" + interval \'1 microsecond\'',
        "record_hash = sha256('x')",
        "previous_hash = sha256('x')",
    ],
)
def test_a_changed_field_is_found_at_its_record(chain: Chain, change: str) -> None:
    assert chain.tamper(f"UPDATE audit_log SET {change} WHERE tenant_id = %s AND seq = 5", chain.tenant) == 1
    (fault,) = chain.verify().faults
    assert (fault.kind, fault.seq) == ("changed", 5)
    assert fault.audit_id == chain.records()[4].audit_id


def test_a_deleted_record_is_found_as_a_gap(chain: Chain) -> None:
    chain.tamper("DELETE FROM audit_log WHERE tenant_id = %s AND seq IN (4, 5)", chain.tenant)
    (fault,) = chain.verify().faults
    assert (fault.kind, fault.seq) == ("missing", 6)
    assert "records 4 to 5 are missing" in fault.said


def test_deleted_first_records_are_found_as_a_gap(chain: Chain) -> None:
    chain.tamper("DELETE FROM audit_log WHERE tenant_id = %s AND seq < 3", chain.tenant)
    assert chain.kinds() == [("missing", 3)]


@pytest.mark.parametrize(("one", "other"), [(4, 5), (2, 9)])
def test_swapped_records_are_found_and_called_so(chain: Chain, one: int, other: int) -> None:
    for place, elsewhere in ((one, other + 1000), (other, one + 1000)):
        chain.tamper("UPDATE audit_log SET seq = %s WHERE tenant_id = %s AND seq = %s", elsewhere, chain.tenant, place)
    chain.tamper("UPDATE audit_log SET seq = seq - 1000 WHERE tenant_id = %s AND seq > 1000", chain.tenant)
    (fault,) = chain.verify().faults
    assert (fault.kind, fault.seq) == ("moved", one)
    assert f"is record {other} put in another's place" in fault.said


def test_a_record_written_anew_with_a_right_hash_is_found_at_the_next(chain: Chain) -> None:
    forged = replace(chain.records()[4], actor_id="key:somebody")
    chain.tamper(
        "UPDATE audit_log SET actor_id = %s, record_hash = decode(%s, 'hex') WHERE tenant_id = %s AND seq = 5",
        forged.actor_id,
        hash_of(forged),
        chain.tenant,
    )
    assert chain.kinds() == [("unlinked", 6)]


def test_a_record_that_was_slipped_in_twice_is_found(chain: Chain) -> None:
    chain.tamper(
        "INSERT INTO audit_log SELECT gen_random_uuid(), seq, event_type, actor_id, actor_ip, tenant_id, "
        "resource_type, resource_id, \"timestamp\" + interval '1 microsecond', metadata, previous_hash, record_hash "
        "FROM audit_log WHERE tenant_id = %s AND seq = 5",
        chain.tenant,
    )
    assert chain.kinds()[0] in {("repeated", 5), ("changed", 5)}


def test_a_cut_tail_is_found_by_the_head(chain: Chain) -> None:
    chain.tamper("DELETE FROM audit_log WHERE tenant_id = %s AND seq > 7", chain.tenant)
    (fault,) = chain.verify().faults
    assert (fault.kind, fault.seq) == ("cut", 8)
    assert "its head stands at 10: records 8 to 10 are cut off" in fault.said


def cut_with_head(chain: Chain, last: int) -> None:
    chain.tamper("DELETE FROM audit_log WHERE tenant_id = %s AND seq > %s", chain.tenant, last)
    chain.tamper(
        "UPDATE audit_heads AS h SET seq = l.seq, record_hash = l.record_hash FROM audit_log AS l "
        "WHERE h.tenant_id = %s AND l.tenant_id = h.tenant_id AND l.seq = %s",
        chain.tenant,
        last,
    )


def test_a_tail_that_was_cut_together_with_its_head_is_found_by_the_seal(chain: Chain) -> None:
    chain.seal()
    cut_with_head(chain, 7)
    (fault,) = chain.verify().faults
    assert (fault.kind, fault.seq) == ("cut", 8)
    assert "the seal of" in fault.said


def test_a_tail_that_was_cut_with_head_and_seals_is_found_by_the_object_store(chain: Chain) -> None:
    chain.seal()
    cut_with_head(chain, 7)
    chain.tamper("DELETE FROM audit_seals WHERE tenant_id = %s", chain.tenant)
    first, *others = chain.verify().faults
    assert (first.kind, first.seq) == ("cut", 8)
    assert "in the object store" in first.said
    assert ["that the database does not have" in fault.said for fault in others] == [True]


def test_a_whole_chain_that_vanished_is_found_by_the_object_store(chain: Chain) -> None:
    chain.seal()
    for table in ("audit_log", "audit_heads", "audit_seals"):
        chain.tamper(f"DELETE FROM {table} WHERE tenant_id = %s", chain.tenant)
    with chain.connection() as connection:
        assert chain.tenant in verifying.tenants(connection, chain.objects)
    first, *_ = chain.verify().faults
    assert (first.kind, first.said.split(",")[0]) == ("cut", "the chain has no records")


def test_a_head_that_was_put_back_or_deleted_is_found(chain: Chain) -> None:
    chain.tamper("UPDATE audit_heads SET seq = 7 WHERE tenant_id = %s", chain.tenant)
    assert chain.kinds() == [("rewritten", 7)]
    cut_with_head(chain, 10)
    chain.tamper(
        "UPDATE audit_heads AS h SET seq = l.seq, record_hash = l.record_hash FROM audit_log AS l "
        "WHERE h.tenant_id = %s AND l.tenant_id = h.tenant_id AND l.seq = 7",
        chain.tenant,
    )
    assert chain.kinds() == [("head", 8)]
    chain.tamper("DELETE FROM audit_heads WHERE tenant_id = %s", chain.tenant)
    assert chain.kinds() == [("head", 10)]


def test_a_chain_that_was_written_anew_from_a_record_on_is_found_by_a_seal(chain: Chain) -> None:
    chain.rewrite(5, lambda record: replace(record, actor_id="key:somebody"))
    assert chain.verify().is_sound, "without a seal there is nothing that could tell"
    again = Chain.new(chain.settings)
    again.append(10)
    again.seal()
    again.rewrite(5, lambda record: replace(record, actor_id="key:somebody"))
    (fault,) = again.verify().faults
    assert (fault.kind, fault.seq) == ("rewritten", 10)


def test_a_seal_that_was_changed_or_made_without_the_key_is_found_and_not_believed(chain: Chain) -> None:
    chain.seal()
    chain.tamper("UPDATE audit_seals SET seq = 99 WHERE tenant_id = %s", chain.tenant)
    (first, *others) = chain.verify().faults
    assert (first.kind, "has a false signature" in first.said) == ("seal", True)
    assert all(fault.kind == "seal" for fault in others)


def test_seals_that_one_of_the_stores_lost_are_found(chain: Chain) -> None:
    chain.seal(2 * DAY)
    chain.append()
    chain.seal()
    assert chain.verify().is_sound
    yesterday = (datetime.now(UTC) - 2 * DAY).date()
    chain.objects.delete(object_key(chain.tenant, yesterday))
    (fault,) = chain.verify().faults
    assert (fault.kind, f"no {object_key(chain.tenant, yesterday)}" in fault.said) == ("seal", True)
    chain.tamper("DELETE FROM audit_seals WHERE tenant_id = %s", chain.tenant)
    (fault,) = chain.verify().faults
    assert "that the database does not have" in fault.said


def test_a_damaged_seal_in_the_object_store_is_named(chain: Chain) -> None:
    (seal,) = chain.seal().seals
    chain.objects.put(object_key(chain.tenant, seal.day), b"{}")
    (fault,) = chain.verify().faults
    assert f"{object_key(chain.tenant, seal.day)} is no seal" in fault.said


def test_a_seal_of_a_key_that_is_not_at_hand_is_a_fault_until_it_is(chain: Chain) -> None:
    chain.seal()
    other = Keys("ovpo-2", {"ovpo-2": b"another"})
    (fault,) = chain.verify(keys=other).faults
    assert "signed with the key ovpo-1, which is not at hand; add it to OVPO_AUDIT__FORMER_KEYS" in fault.said
    both = Keys("ovpo-2", {**chain.keys.secrets, **other.secrets})
    assert chain.verify(keys=both).is_sound


def test_the_daily_look_sees_what_happened_since_the_last_one_and_the_whole_one_all(chain: Chain) -> None:
    chain.seal(5 * DAY)
    chain.seal(3 * DAY)
    chain.append(5)
    chain.seal()
    recent = chain.verify(recent=True)
    assert (recent.faults, recent.first_seq, recent.last_seq, recent.seals) == ([], 10, 15, 2)
    chain.tamper("UPDATE audit_log SET actor_id = 'x' WHERE tenant_id = %s AND seq = 3", chain.tenant)
    assert chain.kinds(recent=True) == []
    assert chain.kinds() == [("changed", 3)]
    chain.tamper("UPDATE audit_log SET actor_id = 'x' WHERE tenant_id = %s AND seq = 12", chain.tenant)
    assert chain.kinds(recent=True) == [("changed", 12)]


def test_a_forged_seal_cannot_make_the_daily_look_skip_records(chain: Chain) -> None:
    chain.seal(3 * DAY)
    chain.append(5)
    chain.seal()
    chain.tamper("UPDATE audit_log SET actor_id = 'x' WHERE tenant_id = %s AND seq = 12", chain.tenant)
    chain.tamper(
        "INSERT INTO audit_seals SELECT tenant_id, sealed_at + interval '2 days', 1, record_hash, key_id, signature "
        "FROM audit_seals WHERE tenant_id = %s AND seq = 15",
        chain.tenant,
    )
    assert ("seal", 1) in chain.kinds(recent=True)

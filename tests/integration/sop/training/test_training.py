# SPDX-License-Identifier: Apache-2.0
"""Trainings from golds to a champion, on the real database: who is trained for, on what, and what is decided."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import msgspec
import numpy as np
import pytest

from ovpo.foundation.ledger.items import State
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.quality import validate
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.sop.records import keys
from ovpo.sop.records.rows import AdapterState
from ovpo.sop.training import adapter_objects
from ovpo.sop.training.asking import Training, ask, find
from ovpo.sop.training.table import (
    CANDIDATES,
    DECISIONS,
    EVALUATIONS,
    candidates_table,
    decisions_table,
    evaluations_table,
    unsound,
)
from ovpo.sop.training.training import train
from ovpo.sop.training.training_set import TRAINING_SET, golds, new_by_tenant, training_set
from ovpo.sop.working import Worked, Workplace
from tests.integration.sop.training.conftest import DAY, HOUR, NOW, OTHER, TENANT, WHOLE_DAY, Shelf, at
from tests.unit.sop.training.takes import deaf, fitted, take
from tests.unit.sop.training.takes import golds as some_golds

TOMORROW = NOW + timedelta(days=1)


def asked(place: Workplace, tenant: str = TENANT) -> UUID:
    with place.transaction() as connection:
        return ask(connection, tenant, "key:abcd1234", NOW).item_id


def answer(place: Workplace, item_id: UUID, tenant: str = TENANT) -> Training:
    with place.transaction() as connection:
        found = find(connection, tenant, item_id)
    assert found is not None
    return found


def new(place: Workplace) -> dict[str, int]:
    with place.transaction() as connection:
        return new_by_tenant(golds(connection, TOMORROW))


def test_the_first_training_of_a_tenant_makes_a_champion_of_all_its_golds(place: Workplace, shelf: Shelf) -> None:
    for task, number in (("a", 0), ("a", 1), ("b", 0)):
        shelf.gold(task, number)
    item_id = asked(place)
    assert train(place, WHOLE_DAY) == Worked(finished=1)
    (made,) = shelf.adapters()
    assert made == shelf.champion()
    assert made.trained_on == tuple(sorted(take(*one).sidecar.video.sha256 for one in (("a", 0), ("a", 1), ("b", 0))))
    told = answer(place, item_id)
    assert (told.item.state, told.item.result, told.adapter) == (State.FINISHED, made.adapter, made)
    loaded = adapter_objects.load(place.objects, made.key)
    assert loaded.record.name == made.adapter
    assert (loaded.std > 0).all()
    assert np.isfinite(loaded.mean).all()


def test_trainees_are_never_in_the_training_set(place: Workplace, shelf: Shelf) -> None:
    gold = shelf.gold("a", 0)
    shelf.trainee("a", 1)
    shelf.trainee("b", 2)
    asked(place)
    train(place, WHOLE_DAY)
    assert training_set(place, DAY)["video_id"].to_list() == [str(gold)]
    made = shelf.champion()
    assert made is not None
    assert made.trained_on == (take("a", 0).sidecar.video.sha256,)


def test_neither_are_golds_that_are_deleted_or_quarantined_or_not_embedded_or_embedded_later(
    place: Workplace, shelf: Shelf
) -> None:
    kept, deleted, quarantined = (shelf.gold("a", number) for number in range(3))
    shelf.video(take("a", 3), "gold", "a", made=False)
    shelf.gold("a", 4, hour=24)
    shelf.do("UPDATE sop_videos SET state = 'deleted' WHERE video_id = %s", (deleted,))
    shelf.do("UPDATE sop_videos SET state = 'quarantined', reason = 'dark' WHERE video_id = %s", (quarantined,))
    assert training_set(place, DAY)["video_id"].to_list() == [str(kept)]


def test_the_training_set_is_as_its_suite_says(place: Workplace, shelf: Shelf) -> None:
    shelf.gold("a", 0)
    shelf.gold("a", 0, tenant=OTHER)
    table = training_set(place, DAY)
    assert validate(table, TRAINING_SET).is_empty()
    assert table["tenant_id"].to_list() == [TENANT, OTHER]
    assert table["new"].all()


def test_golds_of_another_maker_are_not_learnt_from(place: Workplace, shelf: Shelf) -> None:
    shelf.gold("a", 0)
    shelf.do("INSERT INTO sop_makers VALUES (%s, %s)", ("f" * 16, NOW))
    item_id = asked(place)
    train(place, WHOLE_DAY)
    assert shelf.adapters() == []
    assert answer(place, item_id).item.reason == "no gold video is embedded yet"


def test_without_a_new_gold_there_is_no_candidate_and_the_reason_is_said(place: Workplace, shelf: Shelf) -> None:
    shelf.gold("a", 0)
    shelf.gold("a", 1)
    asked(place)
    train(place, WHOLE_DAY)
    again = asked(place)
    assert train(at(place, "run-2", NOW + HOUR), WHOLE_DAY) == Worked(finished=1)
    assert len(shelf.adapters()) == 1
    assert answer(place, again).item.reason == "none of 2 gold videos is new since the last training"


def test_a_day_that_is_run_twice_is_trained_once(place: Workplace, shelf: Shelf) -> None:
    for number in range(3):
        shelf.gold("a", number)
    assert train(place, WHOLE_DAY) == Worked(finished=1)
    assert train(at(place, "run-2", NOW + HOUR), WHOLE_DAY) == Worked()
    assert len(shelf.adapters()) == 1


def test_who_has_enough_new_golds_need_not_ask_and_who_has_not_is_left_out(place: Workplace, shelf: Shelf) -> None:
    least = place.settings.sop.least_new_golds
    for number in range(least):
        shelf.gold("a", number)
    for number in range(least - 1):
        shelf.gold("a", number, tenant=OTHER)
    assert new(place) == {TENANT: least, OTHER: least - 1}
    assert train(place, WHOLE_DAY) == Worked(finished=1)
    assert shelf.champion() is not None
    assert shelf.champion(OTHER) is None
    assert new(place) == {TENANT: 0, OTHER: least - 1}


def test_who_asked_and_has_enough_new_golds_is_trained_for_once(place: Workplace, shelf: Shelf) -> None:
    for number in range(place.settings.sop.least_new_golds):
        shelf.gold("a", number)
    asked(place)
    assert train(place, WHOLE_DAY) == Worked(finished=1)


def test_each_tenant_learns_from_its_own_golds(place: Workplace, shelf: Shelf) -> None:
    shelf.gold("a", 0)
    shelf.gold("b", 1, tenant=OTHER)
    asked(place)
    asked(place, OTHER)
    assert train(place, WHOLE_DAY) == Worked(finished=2)
    ours, theirs = shelf.champion(), shelf.champion(OTHER)
    assert ours is not None
    assert theirs is not None
    assert set(ours.trained_on).isdisjoint(theirs.trained_on)
    assert theirs.key.startswith(f"{keys.of_tenant(OTHER)}/")


def test_a_candidate_that_is_no_worse_takes_the_place_of_the_champion(place: Workplace, shelf: Shelf) -> None:
    for task in ("a", "b"):
        shelf.gold(task, 0)
        shelf.gold(task, 1)
    asked(place)
    train(place, WHOLE_DAY)
    former = shelf.champion()
    shelf.gold("c", 0)
    asked(place)
    train(at(place, "run-2", NOW + HOUR), WHOLE_DAY)
    champion = shelf.champion()
    assert champion is not None
    assert former is not None
    assert champion.adapter != former.adapter
    assert len(champion.trained_on) == 5
    assert [one.state for one in shelf.adapters()] == [AdapterState.CHAMPION, AdapterState.RETIRED]
    assert shelf.adapters()[1].reason == f"succeeded by {champion.adapter}"
    assert champion.evaluation is not None
    assert champion.evaluation["champion_adapter"] == former.adapter


def test_a_worse_candidate_is_rejected_and_not_made_again_from_the_same_golds(place: Workplace, shelf: Shelf) -> None:
    champion = champion_that_hears_better(place, shelf)
    for task in ("a", "b"):
        for number in range(2):
            shelf.gold(task, number)
    item_id = asked(place)
    train(place, WHOLE_DAY)
    (rejected,) = [one for one in shelf.adapters() if one.state is AdapterState.REJECTED]
    still = shelf.champion()
    assert still is not None
    assert still.adapter == champion
    assert rejected.reason is not None
    assert "worse" in rejected.reason
    assert answer(place, item_id).adapter == rejected
    assert rejected.evaluation is not None
    assert rejected.evaluation["candidate"]["auc"] < rejected.evaluation["champion"]["auc"]
    assert new(place) == {TENANT: 0}
    asked(place)
    train(at(place, "run-2", NOW + HOUR), WHOLE_DAY)
    assert len(shelf.adapters()) == 2


def test_a_champion_whose_file_is_gone_gives_way_to_a_sound_candidate(place: Workplace, shelf: Shelf) -> None:
    lost = shelf.adapter("b", "champion")
    shelf.gold("a", 0)
    asked(place)
    train(place, WHOLE_DAY)
    champion = shelf.champion()
    assert champion is not None
    assert champion.adapter != lost
    assert champion.reason is not None
    assert "cannot be used: missing" in champion.reason


def test_a_training_that_died_before_its_file_was_kept_is_taken_up_under_the_same_name(
    place: Workplace, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.gold("a", 0)
    item_id = asked(place)
    die_before_saving(monkeypatch)
    with pytest.raises(StoreUnavailableError):
        train(place, WHOLE_DAY)
    (left,) = shelf.adapters()
    assert left.state is AdapterState.CANDIDATE
    monkeypatch.undo()
    give_back(place)
    train(at(place, "run-2", NOW + HOUR), WHOLE_DAY)
    (made,) = shelf.adapters()
    assert (made.adapter, made.state) == (left.adapter, AdapterState.CHAMPION)
    assert adapter_objects.load(place.objects, made.key).record.name == left.adapter
    assert answer(place, item_id).item.result == left.adapter


def test_a_candidate_that_a_dead_training_left_is_given_up_where_the_golds_are_others_now(
    place: Workplace, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.gold("a", 0)
    asked(place)
    die_before_saving(monkeypatch)
    with pytest.raises(StoreUnavailableError):
        train(place, WHOLE_DAY)
    (left,) = shelf.adapters()
    monkeypatch.undo()
    give_back(place)
    shelf.gold("a", 1)
    train(at(place, "run-2", NOW + HOUR), WHOLE_DAY)
    states = {one.adapter: one.state for one in shelf.adapters()}
    assert states.pop(left.adapter) is AdapterState.REJECTED
    assert list(states.values()) == [AdapterState.CHAMPION]


def test_who_asks_while_one_training_waits_shares_it(place: Workplace) -> None:
    assert asked(place) == asked(place)
    assert asked(place, OTHER) != asked(place)


def test_nobody_sees_what_another_tenant_asked_for(place: Workplace) -> None:
    item_id = asked(place)
    with place.transaction() as connection:
        assert find(connection, OTHER, item_id) is None


def test_the_tables_of_a_day_are_as_their_suites_say_and_name_what_is_unsound(place: Workplace, shelf: Shelf) -> None:
    for task in ("a", "b"):
        shelf.gold(task, 0)
        shelf.gold(task, 1)
    asked(place)
    train(place, WHOLE_DAY)
    for table, suite in (
        (candidates_table(place, WHOLE_DAY), CANDIDATES),
        (evaluations_table(place, WHOLE_DAY), EVALUATIONS),
        (decisions_table(place, WHOLE_DAY), DECISIONS),
    ):
        assert table.height == 1
        assert validate(table, suite).is_empty()
    assert unsound(place, WHOLE_DAY).is_empty()
    made = shelf.champion()
    assert made is not None
    shelf.do("UPDATE sop_videos SET role = 'trainee' WHERE task_id = 'b'")
    place.objects.put(made.key, b"other bytes")
    assert unsound(place, WHOLE_DAY)["fault"].to_list() == ["changed", "2 of its 4 videos are no gold on record"]


def champion_that_hears_better(place: Workplace, shelf: Shelf) -> str:
    """Put a champion on record that is deaf to what tells nothing, as no training makes one."""
    name = shelf.adapter("b", "champion")
    made = fitted(some_golds("a", "b"))
    heard = replace(deaf(made, telling=False), record=msgspec.structs.replace(made.record, name=name))
    adapter_objects.save(place.objects, name, heard)
    return name


def die_before_saving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the object store be gone when a candidate's file is to be kept."""

    def gone(*_: object) -> None:
        raise StoreUnavailableError("the object store is gone")

    monkeypatch.setattr(adapter_objects, "save", gone)


def give_back(place: Workplace) -> None:
    """Do what is done for a run that died."""
    with place.transaction() as connection:
        Session(connection).release(place.run_id, "its run died", 3, NOW)

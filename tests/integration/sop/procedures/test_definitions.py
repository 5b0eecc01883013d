# SPDX-License-Identifier: Apache-2.0
"""Definitions on record: each change a version, and no text that is no definition."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from ovpo.sop.errors import DefinitionError
from ovpo.sop.records.definitions import Definitions
from ovpo.sop.records.rows import StoredDefinition
from tests.integration.sop.procedures.world import TENANT, World

NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)


def text(world: World, *steps: str) -> str:
    return f"task: {world.task}\nsteps:\n" + "".join(f"  - name: {step}\n" for step in steps)


def add(world: World, *steps: str) -> StoredDefinition:
    with world.place().transaction() as connection:
        return Definitions(connection).add(TENANT, world.task, text(world, *steps), "rita", NOW)


def test_each_change_is_a_version_and_the_newest_holds_until_it_is_retired(world: World) -> None:
    first, second = add(world, "wash"), add(world, "wash", "dry")
    assert (first.version, second.version) == (1, 2)
    with world.place().transaction() as connection:
        definitions = Definitions(connection)
        assert definitions.newest(TENANT, world.task) == second
        assert definitions.of_version(TENANT, world.task, 1) == first
        retired = definitions.retire(TENANT, world.task, 2, NOW)
        assert retired is not None
        assert definitions.newest(TENANT, world.task) == first
        assert definitions.of_version(TENANT, world.task, 2) == retired, "what was scored by it can be looked up"
        assert definitions.retire(TENANT, world.task, 2, NOW) is None
        assert [one.version for one in definitions.versions(TENANT, world.task)] == [2, 1]
        assert first in definitions.newest_of_each(TENANT)
    assert add(world, "wash").version == 3, "a number is not used twice"


def test_what_is_wrong_with_a_definition_reaches_who_wrote_it(world: World) -> None:
    wrong = text(world, "wash").replace("name", "nmae")
    with world.place().transaction() as connection, pytest.raises(DefinitionError, match=r"content: steps\[0\]"):
        Definitions(connection).add(TENANT, world.task, wrong, "rita", NOW)


def test_a_definition_of_another_task_is_refused(world: World) -> None:
    with world.place().transaction() as connection, pytest.raises(DefinitionError, match="task is other, not") as no:
        Definitions(connection).add(TENANT, world.task, "task: other\nsteps: [{name: wash}]", "rita", NOW)
    assert no.value.code == "other_task"


def test_several_who_write_at_once_get_a_version_each(world: World) -> None:
    with ThreadPoolExecutor(4) as pool:
        versions = [one.version for one in pool.map(lambda number: add(world, f"step {number}"), range(8))]
    assert sorted(versions) == list(range(1, 9))

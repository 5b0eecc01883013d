# SPDX-License-Identifier: Apache-2.0
"""The pools' limits of the settings are those of Dagster's storage once the stack has started."""

import dagster as dg
import pytest

from ovpo.foundation.settings.tree import Settings
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts import dagster
from ovpo_assets import lanes


def limits(instance: dg.DagsterInstance) -> dict[str, int]:
    return {one.name: one.limit for one in instance.event_log_storage.get_pool_limits() if not one.from_default}


def with_gpus(settings: Settings, slots: int) -> Settings:
    return settings.model_copy(update={"dagster": settings.dagster.model_copy(update={"gpu_slots": slots})})


def test_a_new_storage_has_the_limits_of_the_settings_one_training_at_once(instance: dg.DagsterInstance) -> None:
    assert limits(instance) == {"gpu": 1, "decode": 2, "training": 1}


def test_a_changed_setting_is_the_limit_after_the_next_start_and_an_unchanged_one_costs_no_process(
    storage: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, changed = Home(storage.home), with_gpus(storage, 3)
    assert dagster.create_storage(changed, home) == "there already"
    assert limits(instance) == {"gpu": 3, "decode": 2, "training": 1}
    with monkeypatch.context() as patched:
        patched.setattr(dagster, "_run", lambda *_: pytest.fail("nothing was to be run"))
        dagster.create_storage(changed, home)
    dagster.create_storage(storage, home)
    assert limits(instance)["gpu"] == 1


def test_the_limits_are_of_pools_that_assets_use(storage: Settings) -> None:
    pools = {lanes.GPU_POOL, lanes.DECODE_POOL, lanes.TRAINING_POOL}
    assert set(dagster.pool_limits(storage.dagster)) == pools

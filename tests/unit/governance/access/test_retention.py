# SPDX-License-Identifier: Apache-2.0
"""Which retention a tenant may set, and what then holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ovpo.governance.access.retention import DEFAULTS, Retention, effective, effective_stages

CLASSES = sorted(DEFAULTS)
STAGES = ("hot_days", "warm_days", "cold_days", "purge_days")


def test_without_overrides_the_contracts_table_holds() -> None:
    assert effective_stages(Retention()) == DEFAULTS
    assert Retention().overrides() == {}


def test_the_defaults_are_those_of_the_contract() -> None:
    assert DEFAULTS["traces"] == {"hot_days": 7, "warm_days": 90, "cold_days": 365, "purge_days": 730}
    assert DEFAULTS["frames"] == {"hot_days": 7, "warm_days": 30, "cold_days": 90, "purge_days": 180}
    assert DEFAULTS["ephemeral_artifacts"] == {"hot_days": 7, "purge_days": 30}
    assert DEFAULTS["primary_outputs"] == {}


def test_an_override_replaces_one_stage_and_leaves_the_others() -> None:
    chosen = Retention.model_validate({"frames": {"purge_days": 365}})
    assert effective_stages(chosen) == DEFAULTS | {"frames": DEFAULTS["frames"] | {"purge_days": 365}}
    assert chosen.overrides() == {"frames": {"purge_days": 365}}


def test_the_audit_log_can_be_kept_elsewhere_and_never_purged() -> None:
    assert effective(Retention.model_validate({"audit": {"hot_days": 60}})).audit.hot_days == 60
    with pytest.raises(ValidationError, match="purge_days"):
        Retention.model_validate({"audit": {"purge_days": 36_500}})


@pytest.mark.parametrize("days", [0, -1, 36_501, 1.5, "7", True, 1e9])
def test_a_number_of_days_is_a_whole_number_from_one_to_a_century(days: object) -> None:
    with pytest.raises(ValidationError):
        Retention.model_validate({"traces": {"hot_days": days}})


def test_stages_out_of_order_are_refused_with_both_names() -> None:
    with pytest.raises(ValidationError, match=r"frames\.cold_days is 90 and frames\.purge_days 10"):
        Retention.model_validate({"frames": {"purge_days": 10}})


overrides = st.dictionaries(
    st.sampled_from(CLASSES), st.dictionaries(st.sampled_from(STAGES), st.integers(min_value=-2, max_value=3_000))
)


@given(overrides)
def test_whatever_is_accepted_is_in_order_keeps_what_was_given_and_is_read_back(given_: dict[str, object]) -> None:
    try:
        accepted = Retention.model_validate(given_)
    except ValidationError:
        return
    for stages in effective_stages(accepted).values():
        assert list(stages.values()) == sorted(stages.values())
    assert accepted.overrides() == {name: stages for name, stages in given_.items() if stages}
    assert Retention.model_validate(accepted.overrides()) == accepted
    assert "purge_days" not in effective_stages(accepted)["audit"]

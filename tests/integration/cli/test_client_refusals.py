# SPDX-License-Identifier: Apache-2.0
"""Exit codes and lines of what the real service refuses: which option is wrong, how to get a key, when to try again."""

import re

import pytest

from ovpo.foundation.auth import Role
from tests.integration.cli.calling import Caller
from tests.integration.cli.conftest import NewTenant, Service, Tenant
from tests.integration.collector.batches import new_id


@pytest.fixture(scope="module")
def tenant(new_tenant: NewTenant) -> Tenant:
    return new_tenant()


@pytest.fixture(scope="module")
def ovpo(tenant: Tenant) -> Caller:
    return tenant.caller()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("traces list --status NOPE", "--status: takes one or more of PENDING,"),
        ("traces list --since yesterday", "--since: takes a day"),
        ("traces list --since 2026-11-02 --until 2026-11-01", "end_date takes a moment after start_date"),
        ("traces list --tag team", "--tag: takes key=value"),
        ("traces list --violations many", "--violations: takes a number"),
        ("traces list --order-by size", "--order-by: "),
        ("traces list --cursor nowhere", "--cursor: is none that this API gave"),
        ("traces get 5d8f4c3e", "ID takes a whole id of 36 characters"),
        ("traces frames 5d8f4c3e", "ID takes a whole id of 36 characters"),
        ("alerts show x", "`ovpo alerts list -o csv` prints whole ones"),
        ("analytics quality loudness", "--metric: "),
        ("analytics throughput --since 100d --bucket hour", "--since: takes a moment at most 62 days"),
        ("costs calculate {id} --profile nobody", "--profile: takes one of"),
        ("keys revoke ovpo_sk_k3v9x2ab_secretsecretsecret --yes", "PREFIX takes the 8 characters"),
        ("keys rotate k3v9x2ab --overlap soon", "--overlap: a length of time is written 30m"),
        ("keys revoke k3v9x2ab", "Nobody is there to answer; say --yes"),
        ("tenants close acme", "Nobody is there to answer; say --yes"),
        ("tenants update acme", "name what is to change"),
        ("tenants create acme --name A --retention frames=90", "--retention takes CLASS.STAGE=DAYS"),
    ],
)
def test_wrong_usage_is_one_line_that_names_the_option(ovpo: Caller, asked: str, said: str) -> None:
    done = ovpo(*asked.format(id=new_id()).split())
    assert (done.code, done.out) == (2, ""), done.err
    assert said in done.line
    assert "secretsecret" not in done.line


def test_an_option_that_is_none_is_wrong_usage(ovpo: Caller) -> None:
    assert ovpo("traces", "list", "--colour").code == 2
    assert ovpo("traces", "list", "--limit", "0").code == 2
    assert ovpo("traces", "list", "-o", "xml").code == 2


@pytest.mark.parametrize("asked", ["traces get {id}", "traces frames {id}", "alerts show {id}", "costs calculate {id}"])
def test_what_is_not_there_is_said_with_the_request(ovpo: Caller, asked: str) -> None:
    missing = new_id()
    done = ovpo(*asked.format(id=missing).split())
    assert done.code == 3
    assert f"{missing}" in done.line
    if "costs" not in asked:
        assert re.search(r"\[request [0-9a-f-]{36}\]$", done.line)


def test_without_a_key_and_with_a_wrong_one_it_is_said_how_to_get_one(service: Service, ovpo: Caller) -> None:
    assert ovpo.key is not None
    wrong = ovpo.key[:-1] + ("a" if ovpo.key[-1] != "a" else "b")
    for caller in (Caller(service.url, None), Caller(service.url, wrong)):
        for command in (("traces", "list"), ("keys", "list"), ("alerts", "rules")):
            done = caller(*command)
            assert (done.code, done.out) == (4, "")
            assert "`ovpo keys create --console` enters another" in done.line
            assert "OVPO_KEY" in done.line


def test_a_role_that_may_not_is_told_which_may(ovpo: Caller) -> None:
    for command in (("keys", "list"), ("tenants", "list"), ("tenants", "create", "x", "--name", "x")):
        done = ovpo(*command)
        assert done.code == 4
        assert "your API key has viewer" in done.line


def test_too_many_requests_are_refused_with_when_to_try_again(new_tenant: NewTenant) -> None:
    hasty = new_tenant("pro").caller()
    codes = [hasty("traces", "list").code for _ in range(2)]
    done = hasty("traces", "list")
    assert (codes, done.code) == ([0, 0], 4)
    assert re.search(r"try again in \d+ s \[request ", done.line)


def test_the_key_may_stand_on_the_command_line_and_beats_the_environment(tenant: Tenant) -> None:
    admin = tenant.caller(Role.ADMIN)
    assert admin.key is not None
    viewer = tenant.caller()
    assert viewer("keys", "list", "--key", admin.key).code == 0

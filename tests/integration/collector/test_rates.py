# SPDX-License-Identifier: Apache-2.0
"""How fast tenants may send: by tier, over all collectors together, told on every answer."""

from pathlib import Path

import pytest

from ovpo.foundation.auth import Role
from ovpo.foundation.settings.tree import Settings
from tests.integration.collector.batches import batch, span
from tests.integration.collector.conftest import Collector, Program, Start, bearer, new_tenant, queued

TIERS = """# SPDX-License-Identifier: Apache-2.0
free = { requests = 1, per_seconds = 600, burst = 3 }
pro = { requests = 1, per_seconds = 600, burst = 5 }
enterprise = { requests = 1000, per_seconds = 1, burst = 1000 }
"""


@pytest.fixture(scope="module")
def tiers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tiers") / "tiers.toml"
    file.write_text(TIERS)
    return file


@pytest.fixture(scope="module")
def slow_collectors(start: Start, tiers: Path) -> tuple[Collector, Collector]:
    """Two collectors with the same small budgets."""
    both = start(OVPO_COLLECTOR__TIERS=tiers), start(OVPO_COLLECTOR__TIERS=tiers)
    for one in both:
        one.start()
    return both


def test_a_tenant_beyond_its_burst_is_told_when_to_come_again(
    slow_collectors: tuple[Collector, Collector], settings: Settings
) -> None:
    key = bearer(settings, new_tenant(settings), Role.DEVELOPER)
    one, other = slow_collectors
    before = other.metric("ovpo_collector_rate_limited_total")
    answers = [one.send(batch(span()), key), other.send(b"{", key), one.send(batch(span()), key)]
    assert [answer.status_code for answer in answers] == [200, 400, 200]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0"]
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"3"}
    last = span()
    answer = other.send(batch(last), key)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert answer.headers["x-ratelimit-remaining"] == "0"
    wait, full = int(answer.headers["retry-after"]), int(answer.headers["x-ratelimit-reset"])
    assert wait == answer.json()["error"]["retry_after"]
    assert 0 < wait <= 600 < full <= 1800
    assert queued(settings.broker, last["trace_id"]) == []
    assert other.metric("ovpo_collector_rate_limited_total") == before + 1


@pytest.mark.parametrize(("tier", "limit"), [("free", "3"), ("pro", "5"), ("enterprise", "1000")])
def test_each_tier_has_its_own_budget(
    slow_collectors: tuple[Collector, Collector], settings: Settings, tier: str, limit: str
) -> None:
    key = bearer(settings, new_tenant(settings, tier), Role.DEVELOPER)
    assert slow_collectors[0].send(batch(span()), key).headers["x-ratelimit-limit"] == limit


def test_one_tenant_does_not_use_up_the_budget_of_another(
    slow_collectors: tuple[Collector, Collector], settings: Settings
) -> None:
    greedy, modest = (bearer(settings, new_tenant(settings), Role.DEVELOPER) for _ in range(2))
    assert [slow_collectors[0].send(batch(span()), greedy).status_code for _ in range(5)][3:] == [429, 429]
    assert slow_collectors[0].send(batch(span()), modest).status_code == 200


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "missing required field `free`"),
        (TIERS.replace("burst = 3", "burst = 0"), "$.free.burst"),
        (TIERS.replace("burst = 3", "bursts = 3"), "bursts"),
        (TIERS.replace("enterprise", "platinum"), "platinum"),
        ("free = [", "Invalid"),
    ],
)
def test_a_wrong_file_of_tiers_is_named_at_the_start(start: Start, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "tiers.toml"
    file.write_text(text)
    collector = start(OVPO_COLLECTOR__TIERS=file)
    Program.start(collector)
    assert collector.running is not None
    assert collector.running.wait(30) == 2
    line = collector.log.read_text()
    assert line.startswith(f"OVPO_COLLECTOR__TIERS: {file}: ")
    assert said.lower() in line.lower()
    assert "Traceback" not in line

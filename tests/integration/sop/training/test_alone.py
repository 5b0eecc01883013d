# SPDX-License-Identifier: Apache-2.0
"""Two trainings of a tenant at once: one waits, and then finds nothing new; a process that dies keeps nobody out."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from ovpo.foundation.ledger.items import Arrival
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.postgres.connect import PostgresUnavailableError, admin_conninfo, conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.sop.training.alone import TAKE, alone
from ovpo.sop.training.training import train
from ovpo.sop.working import TRAIN, Hours, Worked
from tests.integration.sop.training.conftest import DAY, HOUR, NOW, OTHER, TENANT, Shelf, at

WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
REASONS = "SELECT reason FROM ledger_items WHERE lane = %s ORDER BY reason"
HOLD = """
import psycopg, sys
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    connection.execute(sys.argv[2], (sys.argv[3],))
    print("held", flush=True)
    sys.stdin.read()
"""
TRIES = 100_000


def wait_for(settings: Settings, waiting: int) -> None:
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database), autocommit=True) as connection:
        for _ in range(TRIES):
            row = connection.execute(WAITING).fetchone()
            if row is not None and row[0] == waiting:
                return
    pytest.fail(f"{waiting} trainings never waited")


def test_of_two_trainings_at_once_one_waits_and_then_finds_nothing_new(settings: Settings, shelf: Shelf) -> None:
    shelf.gold("a", 0)
    shelf.gold("a", 1)
    runs = [at(shelf.place, f"run-{number}") for number in range(2)]
    windows = [Hours(DAY + number * HOUR, DAY + number * HOUR) for number in range(2)]
    with shelf.place.transaction() as connection:
        for number, window in enumerate(windows):
            arrival = Arrival(TENANT, "key:abcd1234", f"asked-{number}")
            Session(connection).register(TRAIN, [(uuid4(), arrival)], NOW, window.first)
    with ThreadPoolExecutor(2) as pool:
        with alone(settings.postgres, TENANT):
            done = [pool.submit(train, run, window) for run, window in zip(runs, windows, strict=True)]
            wait_for(settings, 2)
            assert shelf.adapters() == []
        assert [one.result() for one in done] == [Worked(finished=1)] * 2
    (made,) = shelf.adapters()
    assert made == shelf.champion()
    with shelf.place.transaction() as connection:
        first, second = (str(reason) for (reason,) in connection.execute(REASONS, (TRAIN,)))
    assert first.startswith("champion: ")
    assert second == "none of 2 gold videos is new since the last training"


def test_a_training_of_another_tenant_does_not_wait(settings: Settings, shelf: Shelf) -> None:
    shelf.gold("a", 0, tenant=OTHER)
    with shelf.place.transaction() as connection:
        Session(connection).register(TRAIN, [(uuid4(), Arrival(OTHER, "key:abcd1234", "asked"))], NOW)
    with alone(settings.postgres, TENANT):
        assert train(shelf.place, Hours(DAY, DAY + 23 * HOUR)) == Worked(finished=1)
    assert shelf.champion(OTHER) is not None


def test_a_process_that_is_killed_keeps_nobody_out(settings: Settings) -> None:
    address = conninfo(settings.postgres, PostgresRole.PROCESS)
    command = [sys.executable, "-c", HOLD, address, TAKE, TENANT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with ThreadPoolExecutor(1) as pool:
            taken = pool.submit(_take_and_give_back, settings)
            wait_for(settings, 1)
            holder.kill()
            assert taken.result() is True


def test_a_training_whose_lock_is_gone_says_so_before_it_decides(settings: Settings) -> None:
    def lose() -> None:
        with alone(settings.postgres, TENANT) as lock:
            lock.check()
            with psycopg.connect(admin_conninfo(settings.postgres), autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s, 10000)", (lock.connection.info.backend_pid,))
            lock.check()
            pytest.fail("it would have decided")

    with pytest.raises(PostgresUnavailableError, match="lock"):
        lose()


def _take_and_give_back(settings: Settings) -> bool:
    with alone(settings.postgres, TENANT):
        return True

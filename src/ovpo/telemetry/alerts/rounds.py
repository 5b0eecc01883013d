# SPDX-License-Identifier: Apache-2.0
"""A round, which is what a run does: rules are read and evaluated once, then what waits to be told is delivered."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec import Struct

from ovpo.foundation.clickhouse.connect import session
from ovpo.foundation.postgres.connect import lend, open_pool
from ovpo.foundation.settings.faults import SettingsError
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.audit.events import Actor
from ovpo.telemetry.alerts import keeping
from ovpo.telemetry.alerts.delivery import Delivered, deliver
from ovpo.telemetry.alerts.evaluation import Evaluated, evaluate
from ovpo.telemetry.alerts.outbox import GivenUp, Outbox
from ovpo.telemetry.alerts.reading import load_rules
from ovpo.telemetry.alerts.secret_files import faults_of_secrets

_log: Final = structlog.stdlib.get_logger(__name__)
LOOKS_BACK: Final = timedelta(days=1)
"""How long a notification that was given up is held against a round."""


class Round(Struct, frozen=True):
    """What a round came to. With rules that cannot be read, nothing is evaluated, delivered, fired or resolved."""

    evaluated: Evaluated | None
    delivered: Delivered | None


def run_round(settings: Settings, actor: Actor, now: datetime) -> Round:
    """Evaluate and deliver; what waits is delivered even where the stores cannot be asked."""
    try:
        book = load_rules(settings.alerts)
    except SettingsError as error:
        _log.warning("alerts.rules_unreadable", reason=str(error))
        return Round(None, None)
    with open_pool(settings.postgres, PostgresRole.PROCESS) as pool:
        try:
            with lend(settings.postgres, PostgresRole.PROCESS) as held, session(settings.clickhouse) as client:
                evaluated = evaluate(held, pool, client, book, now, actor)
        finally:
            delivered = deliver(Outbox(pool), book)
    return Round(evaluated, delivered)


def faults(settings: Settings) -> list[str]:
    """Say what is wrong with the rules now, a line each: their file, their secrets, tenants that there are none of."""
    try:
        book = load_rules(settings.alerts)
    except SettingsError as error:
        return error.lines
    with lend(settings.postgres, PostgresRole.PROCESS) as connection:
        known = set(keeping.tenants(connection))
    strangers = [
        f"rule {rule.name}: tenants: there is no tenant {name}; take it out, or mend its name"
        for rule in book.rules
        for name in rule.tenants or ()
        if name not in known
    ]
    return [*faults_of_secrets(book), *strangers]


def given_up(settings: Settings, now: datetime) -> list[GivenUp]:
    """List the notifications that were given up within a day."""
    with open_pool(settings.postgres, PostgresRole.PROCESS) as pool:
        return Outbox(pool).given_up(now - LOOKS_BACK)

# SPDX-License-Identifier: Apache-2.0
"""The service as a process of its own, held against its own OpenAPI document: no fault, no status that it lacks."""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from ovpo.foundation.auth import Role
from ovpo.foundation.settings.load import inherited_environment
from ovpo.foundation.settings.tree import Settings
from tests.conftest import free_ports
from tests.integration.services.hostile.judging import TELLS
from tests.integration.services.hostile.served import QueryService
from tests.integration.sop.api.conftest import NewOffice, Office

SEED = 7
EACH = 2
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DOCUMENT = Path(__file__).parents[4] / "docs" / "openapi" / "sop.json"


@pytest.fixture(scope="module")
def service(sop_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryService]:
    """`ovpo serve sop`, on a port of its own."""
    [port] = free_ports(1)
    names = {
        "OVPO_HOME": sop_settings.home,
        "OVPO_POSTGRES__PORT": sop_settings.postgres.port,
        "OVPO_CACHE__PORT": sop_settings.cache.port,
        "OVPO_SOP__PORT": port,
        "OVPO_SOP__TIERS": sop_settings.sop.tiers,
        "OVPO_SOP__MOST_UPLOAD_MB": 1,
    }
    others = {name: value for name, value in inherited_environment().items() if not name.startswith("OVPO_")}
    one = QueryService(
        [sys.executable, "-m", "ovpo.cli.main", "serve", "sop"],
        port,
        tmp_path_factory.mktemp("sop") / "sop.log",
        others | {name: str(value) for name, value in names.items()},
    )
    one.start()
    yield one
    one.kill()


@pytest.fixture(scope="module")
def known(new_office: NewOffice) -> tuple[Office, dict[str, str]]:
    """A tenant with one thing of each kind, and their names in paths."""
    office = new_office()
    gold, trainee = office.pair()
    office.embed(trainee)
    office.ask("PUT", "/tasks/coffee/gold", json={"video_id": gold})
    content = "task: coffee\nsteps:\n  - name: rinse\n"
    office.ask("PUT", "/definitions/coffee", content=content, headers={"content-type": "application/yaml"})
    score = office.score(trainee)
    office.finish(score, gold, deviations=[{"type": "step_missing", "names": ["rinse"]}])
    training = office.ask("POST", "/trainings").json()["training_id"]
    return office, {
        "video_id": trainee,
        "score_id": score,
        "training_id": training,
        "task_id": "coffee",
        "version": "1",
        "name": "evidence-01.png",
    }


def operations() -> list[Any]:
    """Give the operations without what they say of keys, since each request has the key that is chosen for it."""
    described = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    for item in described["paths"].values():
        for said in item.values():
            said.pop("security", None)
    every: Any = schemathesis.openapi.from_dict(described).get_all_operations()
    return [found.ok() for found in every]


@dataclass
class Held:
    """The service held against its document, and what it did otherwise."""

    url: str
    headers: dict[str, str]
    names: dict[str, str]
    session: requests.Session
    faults: list[str] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    def explore(self, operation: Any, mode: GenerationMode) -> None:
        """Send requests of one operation: as described, or not so."""
        own = {name: value for name, value in self.names.items() if f"{{{name}}}" in operation.path}
        in_path = own if mode is GenerationMode.POSITIVE and own else None

        @seed(SEED)
        @settings(
            max_examples=EACH, deadline=None, database=None, phases=[Phase.generate], verbosity=Verbosity.quiet,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(operation.as_strategy(generation_mode=mode, path_parameters=in_path))
        def ask(case: Any) -> None:
            self._judge(case, mode)

        with suppress(*((Unsatisfiable,) if mode is GenerationMode.NEGATIVE else ())):
            ask()

    def _judge(self, case: Any, mode: GenerationMode) -> None:
        answer = case.call(self.url, self.session, self.headers, timeout=30)
        self.statuses.add(answer.status_code)
        asked = f"{answer.request.method} {answer.request.url} {answer.request.body!r}"[:500]
        checks = [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE else CHECKS
        try:
            case.validate_response(answer, checks=checks, headers=self.headers)
        except FailureGroup as group:
            self.faults.extend(f"{' '.join(str(one).split())[:300]}: {asked}" for one in group.exceptions)
        shown = answer.content.decode(errors="replace")
        self.faults.extend(f"tells {word!r}: {asked}" for word in TELLS if word in shown and word not in asked)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
def test_the_service_does_what_its_document_says(
    service: QueryService, known: tuple[Office, dict[str, str]], role: Role
) -> None:
    load_all_checks()
    office, names = known
    with requests.Session() as session:
        held = Held(service.url, {"Authorization": office.key(role)}, names, session)
        for operation in operations():
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                held.explore(operation, mode)
    assert not held.faults, "\n".join(held.faults[:20])
    assert {200, 400} <= held.statuses

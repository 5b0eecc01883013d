# SPDX-License-Identifier: Apache-2.0
"""The service held against its own OpenAPI document by schemathesis: what fits is served, what does not is refused."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

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
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ovpo.foundation.auth import Role
from tests.integration.services.hostile.assault import BARE, Outcome
from tests.integration.services.hostile.ground import Ground
from tests.integration.services.hostile.judging import is_bare, offences
from tests.integration.services.hostile.operations import ENDLESS, document
from tests.integration.services.hostile.requests import Request
from tests.integration.services.hostile.wire import PATIENCE_SECONDS, Answer

KINDS: Final = {GenerationMode.POSITIVE: "described", GenerationMode.NEGATIVE: "undescribed"}
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def explore(ground: Ground, each: int, number: int, roles: tuple[Role, ...] = tuple(Role)) -> Outcome:
    """Send each operation so many requests with a key of each role: half as described, half not."""
    load_all_checks()
    outcome = Outcome()
    with requests.Session() as session:
        for operation in _operations():
            for role in roles:
                for mode in KINDS:
                    _explore(ground, outcome, operation, (role, mode), (each, number), session)
    return outcome


def _operations() -> Iterator[Any]:
    """Give the operations without what they say of keys, since each request has the key that is chosen for it."""
    described = document()
    described["paths"] = {path: item for path, item in described["paths"].items() if path not in ENDLESS}
    for item in described["paths"].values():
        for said in item.values():
            said.pop("security", None)
    found: Any
    for found in schemathesis.openapi.from_dict(described).get_all_operations():
        yield found.ok()


def _explore(ground: Ground, outcome: Outcome, operation: Any, how: tuple[Role, GenerationMode], much: tuple[int, int],
             session: requests.Session) -> None:  # fmt: skip
    (role, mode), (each, number) = how, much
    named = _own(ground, operation) if mode is GenerationMode.POSITIVE else None

    @seed(number)
    @settings(
        max_examples=each, deadline=None, database=None, phases=[Phase.generate], verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(operation.as_strategy(generation_mode=mode, path_parameters=named))
    def ask(case: Any) -> None:
        _ask(ground, outcome, case, (role, mode), session)

    with suppress(
        *((Unsatisfiable,) if mode is GenerationMode.NEGATIVE else ())
    ):  # it takes nothing that could be wrong
        ask()


def _ask(
    ground: Ground, outcome: Outcome, case: Any, how: tuple[Role, GenerationMode], session: requests.Session
) -> None:
    role, mode = how
    headers = {"Authorization": f"Bearer {ground.key(role)}"}
    answer = case.call(f"http://127.0.0.1:{ground.port}", session, headers, timeout=PATIENCE_SECONDS)
    sent = answer.request
    asked = f"{sent.method} {sent.url} {sent.headers} {(sent.body or b'')!r}"[:900]
    came = _answer(answer)
    if is_bare(came):
        outcome.note(KINDS[mode], BARE)
        return
    faults = [*offences(ground, _request(role, sent), came), *_against_document(case, answer, mode, headers)]
    outcome.note(KINDS[mode], answer.status_code, faults, f"{role.value} {asked}")


def _own(ground: Ground, operation: Any) -> dict[str, str] | None:
    """Name things that are there in a path, so that they are shown and held against the document."""
    ids = ground.ours.ids
    known = {"other_id": ids["trace_id"][1], "tenant_id": ground.decoy, "key": "no/such/object"}
    known |= {name: found[0] for name, found in ids.items() if name not in known}
    return {name: value for name, value in known.items() if f"{{{name}}}" in operation.path} or None


def _against_document(case: Any, answer: Any, mode: GenerationMode, headers: dict[str, str]) -> Iterator[str]:
    checks = [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE else CHECKS
    try:
        case.validate_response(answer, checks=checks, headers=headers)
    except FailureGroup as group:
        for failure in group.exceptions:
            yield " ".join(str(failure).split())[:400]


def _request(role: Role, sent: Any) -> Request:
    """Give what was sent as our own requests are."""
    body = sent.body.encode(errors="surrogatepass") if isinstance(sent.body, str) else sent.body
    pairs = tuple((str(name).encode(), _bytes(value)) for name, value in sent.headers.items())
    return Request("described", sent.method, sent.path_url, role, pairs, body if isinstance(body, bytes) else None)


def _answer(came: Any) -> Answer:
    """Give what came as the answers to our own requests are."""
    named = tuple((name.lower().encode(), ",".join(values).encode("latin-1")) for name, values in came.headers.items())
    return Answer(came.status_code, named, came.content)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("latin-1", errors="replace")

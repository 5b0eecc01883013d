# SPDX-License-Identifier: Apache-2.0
"""Definitions kept in versions, read back as they were written, retired, and refused with every fault."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ovpo.foundation.auth import Role
from tests.integration.sop.api.conftest import NewOffice, Office, error

YAML = "# as we do it\ntask: coffee\nsteps:\n  - name: rinse\n  - name: füllen\n    critical: true\n"


def put(office: Office, content: str | bytes = YAML, kind: str = "application/yaml", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()} | {"content-type": kind}
    return office.ask("PUT", "/definitions/coffee", Role.DEVELOPER, content=content, headers=named)


def test_each_change_is_a_version_and_is_read_back_as_it_was_written(office: Office) -> None:
    first = put(office)
    assert (first.status_code, first.json()["version"], first.headers["etag"]) == (201, 1, '"1"')
    as_json = '{"task": "coffee", "steps": [{"name": "rinse"}]}'
    second = put(office, as_json, "application/json")
    assert (second.status_code, second.headers["location"]) == (201, "/v1/sop/definitions/coffee/versions/2")
    assert office.get("/definitions/coffee")["content"] == as_json
    assert office.get("/definitions/coffee/versions/1")["content"] == YAML
    assert [one["version"] for one in office.get("/definitions/coffee/versions")["definitions"]] == [2, 1]
    assert [one["version"] for one in office.get("/definitions")["definitions"]] == [2]
    assert [more["version"] for _, _, more in office.audited("DEFINITION_CHANGED")] == [1, 2]


def test_what_holds_already_makes_no_version(office: Office) -> None:
    put(office)
    again = put(office)
    assert (again.status_code, again.json()["version"]) == (200, 1)


def test_a_change_meant_for_an_older_version_is_refused(office: Office) -> None:
    assert put(office, if_match='"1"').status_code == 409
    put(office)
    assert put(office, YAML + "# two\n", if_match='"1"').status_code == 201
    assert put(office, YAML + "# three\n", if_match='"1"').status_code == 409
    assert put(office, YAML + "# three\n", if_match="*").status_code == 201


def test_of_two_changes_at_once_meant_for_one_version_one_is_kept(office: Office) -> None:
    put(office)
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda n: put(office, f"{YAML}# {n}\n", if_match='"1"'), range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


def test_a_definition_that_is_none_is_refused_with_every_fault(office: Office) -> None:
    said = error(put(office, "task: coffee\nsteps:\n  - name: rinse\n    critcal: yes\n  - nam: fill\n"))
    assert (said["status"], said["field"]) == (422, "body")
    assert "critcal" in said["message"]
    assert "steps[1]" in said["message"]
    assert "task is tea, not coffee" in error(put(office, YAML.replace("coffee", "tea")))["message"]
    assert office.ask("GET", "/definitions/coffee").status_code == 404


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"\xff\xfe", "application/yaml", 400),
        (b"", "application/yaml", 422),
        (b"a: &x [*x]", "application/yaml", 422),
        (b"[" * 50_000, "application/json", 422),
        (b"task: !!python/object:os.system coffee", "text/yaml", 422),
        (b"task: a\0b", "application/yaml", 422),
        (b"x" * 200_000, "application/yaml", 422),
        (b"x" * 1_100_000, "application/yaml", 413),
        (YAML.encode(), "text/plain", 415),
        (YAML.encode(), "application/x-www-form-urlencoded", 415),
    ],
)
def test_hostile_definitions_are_refused(office: Office, content: bytes, kind: str, status: int) -> None:
    assert put(office, content, kind).status_code == status


def test_a_retired_definition_holds_no_more_but_can_be_read(office: Office) -> None:
    put(office)
    put(office, YAML + "# two\n")
    assert office.ask("DELETE", "/definitions/coffee/versions/2").status_code == 204
    assert office.get("/definitions/coffee")["version"] == 1
    assert office.ask("DELETE", "/definitions/coffee/versions/2").status_code == 404
    assert office.ask("DELETE", "/definitions/coffee").status_code == 204
    assert office.ask("GET", "/definitions/coffee").status_code == 404
    assert office.get("/definitions/coffee/versions/2")["retired_at"] is not None
    assert office.get("/definitions")["definitions"] == []
    assert put(office).json()["version"] == 3
    assert [more["versions"] for _, _, more in office.audited("DEFINITION_RETIRED")] == [[2], [1]]


def test_another_tenants_definition_is_not_there(new_office: NewOffice) -> None:
    ours, theirs = new_office(), new_office()
    put(theirs)
    for method, path in (("GET", ""), ("GET", "/versions"), ("GET", "/versions/1"), ("DELETE", ""),
                         ("DELETE", "/versions/1")):  # fmt: skip
        assert ours.ask(method, f"/definitions/coffee{path}").status_code == 404
    assert put(ours).json()["version"] == 1
    assert theirs.get("/definitions/coffee")["version"] == 1


def test_a_viewer_reads_definitions_and_changes_none(office: Office) -> None:
    put(office)
    headers = {"content-type": "application/yaml"}
    assert office.ask("PUT", "/definitions/coffee", Role.VIEWER, content=YAML, headers=headers).status_code == 403
    assert office.ask("DELETE", "/definitions/coffee", Role.VIEWER).status_code == 403
    assert office.get("/definitions/coffee", Role.VIEWER)["version"] == 1

# SPDX-License-Identifier: Apache-2.0
"""Scores as a table, and how operators and steps do over time."""

import csv
from datetime import UTC, datetime
from io import StringIO

import pytest

from ovpo.foundation.auth import Role
from ovpo.sop.api import csv_api
from tests.integration.sop.api.conftest import NewOffice, Office, hash_of

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
MISSING = {"type": "step_missing", "names": ["rinse"]}
SLOW = {"type": "over_time", "names": ["fill"]}
SWAPPED = {"type": "order_swap", "names": ["rinse", "fill"]}


def table(office: Office, question: str = "") -> list[dict[str, str]]:
    answer = office.ask("GET", f"/scores.csv?{question}", Role.VIEWER)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"), newline="")))


def test_the_table_has_a_line_for_each_score_that_the_filters_let_through(
    new_office: NewOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_api, "ROWS_AT_ONCE", 2)
    ours, theirs = new_office(), new_office()
    gold, trainee = ours.pair()
    scores = [ours.score(trainee) for _ in range(5)]
    theirs.score(theirs.pair()[1])
    ours.finish(scores[0], gold, points=12.5, verdict="fail", deviations=[MISSING, SLOW])
    rows = table(ours)
    assert [row["score_id"] for row in rows] == scores[::-1]
    assert (rows[-1]["verdict"], rows[-1]["points"], rows[-1]["deviations"]) == ("fail", "12.5", "2")
    assert rows[-1]["deviation_types"] == "over_time step_missing"
    assert [row["score_id"] for row in table(ours, "state=finished")] == scores[:1]
    assert [(what, more["filters"]) for _, what, more in ours.audited("SCORE_QUERY")] == [
        ("csv", []),
        ("csv", ["state"]),
    ]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@sum", "%0a=x", " =1", "|calc"])
def test_no_cell_is_a_formula(office: Office, name: str) -> None:
    gold, _ = office.pair()
    trainee = office.video(name=name.replace("%0a", "").strip() or "x", site_id=name.strip().replace("%0a", ""))
    score = office.score(trainee)
    office.finish(score, gold)
    office.ask("PUT", f"/scores/{score}/review", json={"verdict": "pass", "note": name.replace("%0a", "\n")})
    [row] = table(office, f"trainee_id={trainee}")
    for cell in ("trainee_name", "site_id", "review_note"):
        assert row[cell][0] == "'", row[cell]


def test_operators_are_counted_by_week_with_what_reviewers_said(new_office: NewOffice) -> None:
    ours, theirs = new_office(), new_office()
    gold = ours.video(role="gold")
    anna, ben = ours.video(operator_id="anna"), ours.video(operator_id="ben")
    for points, verdict, day in ((90.0, "pass", 0), (70.0, "fail", 6), (50.0, "fail", 7)):
        ours.finish(ours.score(anna), gold, points=points, verdict=verdict, at=MONDAY.replace(day=16 + day))
    reviewed = ours.score(ben)
    ours.finish(reviewed, gold, points=40.0, verdict="fail", at=MONDAY)
    ours.ask("PUT", f"/scores/{reviewed}/review", json={"verdict": "pass"})
    weeks = ours.get("/trends/operators?task_id=coffee")["weeks"]
    found = {(one["operator_id_hash"], one["week"][:10]): one for one in weeks}
    first, second = found[hash_of("anna"), "2026-11-16"], found[hash_of("anna"), "2026-11-23"]
    assert (first["scores"], first["mean_points"], first["pass_share"]) == (2, 80.0, 0.5)
    assert (second["scores"], second["mean_points"], second["pass_share"]) == (1, 50.0, 0.0)
    assert found[hash_of("ben"), "2026-11-16"]["pass_share"] == 1.0
    only = ours.get(f"/trends/operators?operator_id_hash={hash_of('ben')}")["weeks"]
    assert [one["operator_id_hash"] for one in only] == [hash_of("ben")]
    assert theirs.get("/trends/operators")["weeks"] == []


def test_steps_are_counted_by_what_went_wrong_with_them(new_office: NewOffice) -> None:
    ours, theirs = new_office(), new_office()
    gold, trainee = ours.pair()
    for deviations in ([MISSING, SLOW], [MISSING, MISSING], [SWAPPED], []):
        ours.finish(ours.score(trainee), gold, deviations=deviations, at=MONDAY)
    ours.finish(ours.score(trainee), gold, verdict="cannot_judge", deviations=[MISSING], at=MONDAY)
    rinse, fill = ours.get("/trends/steps?task_id=coffee")["steps"]
    assert (rinse["step"], rinse["scores"], rinse["affected"]) == ("rinse", 4, 3)
    assert (rinse["missing"], rinse["swapped"], rinse["over_time"]) == (2, 1, 0)
    assert (fill["step"], fill["affected"], fill["over_time"], fill["swapped"]) == ("fill", 2, 1, 1)
    assert ours.get("/trends/steps?start_date=2026-11-17")["steps"] == []
    assert theirs.get("/trends/steps")["steps"] == []

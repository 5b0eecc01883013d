# SPDX-License-Identifier: Apache-2.0
"""`ovpo traces` against the real service: what is found, how it is printed, in each form."""

import csv
import io
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from ovpo.cli.traces import SHORT
from tests.integration.cli.calling import Caller, Done
from tests.integration.cli.conftest import NewTenant, Tenant
from tests.integration.cli.runs import run
from tests.integration.collector.batches import new_id

COLUMNS = (
    "trace_id,status,failure_kind,model,project,created_at,started_at,completed_at,updated_at,total_ms,spans,"
    "span_errors,span_kinds,frames,violations,compute_units,peak_vram_mb,tags"
)
FAILURE = {"kind": "oom", "message": "CUDA out of memory", "retryable": True, "stage": "denoise", "error_code": "E17"}
MADE = {
    "url": "s3://bucket/out.mp4",
    "format": "mp4",
    "checksum": f"sha256:{'a' * 64}",
    "codec": "h264",
    "resolution": "832x480",
    "duration_sec": 2.0,
    "file_size_bytes": 1_234_567,
}


@dataclass(frozen=True)
class Studio:
    """A tenant with a good run of an hour ago, a failed one of a day ago, and one with wrong frames of a week ago."""

    tenant: Tenant
    ovpo: Caller
    good: str
    failed: str
    broken: str

    def name(self, trace_id: str) -> str:
        return {self.good: "good", self.failed: "failed", self.broken: "broken"}[trace_id]


@pytest.fixture(scope="module")
def studio(new_tenant: NewTenant) -> Studio:
    tenant = new_tenant()
    good = run(timedelta(hours=1), tags={"shot": "=12", "team": "a"}, output_manifest={"primary_output": MADE})
    failed = run(timedelta(days=1), frames=[0, 1, 5], model="hunyuan", status="FAILED", failure=FAILURE)
    failed[2] |= {"status": "ERROR", "span_kind": "SPAN_KIND_DECODE"}
    broken = run(timedelta(days=7), cost_attribution={"project": "trailer"})
    broken[-2] |= {"media_time_ms": 0.0}
    tenant.send(*good, *failed, *broken)
    return Studio(tenant, tenant.caller(), *(items[0]["trace_id"] for items in (good, failed, broken)))


def rows(done: Done) -> list[dict[str, str]]:
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", "good failed broken"),
        ("--status FAILED,PARTIAL", "failed broken"),
        ("--status failed", "failed"),
        ("--since 2h", "good"),
        ("--since 8d --until 2d", "broken"),
        ("--tag team=a --tag shot==12", "good"),
        ("--tag team=b", ""),
        ("--model hunyuan", "failed"),
        ("--project trailer", "broken"),
        ("--span-kind decode", "failed"),
        ("--violations >0", "broken"),
        ("--failure-kind OOM", "failed"),
        ("--order-by created_at --asc", "broken failed good"),
        ("--order-by frames --desc --limit 2", "good broken"),
    ],
)
def test_every_filter_and_order_reaches_the_api(studio: Studio, asked: str, found: str) -> None:
    listed = rows(studio.ovpo("traces", "list", "-o", "csv", *asked.split()))
    names = [studio.name(row["trace_id"]) for row in listed]
    assert sorted(names) == sorted(found.split())
    if "created_at" in asked:
        assert names == found.split()


def test_the_table_has_whole_ids_marks_and_humane_numbers(studio: Studio) -> None:
    done = studio.ovpo("traces", "list", TZ="UTC")
    head, good, failed, broken = done.out.splitlines()
    assert "created (UTC)" in head
    assert good.split()[:4] == [studio.good, "✓", "COMPLETED", "wan-2.1"]
    assert "10.0 s" in good
    assert "14,900 MB" in good
    assert good.endswith("shot==12, team=a")
    assert failed.split()[1:3] == ["✗", "FAILED"]
    assert broken.split()[1:3] == ["◐", "PARTIAL"]


def test_the_ids_of_a_narrow_terminal_are_short_and_it_is_said_where_whole_ones_are(studio: Studio) -> None:
    done = studio.ovpo("traces", "list", FORCE_COLOR="1", COLUMNS="90")
    assert studio.good[:SHORT] in done.out
    assert studio.good not in done.out
    assert "Ids are cut to this window" in done.out
    wide = studio.ovpo("traces", "list", FORCE_COLOR="1", COLUMNS="150")
    assert studio.good in wide.out


def test_json_is_what_the_api_answered(studio: Studio) -> None:
    found = studio.ovpo("traces", "list", "-o", "json", "--limit", "2").json
    assert found == studio.tenant.get("/v1/traces?limit=2") | {"next_cursor": found["next_cursor"]}
    rest = studio.ovpo("traces", "list", "-o", "json", "--limit", "2", "--cursor", found["next_cursor"]).json
    assert [one["trace_id"] for one in rest["traces"]] == [studio.broken]


def test_csv_has_stable_columns_and_no_formula(studio: Studio) -> None:
    done = studio.ovpo("traces", "list", "-o", "csv", "--model", "wan-2.1")
    assert done.out.splitlines()[0] == COLUMNS
    good = rows(done)[0]
    assert good["total_ms"] == "10000.0"
    assert good["tags"] == "shot==12, team=a"
    assert good["created_at"].endswith("Z")
    assert studio.ovpo("traces", "list", "-o", "csv", "--tag", "no=one").out.splitlines() == [COLUMNS]


@pytest.mark.parametrize("size", ["1", "2", "3"])
def test_all_pages_are_walked_and_every_trace_comes_once(studio: Studio, size: str) -> None:
    wanted = [studio.good, studio.failed, studio.broken]
    walk = ("traces", "list", "--all", "--limit", size)
    assert [row["trace_id"] for row in rows(studio.ovpo(*walk, "-o", "csv"))] == wanted
    lines = studio.ovpo(*walk, "-o", "json").out.splitlines()
    assert [json.loads(line)["trace_id"] for line in lines] == wanted
    table = studio.ovpo(*walk).out
    assert [one for one in wanted if table.count(one) == 1] == wanted
    assert "3 in all." in table


def test_that_there_are_more_is_said_under_a_table_only(studio: Studio) -> None:
    assert "There are more" in studio.ovpo("traces", "list", "-n", "2").out
    assert "There are more" not in studio.ovpo("traces", "list", "-n", "3").out
    assert studio.ovpo("traces", "list", "--model", "none").out == "No traces match.\n"


def test_a_good_trace_reads_from_its_head_to_its_artifacts(studio: Studio) -> None:
    said = studio.ovpo("traces", "get", studio.good).out
    for line in (
        "✓ COMPLETED  wan-2.1  10.0 s",
        "tags   shot==12, team=a",
        "units     40 (factors 2026-11)",
        "VRAM      14,900 MB at its peak",
        "GPU       90 % on average",
        "frames    10 seen in 10 events over 360 ms of video",
        "sampling  100 % of the frames were observed",
        "whole   100 %",
        "of it   record 100 %, spans 100 %, frames 100 %, order 100 %",
        "s3://bucket/out.mp4  mp4, h264, 832x480, 2.00 s, 1.23 MB",
    ):
        assert line in said
    assert "Violations" not in said
    [vram] = [line for line in said.splitlines() if line.strip().startswith("vram_used_mb")]
    assert vram.split()[1:] == ["▁▁▂▃▄▅▆▇██", "14,000", "…", "14,900"]


def test_the_stages_stand_on_one_axis_under_their_parents(studio: Studio) -> None:
    lines = studio.ovpo("traces", "get", studio.good).out.splitlines()
    [load] = [line for line in lines if line.startswith("load")]
    [denoise] = [line for line in lines if line.startswith("  denoise")]
    assert load.split()[1:] == ["LOAD", "█" * 10, "2.00", "s", "20", "%"]
    assert denoise.split()[1:] == ["SAMPLING", "█" * 39, "8.00", "s", "80", "%"]
    assert denoise.index("█") - load.index("█") == 9


def test_a_failed_trace_says_why_and_what_is_missing(studio: Studio) -> None:
    said = studio.ovpo("traces", "get", studio.failed).out
    assert "✗ FAILED" in said.splitlines()[0]
    assert "✗ oom in denoise (E17): CUDA out of memory" in said
    assert "It may be tried again." in said
    assert "✗ denoise" in said
    assert f"missing frames  3 (2{chr(0x2013)}4)" in said


def test_broken_invariants_are_said_in_words_with_their_frames(studio: Studio) -> None:
    said = studio.ovpo("traces", "get", studio.broken).out
    assert "reported  COMPLETED" in said
    assert "frame 8: its media time lies before that of the frame before it" in said


def test_events_come_when_they_are_asked_for(studio: Studio) -> None:
    assert "aesthetic_score 5.1" not in studio.ovpo("traces", "get", studio.good).out
    said = studio.ovpo("traces", "get", studio.good, "--events", "2").out
    assert "aesthetic_score 5.1" in said
    assert "There are more events" in said
    assert "There are more events" not in studio.ovpo("traces", "get", studio.good, "--events", "10").out
    assert len(studio.ovpo("traces", "get", studio.good, "--events", "3", "-o", "json").json["events"]) == 3
    assert studio.ovpo("traces", "get", studio.good, "--events", "3", "-o", "csv").code == 2


def test_one_trace_as_json_and_its_spans_as_csv(studio: Studio) -> None:
    found = studio.ovpo("traces", "get", studio.good, "-o", "json").json
    assert found == studio.tenant.get(f"/v1/traces/{studio.good}?events=0")
    load, denoise = rows(studio.ovpo("traces", "get", studio.good, "-o", "csv"))
    assert (load["span_kind"], load["name"], load["parent_span_id"]) == ("SPAN_KIND_LOAD", "load", "")
    assert denoise["parent_span_id"] == load["span_id"]
    assert json.loads(denoise["attributes"])["gpu.model"] == "h100"


def test_frames_come_one_by_one_or_as_buckets_with_their_extremes(studio: Studio) -> None:
    asked = ("traces", "frames", studio.good, "--metrics", "vram_used_mb")
    whole = rows(studio.ovpo(*asked, "-o", "csv"))
    assert [row["vram_used_mb"] for row in whole] == [str(14_000.0 + 100 * index) for index in range(10)]
    assert [row["frame_index"] for row in rows(studio.ovpo(*asked, "--from-frame", "8", "-o", "csv"))] == ["8", "9"]
    buckets = rows(studio.ovpo(*asked, "--points", "2", "-o", "csv"))
    assert [(row["vram_used_mb_min"], row["vram_used_mb_max"]) for row in buckets] == [
        ("14000.0", "14400.0"),
        ("14500.0", "14900.0"),
    ]
    assert buckets[0].keys() == whole[0].keys()
    table = studio.ovpo(*asked, "--points", "2").out
    assert "10 frame events in 2 buckets." in table
    assert studio.ovpo(*asked, "-o", "json").json["matched"] == 10
    assert studio.ovpo(*asked, "--event-type", "frame_error").out.endswith("No frame events there.\n")


def test_two_traces_are_set_side_by_side(studio: Studio) -> None:
    asked = ("traces", "compare", studio.good, studio.failed)
    said = studio.ovpo(*asked).out
    for line in (f"Only {studio.good} has 1 span and 7 frames", "model.name was wan-2.1, is hunyuan"):
        assert line in said
    table = {(row["what"], row["of"]): row for row in rows(studio.ovpo(*asked, "-o", "csv"))}
    assert table["total_ms", ""]["difference"] == "0.0"
    assert table["duration_ms", "SAMPLING"]["other"] in {"0", "0.0"}
    assert table["spans", "DECODE"]["difference"] in {"1", "1.0"}
    assert float(table["quality", "aesthetic_score"]["one"]) == pytest.approx(5.45)
    assert studio.ovpo(*asked, "-o", "json").json["frame_pairs"] == 3


def test_a_trace_that_is_not_settled_yet_is_shown_as_far_as_it_is_known(new_tenant: NewTenant) -> None:
    tenant = new_tenant()
    trace, *_ = run(timedelta(hours=1))
    tenant.send(trace)
    tenant.sql("DELETE FROM trace_summaries WHERE trace_id = %s", trace["trace_id"])
    said = tenant.caller()("traces", "get", trace["trace_id"])
    assert said.code == 0, said.err
    assert "It is not settled yet" in said.out


def test_a_trace_of_another_tenant_is_not_there(studio: Studio, new_tenant: NewTenant) -> None:
    stranger = new_tenant().caller()
    for command in (("get",), ("frames",), ("compare", studio.good)):
        done: Any = stranger("traces", *command, studio.good)
        assert (done.code, done.out) == (3, "")
        assert f"your tenant has no trace {studio.good}" in done.line
    assert studio.ovpo("traces", "compare", studio.good, new_id()).code == 3

# SPDX-License-Identifier: Apache-2.0
"""The command that runs the scenarios, as somebody at a shell meets it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.pipelines.scenarios.catalogue import SCENARIOS
from ovpo.telemetry.artifacts.uris import location
from ovpo_sdk.testing.receiver import Receiver

ROOT = Path(__file__).parents[3]
QUICK = ("--frames", "4", "--steps", "2")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(tenant="acme") as started:
        yield started


def command(receiver: Receiver, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OVPO_ENDPOINT": receiver.endpoint, "OVPO_KEY": receiver.key}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "sdk" / "python" / "src")])
    whole = [sys.executable, "-m", "examples.pipelines.run", *words]
    return subprocess.run(whole, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_list_names_every_scenario(receiver: Receiver) -> None:
    done = command(receiver, "--list")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(SCENARIOS)
    assert receiver.requests == ()


def test_expected_failures_are_no_failure_of_the_command(receiver: Receiver, tmp_path: Path) -> None:
    done = command(
        receiver, "oom", "missing_frames", "--json", "--out", str(tmp_path), "--tag", "demo=x", "--seed", "3"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [(one["scenario"], one["status"], one["problem"]) for one in told] == [
        ("oom", "FAILED", None),
        ("missing_frames", "PARTIAL", None),
    ]
    assert told[0]["video"] is None
    assert Path(told[1]["video"]).is_relative_to(tmp_path)
    assert told[1]["frames"] == 17
    traces = {trace.trace_id: trace for trace in receiver.traces()}
    assert [traces[one["trace_id"]].tags["demo"] for one in told] == ["x", "x"]
    assert [traces[one["trace_id"]].input_context["seed"] for one in told] == [3, 3]
    items = len(receiver.spans()) + len(receiver.frames()) + sum(len(receiver.trace_records(one)) for one in traces)
    assert done.stderr == f"{items} of {items} items acknowledged\n"


def test_objects_go_where_the_stacks_store_has_them(receiver: Receiver, tmp_path: Path) -> None:
    words = ("fake_video_gen", "--objects", str(tmp_path), "--tenant", "acme", "--json", *QUICK)
    done = command(receiver, *words)
    assert done.returncode == 0, done.stderr
    [told] = json.loads(done.stdout)
    [trace] = receiver.traces()
    assert trace.output_manifest is not None
    uris = [ref.uri for frame in receiver.frames() for ref in frame.artifact_refs]
    uris.append(trace.output_manifest.primary_output.url)
    assert len(uris) == 5
    below = f"tenants/acme/examples/{told['trace_id']}/"
    for uri in uris:
        assert location(uri).key.startswith(below)
        assert (tmp_path / location(uri).key).is_file()


def test_an_end_that_nobody_expected_is_told_and_fails_the_command(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = command(receiver, "fake_video_gen", "timeout", "--out", str(tmp_path / "file"), *QUICK)
    assert done.returncode == 1
    assert "not as it has to be: NotADirectoryError" in done.stdout
    assert {trace.status for trace in receiver.traces()} == {"FAILED"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "no scenario is named; takes fake_video_gen, oom"),
        (("fly",), "there is no scenario fly; takes fake_video_gen"),
        (("oom", "--frames", "0"), "--frames is 0; takes 1 or more"),
        (("oom", "--tag", "demo"), "--tag demo: takes NAME=TEXT"),
        (("oom", "--tenant", "acme"), "--objects and --tenant: give both, or neither"),
    ],
)
def test_a_wrong_call_says_what_to_change_and_runs_nothing(
    receiver: Receiver, words: tuple[str, ...], told: str
) -> None:
    done = command(receiver, *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert receiver.requests == ()


def test_without_a_collector_the_videos_are_made_all_the_same(receiver: Receiver, tmp_path: Path) -> None:
    receiver.stop()
    done = command(receiver, "fake_video_gen", "--out", str(tmp_path), "--json", *QUICK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert Path(json.loads(done.stdout)[0]["video"]).is_file()
    assert "could not be delivered, see OVPO_ENDPOINT and OVPO_KEY" in done.stderr

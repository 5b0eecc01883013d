# SPDX-License-Identifier: Apache-2.0
"""A collector that is away: the program does not notice, the counters say it, and in the end everything arrives."""

import hashlib
import logging
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from ovpo_sdk import OvpoClient, SpanKind
from ovpo_sdk.testing import Receiver
from ovpo_sdk.testing.faults import Hanging, Healthy
from tests.integration.sdk.clients import SOON, a_client, until
from tests.integration.sdk.outages import OUTAGES, WORST, Outage, outage
from tests.integration.sdk.started import LATE, ended, line, run, runs, started

FRAMES = 5_000
NOT_WAITED = 2.0
"""A run of 5,000 frames takes a tenth of it; had it to wait for one request alone, it would take longer."""
WHOLE = {"first": "COMPLETED", "second": "COMPLETED", "open": "GENERATING"}


def render(client: OvpoClient, frames: int = FRAMES) -> str:
    """Make a video, as far as anybody can see, in the usual stages."""
    digest = hashlib.sha256()
    with client.trace("tiny", prompt="a red fox", expected_frames=frames) as trace:
        with trace.span(SpanKind.LOAD), client.span(SpanKind.TEXT_ENCODE):
            digest.update(b"weights")
        with trace.span(SpanKind.SAMPLING) as span:
            for index in range(frames):
                digest.update(index.to_bytes(4, "big"))
                span.frame(index, 40.0 * index, quality={"brightness_avg": float(index % 256)})
        trace.tag("digest", digest.hexdigest())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def untraced() -> str:
    return render(OvpoClient(enabled=False))


@pytest.fixture(params=OUTAGES)
def away(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outage]:
    with outage(request.param, tmp_path) as made:
        yield made


def client_in(away: Outage, request_seconds: float) -> OvpoClient:
    return OvpoClient(
        away.endpoint,
        away.receiver.key,
        tenant=away.receiver.tenant,
        flush_seconds=0.05,
        request_seconds=request_seconds,
        exit_seconds=0.1,
        gpu_seconds=0,
        handle_sigterm=False,
        **away.settings,
    )


def test_a_run_gives_the_same_takes_no_longer_and_arrives_once_the_collector_is_back(
    away: Outage, untraced: str
) -> None:
    client = client_in(away, request_seconds=0.5)
    try:
        assert render(client) == untraced
        assert until(lambda: client.counters().failures.get(away.cause, 0) >= 1), client.counters()
        began = time.monotonic()
        assert render(client) == untraced
        assert time.monotonic() - began < NOT_WAITED
        assert set(client.counters().failures) == {away.cause}
        away.heal()
        assert client.flush(SOON)
        counters = client.counters()
        assert counters.delivered == counters.emitted == 2 * (FRAMES + 5)
        assert (counters.dropped, counters.refused, counters.refused_here, counters.waiting) == (0, 0, 0, 0)
    finally:
        client.close()
    assert [one.status for one in away.receiver.traces()] == ["COMPLETED"] * 2
    assert {one.tags["digest"] for one in away.receiver.traces()} == {untraced}
    assert len(away.receiver.spans()) == 6
    assert len({(one.trace_id, one.frame_index) for one in away.receiver.frames()}) == 2 * FRAMES
    assert len(away.receiver.frames()) == 2 * FRAMES
    assert not away.receiver.refused
    assert not [one for one in away.receiver.repeats.values() if one.differed]


def test_while_a_request_hangs_nobody_waits_for_it(untraced: str) -> None:
    with Receiver() as receiver, a_client(receiver, request_seconds=5.0, exit_seconds=0.1) as client:
        receiver.fault = Hanging()
        client.trace().start().complete()
        assert receiver.until(lambda seen: bool(seen.requests), SOON)
        began = time.monotonic()
        assert render(client) == untraced
        for number in range(500):
            with (
                client.trace(tags={"number": number}),
                client.span(SpanKind.LOAD, attributes={"custom.number": number}),
            ):
                pass
        client.counters()
        assert time.monotonic() - began < NOT_WAITED
        assert client.counters().failures == {}


def test_a_client_that_is_closed_while_a_request_hangs_leaves_no_thread_behind(tmp_path: Path) -> None:
    of_others = set(threading.enumerate())
    for spool in (None, tmp_path):
        with Receiver() as receiver, a_client(receiver, request_seconds=120, exit_seconds=0.05, spool=spool) as client:
            receiver.fault = Hanging()
            client.trace().start().complete()
            assert receiver.until(lambda seen: bool(seen.requests), SOON)
            client.close()
            until(lambda: not threads_of_clients() - of_others)
            assert threads_of_clients() - of_others == set()


def threads_of_clients() -> set[threading.Thread]:
    return {one for one in threading.enumerate() if one.name.startswith("ovpo")}


def test_an_outage_is_told_once_and_so_is_the_next_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "ovpo_sdk")
    with Receiver() as receiver, a_client(receiver, flush_seconds=0.05) as client:
        for told in (1, 2):
            receiver.stop()
            enough = refusals(client) + 2
            render(client, 3)
            assert until(partial(lambda enough: refusals(client) >= enough, enough))
            assert len([one for one in caplog.records if "is kept" in one.getMessage()]) == told
            receiver.start()
            assert client.flush(SOON)


def refusals(client: OvpoClient) -> int:
    return client.counters().failures.get("connect", 0)


def test_a_key_that_is_not_known_is_told_and_one_last_try_is_made_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    with Receiver() as receiver, caplog.at_level(logging.WARNING, "ovpo_sdk"):
        client = OvpoClient(receiver.endpoint, "ovpo_sk_abcdefgh_wrong", flush_seconds=0.05, gpu_seconds=0)
        render(client, 3)
        assert until(lambda: client.counters().failures == {"denied": 1})
        client.close()
        assert client.counters().failures == {"denied": 2}
        assert client.counters().waiting == 8
    assert "OVPO_KEY" in caplog.text
    assert "wrong" not in caplog.text


def test_what_is_lost_in_an_outage_is_what_matters_least_and_the_run_is_told() -> None:
    with Receiver() as receiver, a_client(receiver, buffer_bytes=4_000_000, request_seconds=60) as client:
        receiver.stop()
        trace = client.trace().start()
        spans = [trace.span(SpanKind.SAMPLING, f"stage {number}").start() for number in range(3)]
        for index in range(20_000):
            for span in spans:
                if index == 10_000:
                    span.frame_error(index, 1.0 * index)
                else:
                    span.frame(index, 1.0 * index)
        for span in spans:
            span.end()
        trace.complete()
        assert not client.flush(0.5)
        with client.trace("later") as later, later.span(SpanKind.SAMPLING) as span:
            for index in range(60_000):
                span.frame(index, 1.0 * index)
        receiver.start()
        assert client.flush(60)
        assert client.flush(60)
        counters = client.counters()
        assert counters.dropped_frames == counters.dropped > 0
        assert counters.delivered + counters.dropped == counters.emitted
        for one, frames in ((trace, 3 * 20_000), (later, 60_000)):
            kept = [frame for frame in receiver.frames() if frame.trace_id == one.id]
            told = receiver.trace_records(one.id)
            assert (told[0].status, told[-1].status) == ("GENERATING", "COMPLETED")
            assert told[-1].tags["dropped_frames"] == str(frames - len(kept))
        kept_of = {(frame.span_id, frame.frame_index) for frame in receiver.frames()}
        assert {(span.id, index) for span in spans for index in (0, 10_000, 19_999)} <= kept_of
        assert len(receiver.spans()) == 4


@pytest.mark.parametrize("name", WORST)
@pytest.mark.parametrize("way", ["killed", "closed"])
def test_what_was_on_disk_in_an_outage_is_delivered_by_the_next_process(tmp_path: Path, name: str, way: str) -> None:
    spool = str(tmp_path / "spool")
    with outage(name, tmp_path) as away:
        settings = {"endpoint": away.endpoint, "spool": spool, "exit_seconds": 0.5, **away.settings}
        program = "keeps" if way == "killed" else "keeps_and_closes"
        with started(program, away.receiver, request_seconds=120, **settings) as process:
            assert line(process) == "kept"
            if way == "closed":
                assert ended(process)[0] == 0
            else:
                process.kill()
                process.wait(LATE)
        away.heal()
        assert run("delivers", away.receiver, **settings) == (0, ["True", "0"])
        repeats = away.receiver.repeats
        assert not [one for one in repeats.values() if one.differed]
        expected = WHOLE | ({"third": "COMPLETED"} if way == "closed" else {})
        assert runs(away.receiver, repeats_are_fine=name == "slow headers") == expected


def test_a_process_that_takes_over_goes_on_with_its_own_telemetry(tmp_path: Path) -> None:
    with Receiver() as receiver:
        receiver.fault = Hanging()
        with started("keeps", receiver, spool=str(tmp_path)) as process:
            assert line(process) == "kept"
        receiver.fault = Healthy()
        assert run("ends", receiver, spool=str(tmp_path), exit_seconds=20)[0] == 0
        assert len([one for one in receiver.traces() if one.status == "COMPLETED"]) == 3

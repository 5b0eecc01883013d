# SPDX-License-Identifier: Apache-2.0
"""`ovpo dlq` over real dead letters: messages of a tenant of each test's own, given up by a consumer of its own."""

import asyncio
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import nats
import pytest
from typer.main import get_command

from ovpo.cli.dlq import PAGE, app
from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.broker.interface import Broker, Delivery
from ovpo.foundation.broker.message import FromTime, Message, Retries
from ovpo.foundation.settings.tree import LOOPBACK, Settings
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.rules import Reader
from ovpo.telemetry.queue import QUEUE, pack
from tests.conftest import free_ports
from tests.integration.collector.batches import Item, batch, event, new_id, span

RECEIVED = datetime(2026, 11, 21, 12, tzinfo=UTC)
PATIENCE = Retries(ack_within=timedelta(minutes=5))
GUIDE = Path(__file__).parents[3] / "docs" / "dead-letters.md"
STREAM = "OVPO_TELEMETRY"
SECRET_NAME = "Anna Schmidt"
Told = TypeVar("Told")


@dataclass
class Office:
    """Writes letters of one tenant, and looks after what the command did with them."""

    settings: Settings
    folder: Path
    tenant: str = field(default_factory=lambda: f"dlq-{uuid4().hex[:12]}")
    consumers: list[str] = field(default_factory=list)

    def run(self, *arguments: str, stdin: int | None = None, **variables: str) -> subprocess.CompletedProcess[bytes]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OVPO_")}
        own = {"OVPO_HOME": str(self.settings.home), "OVPO_BROKER__PORT": str(self.settings.broker.port)}
        return subprocess.run(
            [sys.executable, "-m", "ovpo.cli.main", "dlq", *arguments],
            cwd=self.folder,
            env=inherited | own | variables,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )

    def said(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def answered(self, answer: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run the command with a person at the terminal who types this."""
        ours, theirs = pty.openpty()
        try:
            os.write(ours, answer.encode())
            return self.run(*arguments, stdin=theirs)
        finally:
            os.close(ours)
            os.close(theirs)

    def message(self, *items: Item, payload: bytes | None = None, **headers: str) -> Message:
        read = read_batch(batch(*items or [span()]), Reader(self.tenant))
        assert not read.errors
        [packed] = pack(read.accepted, self.tenant, RECEIVED)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Message(packed.message_id, self.tenant, packed.trace_key, payload or packed.payload, named)

    def bury(self, *messages: Message, reason: str = "no database") -> list[str]:
        """Publish the messages, give each of them up, and tell the ids of the letters, the oldest first."""

        async def told(broker: Broker) -> list[str]:
            known = await self._letters(broker)
            await broker.publisher(QUEUE).publish_many(messages)
            for delivery in await self._deliveries(broker, [message.message_id for message in messages]):
                await delivery.term(reason)  # one after the other, so that they die in this order
            await self._forget_in_queue()
            return [letter for letter in await self._letters(broker) if letter not in known]

        return self._with_broker(told)

    def letters(self) -> list[str]:
        return self._with_broker(self._letters)

    def attempts_in_queue(self) -> dict[str, int]:
        """Take what is in the queue of this tenant and tell which attempt each message is at."""

        async def told(broker: Broker) -> dict[str, int]:
            start = FromTime(datetime.now(UTC) - timedelta(hours=1))
            ids = [
                one.message.message_id async for one in broker.read(QUEUE, start) if one.message.tenant == self.tenant
            ]
            return {one.stored.message.message_id: one.attempt for one in await self._deliveries(broker, ids)}

        return self._with_broker(told)

    def close(self) -> None:
        async def removed(broker: Broker) -> None:
            for letter in await self._letters(broker):
                await broker.dead_letters(QUEUE).remove(letter)
            await self._forget_in_queue()

        self._with_broker(removed)

    def _with_broker(self, use: Callable[[Broker], Awaitable[Told]]) -> Told:
        async def used() -> Told:
            broker = await open_broker(self.settings.broker)
            try:
                await broker.ensure(QUEUE)
                async with asyncio.timeout(40):
                    return await use(broker)
            finally:
                await broker.close()

        return asyncio.run(used())

    async def _letters(self, broker: Broker) -> list[str]:
        letters = await broker.dead_letters(QUEUE).page(None, 10_000)
        return [letter.letter_id for letter in letters if letter.tenant == self.tenant]

    async def _deliveries(self, broker: Broker, ids: list[str]) -> list[Delivery]:
        """Fetch with a new consumer, which begins at the beginning, until these messages have come."""
        name = f"dlq-{uuid4().hex[:16]}"
        self.consumers.append(name)
        consumer = await broker.consumer(QUEUE, name, PATIENCE)
        found: dict[str, Delivery] = {}
        while len(found) < len(ids):
            for one in await consumer.fetch(1_000, 1):
                if one.stored.message.message_id in ids:
                    found[one.stored.message.message_id] = one
        return [found[message_id] for message_id in ids]

    async def _forget_in_queue(self) -> None:
        """Leave nothing of ours in the queue, which other tests read too."""
        broker = self.settings.broker
        client = await nats.connect(
            f"nats://{LOOPBACK}:{broker.port}", user=broker.user, password=broker.password.get_secret_value()
        )
        stream = client.jetstream()
        while self.consumers:
            await stream.delete_consumer(STREAM, self.consumers.pop())
        await stream.purge_stream(STREAM, subject=f"ovpo.{QUEUE.name}.{self.tenant}.*")
        await client.close()


@pytest.fixture
def office(settings: Settings, tmp_path: Path) -> Iterator[Office]:
    made = Office(settings, tmp_path)
    yield made
    made.close()


def only_line(text: bytes) -> str:
    lines = text.decode().strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]


def test_letters_are_listed_oldest_first_and_page_after_page(office: Office) -> None:
    ids = office.bury(*[office.message() for _ in range(3)], reason="no database answers")
    first = office.said("list", "--tenant", office.tenant, "--limit", "2")
    assert [letter["id"] for letter in first["letters"]] == ids[:2]
    assert first["next_after"] == ids[1]
    [letter, _] = first["letters"]
    assert (letter["tenant"], letter["attempts"], letter["reason"]) == (office.tenant, 1, "no database answers")
    assert letter["bytes"] > 0
    assert datetime.now(UTC) - datetime.fromisoformat(letter["died_at"]) < timedelta(minutes=5)
    table = office.run("list", "--tenant", office.tenant, "--limit", "2").stdout.decode()
    assert [line.split()[0] for line in table.splitlines()[1:3]] == ids[:2]
    following = f"ovpo dlq list --after {ids[1]} --limit 2 --tenant {office.tenant}"
    assert table.splitlines()[-1] == f"There are more: {following}"
    last = office.run(*following.split()[2:]).stdout.decode()
    assert [line.split()[0] for line in last.splitlines()[1:-1]] == ids[2:]
    assert last.splitlines()[-1] == "There are no more."


def test_letters_are_found_beyond_what_the_broker_is_asked_for_at_once(office: Office) -> None:
    ids = office.bury(*[office.message() for _ in range(PAGE + 1)])
    said = office.said("list", "--tenant", office.tenant, "--limit", str(2 * PAGE))
    assert ([letter["id"] for letter in said["letters"]], said["next_after"]) == (ids, None)


def test_a_tenant_without_letters_is_told_so(office: Office) -> None:
    done = office.run("list", "--tenant", office.tenant)
    assert (done.returncode, only_line(done.stdout)) == (0, f"No dead letters of tenant {office.tenant}.")
    assert office.said("list", "--tenant", office.tenant) == {
        "queue": "telemetry",
        "letters": [],
        "next_after": None,
    }


def test_a_letter_is_shown_with_the_names_of_its_items_and_without_their_values(office: Office) -> None:
    trace = new_id()
    items = [span(trace, name=SECRET_NAME), *(event(trace, frame) for frame in range(24))]
    [letter] = office.bury(office.message(*items, X_Origin="a [b]test[/b]"))
    said = office.said("show", letter)
    assert said["items"] == [
        {"type": item["type"], "id": item.get("event_id", item["span_id"]), "trace_id": trace} for item in items
    ]
    assert said["headers"] == {"X-Origin": "a [b]test[/b]"}
    assert (said["trace"], said["unreadable"]) == (trace, None)
    assert datetime.fromisoformat(said["received_at"]) == RECEIVED
    shown = office.run("show", letter).stdout.decode()
    assert "a [b]test[/b]" in shown
    assert ["0", "span", items[0]["span_id"], trace] in [line.split() for line in shown.splitlines()]
    assert "and 5 more" in shown
    assert items[20]["event_id"] not in shown
    assert SECRET_NAME not in shown + json.dumps(said)


def test_the_payload_comes_byte_for_byte_and_only_when_asked_for(office: Office) -> None:
    garbage = b'{"tenant_id":"Anna Schmidt","message_type":"Anna Schmidt"}\x00\xff\n'
    [letter] = office.bury(office.message(payload=garbage), reason="unreadable: Invalid enum value 'Anna Schmidt'")
    done = office.run("show", letter)
    assert done.returncode == 0
    assert "no envelope of the telemetry queue" in done.stdout.decode()
    assert SECRET_NAME not in done.stdout.decode() + office.run("list", "--tenant", office.tenant).stdout.decode()
    assert office.run("show", letter, "--payload").stdout == garbage


def test_a_replayed_message_is_in_the_queue_at_its_first_attempt_and_no_letter_any_more(office: Office) -> None:
    messages = [office.message(), office.message()]
    ids = office.bury(*messages)
    done = office.run("replay", ids[0], ids[1], ids[0])
    assert (done.returncode, only_line(done.stdout)) == (0, "2 dead letters put back into the queue.")
    assert office.attempts_in_queue() == {message.message_id: 1 for message in messages}
    assert office.letters() == []


@pytest.mark.parametrize("command", [("replay",), ("remove", "--yes")])
def test_a_letter_that_is_gone_is_named_and_the_others_are_served(office: Office, command: tuple[str, ...]) -> None:
    gone, there = office.bury(office.message(), office.message())
    assert office.run("remove", gone, "--yes").returncode == 0
    done = office.run(*command, gone, there)
    assert done.returncode == 1
    assert only_line(done.stderr) == f"ovpo: queue telemetry has no dead letter {gone}; list those that it has"
    assert only_line(done.stdout).startswith("1 dead letter ")
    assert office.letters() == []


def test_all_letters_are_replayed_that_tenant_and_reason_choose(office: Office) -> None:
    [kept] = office.bury(office.message(), reason="damaged")
    message = office.message()
    office.bury(message, reason="PostgreSQL: no answer")
    done = office.run("replay", "--all", "--tenant", office.tenant, "--reason", "postgresql", "--yes")
    assert (done.returncode, only_line(done.stdout)) == (0, "1 dead letter put back into the queue.")
    assert office.letters() == [kept]
    assert office.attempts_in_queue() == {message.message_id: 1}
    none = office.run("replay", "--all", "--tenant", office.tenant, "--reason", "postgresql", "--yes")
    assert (none.returncode, only_line(none.stdout)) == (0, "No dead letters match; nothing was replayed.")


def test_a_person_is_asked_before_everything_is_replayed_or_anything_removed(office: Office) -> None:
    ids = office.bury(office.message(), office.message())
    every = ("replay", "--all", "--tenant", office.tenant)
    asked = office.answered("n\n", *every)
    assert asked.returncode == 1
    assert "Put 2 dead letters back into the queue telemetry? [y/N]" in asked.stderr.decode()
    assert office.answered("n\n", "remove", ids[0]).returncode == 1
    assert office.letters() == ids
    assert office.answered("y\n", "remove", ids[0]).returncode == 0
    assert office.answered("y\n", *every).returncode == 0
    assert office.letters() == []
    assert len(office.attempts_in_queue()) == 1


def test_without_a_terminal_nothing_is_replayed_or_removed_unasked(office: Office) -> None:
    ids = office.bury(office.message())
    for command in (("replay", "--all", "--tenant", office.tenant), ("remove", *ids)):
        done = office.run(*command)
        assert done.returncode == 2
        assert "say --yes" in only_line(done.stderr)
    assert office.letters() == ids


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (("replay",), "or say --all"),
        (("replay", "1", "--all"), "or say --all"),
        (("replay", "1", "--tenant", "demo"), "--tenant and --reason narrow --all"),
        (("show", "1", "--payload", "--json"), "give one of them"),
    ],
)
def test_a_contradiction_is_one_line_with_a_remedy(office: Office, arguments: tuple[str, ...], remedy: str) -> None:
    done = office.run(*arguments)
    assert done.returncode == 2
    assert remedy in only_line(done.stderr)


@pytest.mark.parametrize("letter", ["999999999", "first", "-1"])
def test_an_id_that_is_none_is_one_line(office: Office, letter: str) -> None:
    done = office.run("show", "--", letter)
    assert (done.returncode, done.stdout) == (1, b"")
    assert re.match(r"ovpo: .*(list those that it has|take one from their list)$", only_line(done.stderr))


def test_a_broker_that_is_away_is_one_line_that_names_its_setting(office: Office) -> None:
    [port] = free_ports(1)
    done = office.run("list", OVPO_BROKER__PORT=str(port))
    assert (done.returncode, done.stdout) == (1, b"")
    assert f"127.0.0.1:{port}" in only_line(done.stderr)
    assert "OVPO_BROKER__" in done.stderr.decode()


def test_every_command_on_the_page_for_operators_exists() -> None:
    shown = [line.removeprefix("$ ovpo ") for line in GUIDE.read_text().splitlines() if line.startswith("$ ovpo ")]
    assert len(shown) > 5
    group = get_command(app)
    for line in shown:
        dlq, name, *arguments = shlex.split(line.partition(" > ")[0])
        assert dlq == "dlq"
        group.commands[name].make_context(name, arguments)  # type: ignore[attr-defined]

# SPDX-License-Identifier: Apache-2.0
"""The background thread: encodes what callers left, has it wait in memory or on disk, brings it to the collector."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from queue import Empty
from threading import Thread, current_thread
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeVar

from ovpo_sdk.ids import new_id
from ovpo_sdk.transport.answers import Conflict, Denied, Refused, Taken, TooLarge, TryAgain
from ovpo_sdk.transport.backoff import delay
from ovpo_sdk.transport.batches import Batch, batch
from ovpo_sdk.transport.chunks import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ovpo_sdk.transport.answers import ItemError, Outcome
    from ovpo_sdk.transport.pipe import Pipe
    from ovpo_sdk.transport.sending import Sender
    from ovpo_sdk.transport.waiting import Waiting

SPOOL_SECONDS: Final = 0.2
"""How long an item is in memory alone where there is a spool: what `kill -9` can take."""
LONGEST_REST_SECONDS: Final = 3600.0
DENIED_SECONDS: Final = 30.0
"""A wrong key or address rarely becomes right while a program runs."""
FAULT_SECONDS: Final = 1.0
T = TypeVar("T")
_log: Final = logging.getLogger("ovpo_sdk")


@dataclass(frozen=True, slots=True)
class Route:
    """How often things are brought, as whom, and who hears of refused items."""

    tenant: str | None
    flush_seconds: float
    on_error: Callable[[ItemError], None] | None


class Courier:
    """One thread and what it has in hand."""

    def __init__(self, pipe: Pipe, waiting: Waiting, sender: Sender, route: Route) -> None:
        self._pipe = pipe
        self._waiting = waiting
        self._sender = sender
        self._route = route
        self._tenant = route.tenant
        self._fresh()

    def _fresh(self) -> None:
        self._thread: Thread | None = None
        self._batches: list[Batch] = []
        self._failed_tries = self._failures = 0
        self._try_at = self._keep_at = 0.0
        self._send_at = monotonic() + self._route.flush_seconds
        self._conflicts = 0
        self._is_denied = False
        self._stopping = False
        self._told: set[str] = set()

    def start(self) -> None:
        """Start the thread."""
        self._thread = Thread(target=self._run, name="ovpo-sdk", daemon=True)
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Have the thread end, with what it has under way, and wait for it so long."""
        self._stopping = True
        self._pipe.wake.put(False)
        self._sender.close()
        if self._thread is not None and self._thread is not current_thread():
            self._thread.join(seconds)

    def after_fork_in_child(self) -> None:
        """Begin anew with nothing in hand; the thread is the parent's."""
        self._fresh()

    def _run(self) -> None:
        self._guarded(self._waiting.adopt)
        while not self._stopping:
            asked = self._rest()
            self._guarded(partial(self._round, asked))
            self._guarded(self._pipe.say_what_is_to_be_said)
        self._guarded(self._leave)
        self._guarded(self._pipe.say_what_is_to_be_said)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do something; a fault of ours costs telemetry, never the thread."""
        try:
            work()
        except Exception as error:  # noqa: BLE001
            self._tell_once(f"fault {type(error).__name__}", f"a fault of the SDK: {error!r}; please report it")
            self._failed(FAULT_SECONDS)

    def _rest(self) -> bool:
        """Wait for work; tell whether somebody asked for sending."""
        left = (self._try_at if self._failed_tries else self._send_at) - monotonic()
        longest = SPOOL_SECONDS if self._waiting.spools else LONGEST_REST_SECONDS
        try:
            asked = self._pipe.wake.get(timeout=min(max(left, 0.001), longest))
        except Empty:
            return False
        while not self._pipe.wake.empty():
            asked = self._pipe.wake.get_nowait() or asked
        return asked

    def _round(self, asked: bool) -> None:
        self._pipe.drain()
        markers, now = self._pipe.markers_here(), monotonic()
        hurried = any(marker.gives_up for marker in markers)
        due = asked or markers or self._failed_tries or now >= self._send_at or self._waiting.has_a_batch
        if hurried or (due and now >= self._try_at):
            delivered = self._send(all_of_it=bool(markers))
            for marker in markers:
                if delivered or marker.gives_up or self._is_denied:
                    self._pipe.finish(marker, delivered=delivered)
        elif self._waiting.spools or self._failed_tries:
            self._waiting.keep(None)

    def _send(self, *, all_of_it: bool) -> bool:
        """Bring everything that is here until nothing is left, or a try fails; tell which.

        While the collector is away last frames stay held back, so that the last one is known when its span ends.
        """
        failures = self._failures
        self._send_at = monotonic() + self._route.flush_seconds
        self._waiting.keep(None if self._failed_tries and not all_of_it else Lane.PRECIOUS)
        while self._next() and self._bring(self._batches[0]):
            self._keep_up()
        if failures != self._failures:
            return False
        self._failed_tries, self._try_at = 0, 0.0
        if self._waiting.late_losses():
            self._pipe.send_now()
        return True

    def _keep_up(self) -> None:
        """Take in what comes while others are sent; to disk with it, every so often, where there is one."""
        self._pipe.drain()
        if self._waiting.spools and monotonic() >= self._keep_at:
            self._waiting.keep(None)
            self._keep_at = monotonic() + SPOOL_SECONDS

    def _asked(self, ask: Callable[[], T]) -> T:
        """Ask the collector something; where there is a disk, beside this thread, which goes on keeping things."""
        if not self._waiting.spools:
            return ask()
        answers: list[T] = []
        asking = Thread(target=lambda: answers.append(ask()), name="ovpo-asking", daemon=True)
        try:
            asking.start()
        except RuntimeError:
            return ask()
        while asking.is_alive():
            asking.join(SPOOL_SECONDS)
            self._guarded(self._keep_up)
        return answers[0]

    def _next(self) -> bool:
        """Have a batch in hand."""
        if self._batches:
            return True
        if self._tenant is None and not self._learn_tenant():
            return False
        lines = self._waiting.take()
        if lines:
            self._batches = [self._batch(lines)]
        return bool(lines)

    def _batch(self, lines: Sequence[bytes]) -> Batch:
        return batch(new_id(), datetime.now(UTC), self._tenant or "", lines)

    def _learn_tenant(self) -> bool:
        if self._waiting.is_empty:
            return False
        told = self._asked(self._sender.whoami)
        if isinstance(told, str):
            self._tenant = told
            return True
        self._count_failure(told)
        return False

    def _bring(self, one: Batch) -> bool:
        """Send a batch; tell whether to go on."""
        with self._pipe.lock:
            self._pipe.tally.requests += 1
        outcome = self._asked(partial(self._sender.send, one.body, one.batch_id, one.items))
        if isinstance(outcome, Taken):
            self._taken(outcome)
        elif isinstance(outcome, TooLarge) and one.items > 1:
            lines = one.lines
            half = len(lines) // 2
            self._batches[:1] = [self._batch(lines[:half]), self._batch(lines[half:])]
        elif isinstance(outcome, Conflict) and not self._conflicts:
            self._conflicts += 1
            self._batches[0] = self._batch(one.lines)
        elif isinstance(outcome, Refused | TooLarge | Conflict):
            self._refused(one, outcome)
        else:
            self._count_failure(outcome)
            return False
        return True

    def _taken(self, answer: Taken) -> None:
        with self._pipe.lock:
            tally = self._pipe.tally
            tally.delivered += answer.processed + answer.duplicate
            tally.duplicates += answer.duplicate
            tally.refused += answer.failed
            tally.refusals.update(error.code for error in answer.errors)
        for error in answer.errors:
            self._tell_once(
                f"{error.code} {error.field}",
                f"the collector refused a {error.item_type or 'item'}: {error.code} {error.field}: {error.message}",
            )
            self._hear(error)
        self._done()

    def _hear(self, error: ItemError) -> None:
        """Have the caller's own function told; whatever it raises is its own affair."""
        if self._route.on_error is None:
            return
        try:
            self._route.on_error(error)
        except BaseException as raised:  # noqa: BLE001
            self._tell_once("on_error", f"on_error raised {type(raised).__name__}; correct it")

    def _refused(self, one: Batch, outcome: Refused | TooLarge | Conflict) -> None:
        code = outcome.code if isinstance(outcome, Refused) else type(outcome).__name__
        message = outcome.message if isinstance(outcome, Refused) else "it cannot be made smaller"
        with self._pipe.lock:
            self._pipe.tally.refused += one.items
            self._pipe.tally.refusals[code] += one.items
        self._tell_once(f"refused {code}", f"the collector refused a batch of {one.items} items: {code}: {message}")
        self._done()

    def _done(self) -> None:
        self._batches.pop(0)
        self._failed_tries = self._conflicts = 0
        self._is_denied = False
        self._try_at = 0.0
        self._told.discard("away")
        if not self._batches:
            self._waiting.landed()

    def _count_failure(self, outcome: Outcome) -> None:
        denied = self._is_denied = isinstance(outcome, Denied)
        cause = "denied" if denied else str(outcome.cause) if isinstance(outcome, TryAgain) else type(outcome).__name__
        message = outcome.message if isinstance(outcome, Denied | TryAgain) else "an unexpected answer"
        after = outcome.after_seconds if isinstance(outcome, TryAgain) else None
        with self._pipe.lock:
            self._pipe.tally.failures[cause] += 1
        self._tell_once(
            "denied" if denied else "away",
            f"{message}; telemetry is kept, within limits, until the collector takes it. The program is not affected",
        )
        self._failed(DENIED_SECONDS if denied else after)

    def _failed(self, after: float | None) -> None:
        self._failed_tries += 1
        self._failures += 1
        self._try_at = monotonic() + delay(self._failed_tries, random.random(), after)  # noqa: S311

    def _leave(self) -> None:
        """Put what is still here on disk, where there is one, and close."""
        self._pipe.drain()
        self._waiting.keep(Lane.PRECIOUS)
        for marker in self._pipe.markers_here():
            self._pipe.finish(marker, delivered=False)
        self._waiting.close()
        self._sender.close()

    def _tell_once(self, what: str, message: str) -> None:
        if what not in self._told:
            self._told.add(what)
            _log.warning("ovpo: %s", message)

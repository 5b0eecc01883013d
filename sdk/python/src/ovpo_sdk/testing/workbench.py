# SPDX-License-Identifier: Apache-2.0
"""Where a pipeline is run: beside a collector in whatever state, each time in a process of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Final

from ovpo_sdk.configuration import SPOOL
from ovpo_sdk.testing.answering import INGEST
from ovpo_sdk.testing.child import Child, ChildError
from ovpo_sdk.testing.faults import Fault, Healthy
from ovpo_sdk.testing.judging import ItemFault, RefusedBatchError, judge
from ovpo_sdk.testing.protocol import Call, Called, End, Ended, Outcome
from ovpo_sdk.testing.receiver import Receiver, Request
from ovpo_sdk.testing.recording import Recording
from ovpo_sdk.testing.target import Target, TargetError, environment_for

LONGEST_SECONDS: Final = 900.0
"""What one run may take beside a healthy collector."""
LEAVING_SECONDS: Final = 30.0
"""What a process may take to exit beside a healthy collector."""
SETTLE_SECONDS: Final = 30.0
TENANT: Final = "compliance"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the pipeline, from its call to the end of its process."""

    outcome: Outcome
    seconds: float
    """The call, closing what was opened for it, and the exit of its process."""
    recording: Recording
    requests: tuple[Request, ...]
    """The batches that came, taken or not."""
    said: str = ""
    """The last line that was printed on standard error."""

    def ending(self) -> str:
        """Tell how the call ended, as part of a sentence."""
        if self.outcome.raised is not None:
            return f"raised {self.outcome.raised}"
        if self.outcome.exit_status:
            return f"exited with status {self.outcome.exit_status}" + (f" ({self.said})" if self.said else "")
        return "ended well"


@dataclass(frozen=True)
class Workbench:
    """A pipeline, the environment that it inherits, and how much may be spent on it."""

    target: Target
    environment: Mapping[str, str]
    seconds: float
    """What each check that measures may take."""
    memory_bytes: int
    """How much more memory telemetry may take while the collector is away."""
    emits: int
    """How many items must be emitted before the memory that they take means anything."""

    @cached_property
    def healthy(self) -> Run:
        """Run it beside a collector that works; raise TargetError where it does not come to its end."""
        return self.fresh()

    @cached_property
    def again(self) -> Run:
        """Do so a second time: what differs between the two is the pipeline's own doing."""
        return self.fresh()

    def run(self, receiver: Receiver, seconds: float, *, settle_seconds: float = 0.0, spool: str | None = None) -> Run:
        """Run it once beside a receiver in its present state; raise ChildError when it takes longer, or crashes."""
        extra = {} if spool is None else {SPOOL: spool}
        with self.child(receiver, extra) as child:
            called = child.ask(Call(settle_seconds=settle_seconds), seconds + settle_seconds)
            ended = child.ask(End(), seconds)
            left = child.leave(seconds)
            said = child.said()
        if not isinstance(called, Called) or not isinstance(ended, Ended):
            raise ChildError("answered with something else")
        requests = tuple(one for one in receiver.requests if one.path == INGEST)
        taken = sum(called.seconds) + ended.seconds + left
        return Run(called.outcome, taken, recorded(receiver), requests, said)

    def child(self, receiver: Receiver, extra: Mapping[str, str] | None = None) -> Child:
        """Give a process for it whose collector is that receiver; it starts when entered."""
        environment = environment_for(self.environment, receiver.endpoint, receiver.key, receiver.tenant)
        return Child(self.target, {**environment, **(extra or {})})

    def fresh(self) -> Run:
        """Do so once more."""
        with collector() as receiver:
            try:
                run = self.run(receiver, LONGEST_SECONDS, settle_seconds=SETTLE_SECONDS)
            except ChildError as error:
                raise TargetError(f"{self.target} {error}, with a healthy collector") from None
        if not run.requests and (run.outcome.raised is not None or run.outcome.exit_status):
            raise TargetError(f"{self.target} {run.ending()} before it sent anything")
        return run


@contextmanager
def collector(fault: Fault | None = None, *, away: bool = False) -> Iterator[Receiver]:
    """Give a collector in a state; one that is away holds its port and refuses."""
    receiver = Receiver(tenant=TENANT)
    receiver.fault = fault or Healthy()
    try:
        if not away:
            receiver.start()
        yield receiver
    finally:
        receiver.close()


def recorded(receiver: Receiver) -> Recording:
    """Look at everything that a receiver has taken, and at what it has not."""
    return Recording(
        traces=tuple(record for trace in receiver.traces() for record in receiver.trace_records(trace.trace_id)),
        spans=receiver.spans(),
        frames=receiver.frames(),
        refused=tuple(_refused_item(fault) for fault in receiver.refused)
        + tuple(_refused_batch(request, receiver.tenant) for request in receiver.requests if _is_refused(request)),
    )


def _is_refused(request: Request) -> bool:
    return request.status is not None and HTTPStatus.BAD_REQUEST <= request.status < HTTPStatus.INTERNAL_SERVER_ERROR


def _refused_item(fault: ItemFault) -> str:
    item = f"{fault.item_type or 'an item'} {fault.item_id or ''}".strip()
    return f"the collector refuses {item} ({fault.code}): {fault.field} {fault.message}"


def _refused_batch(request: Request, tenant: str) -> str:
    answered = f"{request.method} {request.path} was answered {request.status}"
    if request.status == HTTPStatus.UNAUTHORIZED:
        return f"{answered}: send `Authorization: Bearer` with the key in OVPO_KEY"
    if request.status == HTTPStatus.CONFLICT:
        return f"{answered}: its Idempotency-Key came before with another body; give each batch a key of its own"
    if request.status == HTTPStatus.BAD_REQUEST:
        try:
            judge(request.body, tenant)
        except RefusedBatchError as error:
            return f"{answered}: {error}"
    return f"{answered} ({HTTPStatus(request.status or 0).phrase}): see what the collector takes there"

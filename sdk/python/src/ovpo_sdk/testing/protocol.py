# SPDX-License-Identifier: Apache-2.0
"""What the suite and the process that runs a pipeline say to one another: a JSON object a line, each way. Pure."""

from typing import Final

import msgspec
from msgspec import Struct


class Begin(Struct, frozen=True, tag=True):
    """Make the pipeline ready; answered by Ready or Unusable."""

    function: str | None = None
    command: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    """All of it, for a command. A function finds its own in its process."""


class Call(Struct, frozen=True, tag=True):
    """Run the pipeline so many times; answered by Called."""

    telemetry: bool = True
    times: int = 1
    settle_seconds: float = 0.0
    """How long to wait, after the calls and untimed, until all is delivered; only with a client that was handed in."""


class End(Struct, frozen=True, tag=True):
    """Close what is open; answered by Ended, after which the process ends."""


class Ready(Struct, frozen=True, tag=True):
    """The pipeline is there."""


class Unusable(Struct, frozen=True, tag=True):
    """The pipeline is not there, or takes something that nobody gives it."""

    reason: str


class Outcome(Struct, frozen=True):
    """What a call gave to whoever called."""

    digest: str
    """Of the function's result, or of what the command printed on standard output."""
    raised: str | None = None
    """The function's exception, on one line."""
    exit_status: int = 0
    """The command's."""


class Called(Struct, frozen=True, tag=True):
    """The calls were made."""

    outcome: Outcome
    """Of the last of them."""
    seconds: tuple[float, ...]
    peak_bytes: int
    """The most memory that the pipeline's process held so far."""


class Ended(Struct, frozen=True, tag=True):
    """Everything is closed."""

    seconds: float


Order = Begin | Call | End
Reply = Ready | Unusable | Called | Ended
ORDERS: Final[msgspec.json.Decoder[Order]] = msgspec.json.Decoder(Order)
REPLIES: Final[msgspec.json.Decoder[Reply]] = msgspec.json.Decoder(Reply)


def line(message: Order | Reply) -> bytes:
    """Give a message as it is written."""
    return msgspec.json.encode(message) + b"\n"

# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a collector, as values that a `Receiver` is set to.

`for_requests` limits a fault to the next so many requests, after which the receiver is healthy again; `None` lasts
until another is set. A collector that is away altogether is `Receiver.stop()`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Part(Enum):
    """A part of an answer."""

    HEADERS = "headers"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Healthy:
    """Nothing is wrong."""

    for_requests: int | None = None


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers this to whatever is asked, and takes nothing: an error, a rate limit, somebody else's page.

    A `Content-Length` among the headers stands as given; when the body is shorter, the connection ends in its middle.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    for_requests: int | None = None


@dataclass(frozen=True, slots=True)
class Hanging:
    """Reads the request and never answers."""

    for_requests: int | None = None


@dataclass(frozen=True, slots=True)
class Dripping:
    """Takes the batch, then sends its answer byte by byte from this part on, with a pause before each."""

    part: Part = Part.HEADERS
    pause_seconds: float = 0.05
    for_requests: int | None = None


@dataclass(frozen=True, slots=True)
class TakenThenCut:
    """Takes the batch, then closes the connection without an answer."""

    for_requests: int | None = None


@dataclass(frozen=True, slots=True)
class Cutting:
    """Closes the connection as soon as a request begins."""

    for_requests: int | None = None


Fault = Healthy | Answering | Hanging | Dripping | TakenThenCut | Cutting

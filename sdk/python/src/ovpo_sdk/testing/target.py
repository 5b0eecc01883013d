# SPDX-License-Identifier: Apache-2.0
"""The pipeline under test: a function of a module, or a command in any language. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shlex import join
from typing import Final

from ovpo_sdk.configuration import VARIABLES
from ovpo_sdk.errors import OvpoError

_FUNCTION: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class TargetError(OvpoError):
    """A pipeline that cannot be tested: it is not there, or does not come to its end with a healthy collector."""


@dataclass(frozen=True, slots=True)
class Target:
    """One of both."""

    function: str | None = None
    """`module:function`."""
    command: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.function or join(self.command)


def target_of(given: str | Sequence[str]) -> Target:
    """Read a text as `module:function` and a list of words as a command; raise TargetError for what is neither."""
    if not isinstance(given, str):
        if not given:
            raise TargetError("the command has no words; name a program and its arguments")
        return Target(command=tuple(given))
    if not _FUNCTION.fullmatch(given):
        raise TargetError(f"{given!r} is no pipeline; name it as module:function, or give a command after --, as words")
    return Target(function=given)


def environment_for(inherited: Mapping[str, str], endpoint: str, key: str, tenant: str) -> dict[str, str]:
    """Give a pipeline the collector that it is to send to, and nothing else of what may be set for this SDK."""
    others = {name: value for name, value in inherited.items() if name not in VARIABLES}
    return {**others, "OVPO_ENDPOINT": endpoint, "OVPO_KEY": key, "OVPO_TENANT": tenant}

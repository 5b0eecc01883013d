# SPDX-License-Identifier: Apache-2.0
"""The exit codes of the command, and the error that ends a command with one of them. Pure."""

from enum import IntEnum
from typing import Final


class Exit(IntEnum):
    """What the command says to whoever called it."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    AWAY = 5


EPILOG: Final = (
    "Exit codes: 0 done · 1 failed · 2 wrong usage or settings · 3 what was named is not there · "
    "4 refused: no key, a wrong one, a role that may not, too many requests · 5 no answer from the server or a store · "
    "130 Ctrl-C"
)


class CommandError(Exception):
    """Raised where a command cannot go on: what a person is told in one line, and the exit code."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code

# SPDX-License-Identifier: Apache-2.0
"""Calling the real command in this process, as a person or a script does: what it prints and exits with."""

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from ovpo.cli.main import run


@dataclass(frozen=True)
class Done:
    """What came of a call."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The only line that standard error has."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        return lines[0]

    @property
    def json(self) -> Any:
        """What it printed, which is JSON."""
        assert self.code == 0, self.err
        return json.loads(self.out)


@dataclass(frozen=True)
class Caller:
    """Somebody with a server and a key."""

    server: str
    key: str | None

    def __call__(self, *arguments: str, **variables: str) -> Done:
        """Run `ovpo` with these arguments; nothing that it prints may hold the key."""
        given = {"OVPO_SERVER": self.server, **({"OVPO_KEY": self.key} if self.key else {}), **variables}
        done = called(*arguments, **given)
        if self.key:
            assert self.key not in done.out + done.err
        return done


def called(*arguments: str, **variables: str) -> Done:
    """Run `ovpo` with these variables and no other of ours."""
    out, err = io.StringIO(), io.StringIO()
    with _environment(variables), redirect_stdout(out), redirect_stderr(err), patch.object(sys, "stdin", io.StringIO()):
        code = _exit_code(arguments)
    return Done(code, out.getvalue(), err.getvalue())


def _exit_code(arguments: tuple[str, ...]) -> int:
    with patch.object(sys, "argv", ["ovpo", *arguments]):
        try:
            run()
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("OVPO_")}
    with patch.dict(os.environ, {**others, "COLUMNS": "100", **variables}, clear=True):
        yield

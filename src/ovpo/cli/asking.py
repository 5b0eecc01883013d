# SPDX-License-Identifier: Apache-2.0
"""Asking a person before something is done that cannot be undone."""

import sys

import typer

from ovpo.cli.exits import CommandError, Exit


def make_sure(question: str, *, yes: bool) -> None:
    """Ask, and end the command unless the answer is yes; where nobody can answer, do nothing."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"{question} Nobody is there to answer; say --yes", Exit.USAGE)
    typer.confirm(question, abort=True, err=True)

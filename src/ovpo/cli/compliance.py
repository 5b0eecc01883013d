# SPDX-License-Identifier: Apache-2.0
"""`ovpo compliance`: whether a pipeline sends its telemetry as it should. The questions are `ovpo_sdk.testing`'s."""

import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from ovpo.cli.exits import CommandError, Exit
from ovpo.cli.output import Column, console, print_table
from ovpo.cli.words import printable, printable_json
from ovpo_sdk.testing.catalogue import CHECKS, Check
from ovpo_sdk.testing.findings import Finding, Verdict
from ovpo_sdk.testing.report import Report
from ovpo_sdk.testing.suite import SECONDS, ComplianceSuite
from ovpo_sdk.testing.target import TargetError

MARKS: Final = {
    Verdict.PASSED: ("✓", "green"),
    Verdict.FAILED: ("✗", "bold red"),
    Verdict.NOT_APPLICABLE: ("\N{EN DASH}", "dim"),
}
FINDINGS: Final[tuple[Column[Finding], ...]] = (
    Column("verdict", lambda finding: finding.verdict, lambda verdict: Text(*MARKS[verdict]), heading=""),
    Column("check", lambda finding: finding.check),
    Column("seconds", lambda finding: finding.seconds, lambda seconds: f"{seconds:.1f}", right=True, spare=1),
    Column("message", lambda finding: finding.message, folds=True),
)
QUESTIONS: Final[tuple[Column[Check], ...]] = (
    Column("check", lambda check: check.name),
    Column("asks", lambda check: check.asks, folds=True),
)

app = typer.Typer(help="Test whether a pipeline sends its telemetry as it should.", no_args_is_help=True)


class Form(StrEnum):
    """How the result is printed."""

    TABLE = "table"
    JSON = "json"


@app.callback()
def compliance() -> None:
    """Test whether a pipeline sends its telemetry as it should."""


@app.command("list")
def list_checks() -> None:
    """Name the checks and what each asks."""
    print_table(CHECKS, QUESTIONS)


@app.command()
def run(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET | -- COMMAND...",
            help="A function as module:function, called with an OvpoClient or with nothing; or, after --, a command in "
            "any language, which finds OVPO_ENDPOINT, OVPO_KEY and OVPO_TENANT in its environment.",
            show_default=False,
        ),
    ],
    check: Annotated[
        list[str] | None,
        typer.Option("--check", metavar="NAME", help="Make this check; may be given again. All unless given."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=1, help="How long the checks of overhead and of memory may measure, each.")
    ] = SECONDS,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON, too.")] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the report as JUnit XML, too.")
    ] = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="A table to read, or JSON.")] = Form.TABLE,
) -> None:
    """Run a pipeline beside collectors that work and that do not, and judge what it sends; exit with 1 on a fault.

    The pipeline runs some ten times and more, in processes of its own, and nothing that it sends leaves this machine.
    """
    for file in (json, junit):
        if file is not None and not file.parent.is_dir():
            raise CommandError(
                f"there is no folder {file.parent} for the report; name a file in one that is there", Exit.USAGE
            )
    report = _asked(words, check, seconds)
    for file, content in ((json, report.as_json), (junit, report.as_junit)):
        if file is not None:
            _write(file, content())
    if output is Form.JSON:
        sys.stdout.write(printable_json(report.as_json().decode()))
    else:
        _print(report)
    if not report.passed:
        raise typer.Exit(Exit.FAILED)


def _asked(words: list[str], names: list[str] | None, seconds: float) -> Report:
    """Ask, and tell of each check on standard error as it ends."""
    try:
        suite = ComplianceSuite(_target(words), names or None, seconds=seconds)
    except TargetError as error:
        raise CommandError(str(error), Exit.USAGE) from None
    try:
        return suite.run(_tell)
    except TargetError as error:
        raise CommandError(str(error), Exit.FAILED) from None


def _target(words: list[str]) -> str | list[str]:
    """Take one word for a function, unless it is a program that is here."""
    if len(words) == 1 and (":" in words[0] or shutil.which(words[0]) is None):
        return words[0]
    return words


def _tell(finding: Finding) -> None:
    mark, _ = MARKS[finding.verdict]
    typer.echo(f"{mark} {finding.check} ({finding.seconds:.1f} s)", err=True)


def _print(report: Report) -> None:
    print_table(report.findings, FINDINGS)
    screen = console()
    for finding in report.failures:
        for other in finding.told()[1:]:
            screen.print(Text(f"{finding.check}: {printable(other)}", "dim"))
    screen.print(Text(printable(report.summary), "bold"))


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise CommandError(f"the report cannot be written to {file}: {error.strerror}", Exit.USAGE) from None

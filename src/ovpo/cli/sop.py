# SPDX-License-Identifier: Apache-2.0
"""`ovpo sop`: scores a trainee's video of a procedure against a gold one, and makes what scoring builds on.

How a result is printed is `sop_view`'s, how files become what the engine takes is `sop_inputs`'.
"""

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from uuid import uuid4

import msgspec
import typer

from ovpo.cli import sop_inputs as inputs
from ovpo.cli import sop_view as view
from ovpo.cli.exits import CommandError, Exit
from ovpo.cli.output import print_json
from ovpo.cli.sop_progress import stages
from ovpo.cli.words import count, printable
from ovpo.sop.result import Verdict

VERDICT_EXITS: Final = {Verdict.PASS: 0, Verdict.FAIL: 10, Verdict.NEEDS_REVIEW: 11, Verdict.CANNOT_JUDGE: 12}
"""Apart from the codes that every command has, so that a script can tell a failed run from a failed command."""
SCORE_EPILOG: Final = (
    "Exit codes: 0 pass · 10 fail · 11 needs review · 12 cannot judge · 1 a file cannot be used · 2 wrong usage · "
    "3 a file is not there · 130 Ctrl-C"
)


class EmbedderName(StrEnum):
    """What turns pictures into numbers."""

    HEURISTIC = "heuristic"
    VJEPA2 = "vjepa2"


Embedder = Annotated[
    EmbedderName,
    typer.Option(help="heuristic needs no model and no GPU; vjepa2 needs: pip install 'ovpo\\[vjepa2]'."),
]
Model = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="vjepa2 only: a folder with config.json and weights, or a name on the hub."),
]
DefinitionFile = Annotated[
    Path | None,
    typer.Option(
        "--definition",
        metavar="FILE",
        help="The procedure's steps by name, YAML or JSON. Found in the gold unless given.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Videos = Annotated[list[Path], typer.Argument(metavar="VIDEO...", help="Video files, or .npy files of ovpo sop embed.")]

app = typer.Typer(
    help="Score a trainee's video of a procedure against a gold demonstration.",
    no_args_is_help=True,
)


@app.callback()
def sop() -> None:
    """Score a trainee's video of a procedure against a gold demonstration."""


@app.command(epilog=SCORE_EPILOG)
def score(
    gold: Annotated[Path, typer.Argument(help="The demonstration: a video, or a .npy file of ovpo sop embed.")],
    trainee: Annotated[Path, typer.Argument(help="The run to score: the same kind of file.")],
    definition: DefinitionFile = None,
    embedder: Embedder = EmbedderName.HEURISTIC,
    model: Model = None,
    adapter: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A feature_adapter_….npz of ovpo sop fit; the calibration beside it is used too. Learnt from the gold "
            "alone unless given.",
        ),
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a PDF report, too.")] = None,
    explain: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write the result, its pictures and what they are drawn from, too."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of tables.")] = False,
    quiet: Quiet = False,
) -> None:
    """Compare two videos: which steps were left out, swapped, added, repeated, too slow or done wrongly.

    For example: **ovpo sop score gold.mp4 trainee.mp4 --definition filter.yaml --report trainee.pdf**
    """
    with inputs.sop_errors(), stages(quiet) as told:
        from ovpo.sop.comparing import compare

        _check_outputs(report, explain)
        fitted = inputs.fitted(adapter)
        comparison = compare(
            gold,
            trainee,
            definition=definition,
            embedder=inputs.embedder(embedder, model),
            adapter=fitted.adapter,
            calibration=fitted.calibration,
            progress=told,
            now=datetime.now(UTC),
        )
        if report is not None or explain is not None:
            from ovpo.sop.picturing import pictures_of

            told("pictures", 0.0)
            pictures = pictures_of(comparison)
            told("pictures", 1.0)
            if explain is not None:
                from ovpo.sop.explain.bundle import write_bundle

                write_bundle(comparison.result, pictures, explain)
            if report is not None:
                from ovpo.sop.report.document import write_report

                write_report(comparison.result, pictures, report)
    if as_json:
        print_json(msgspec.json.encode(comparison.result))
    else:
        view.print_result(comparison.result)
        for what, path in (("report", report), ("explained in", explain)):
            if path is not None:
                typer.echo(f"{what}: {printable(str(path))}")
    raise typer.Exit(VERDICT_EXITS[comparison.result.verdict])


@app.command()
def embed(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO...", help="Video files.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the files go.")] = Path(),
    embedder: Embedder = EmbedderName.HEURISTIC,
    model: Model = None,
    quiet: Quiet = False,
) -> None:
    """Turn videos into embeddings, NAME.npy with NAME.json beside it, which the other commands take, too.

    For example: **ovpo sop embed gold.mp4 trainee.mp4 --out embeddings**
    """
    _refuse_same_names(videos)
    with inputs.sop_errors(), stages(quiet) as told:
        from ovpo.sop.embedding_files import refuse_to_replace, save

        chosen = inputs.embedder(embedder, model)
        inputs.make_folder(out)
        for video in videos:
            refuse_to_replace(out / f"{video.stem}.npy")
        for video in videos:
            made = inputs.embedding(video, chosen, told)
            file = save(out / f"{video.stem}.npy", made)
            typer.echo(f"{printable(str(file))}  {count(len(made.rows), 'row')} of {made.rows.shape[1]}")


@app.command()
def fit(
    golds: Videos,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the adapter goes; no file is overwritten.")],
    embedder: Embedder = EmbedderName.HEURISTIC,
    model: Model = None,
    quiet: Quiet = False,
) -> None:
    """Learn a feature adapter from gold videos, all that there are; never give it a trainee's.

    For example: **ovpo sop fit gold/*.mp4 --out adapters**
    """
    with inputs.sop_errors(), stages(quiet) as told:
        from ovpo.sop.adapters.files import save
        from ovpo.sop.adapters.fitting import fit as fitted

        chosen = inputs.embedder(embedder, model)
        seen = [inputs.embedding(gold, chosen, told) for gold in golds]
        file = save(out, fitted(seen, now=datetime.now(UTC), id=uuid4().hex[:12]))
        typer.echo(printable(str(file)))


@app.command()
def calibrate(
    gold: Annotated[Path, typer.Argument(help="The gold video.")],
    adapter: Annotated[Path, typer.Option(metavar="FILE", help="A feature_adapter_….npz of ovpo sop fit.")],
    retake: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Another good run of the procedure, a video or .npy; may be given again."),
    ] = None,
    definition: DefinitionFile = None,
    embedder: Embedder = EmbedderName.HEURISTIC,
    model: Model = None,
    quiet: Quiet = False,
) -> None:
    """Learn what is usual between good runs, and write it beside the adapter, where ovpo sop score finds it.

    From three retakes on they alone count; with fewer, the gold's own pictures, made darker and so on, do as well.
    For example: **ovpo sop calibrate gold.mp4 --adapter adapters/feature_adapter_….npz --retake second.mp4**
    """
    with inputs.sop_errors(), stages(quiet) as told:
        from ovpo.sop.calibration.files import save
        from ovpo.sop.definitions.reading import load
        from ovpo.sop.standard import prepare
        from ovpo.sop.watching import look

        chosen = inputs.embedder(embedder, model)
        fitted = inputs.adapter(adapter)
        standard = prepare(
            look(gold, chosen),
            chosen,
            definition=load(definition) if definition else None,
            adapter=fitted,
            retakes=[inputs.embedding(one, chosen, told) for one in retake or ()],
            progress=told,
            now=datetime.now(UTC),
        )
        file = save(adapter.parent, fitted, standard.calibration)
    view.print_calibration(standard.calibration)
    typer.echo(printable(str(file)))


@app.command()
def probe(
    video: Annotated[Path, typer.Argument(help="A video file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look a video over as scoring would: whether it can be read, and what it is.

    For example: **ovpo sop probe trainee.mp4**
    """
    with inputs.sop_errors():
        from ovpo.sop.video.probing import probe as probed

        found = probed(video)
    if as_json:
        print_json(msgspec.json.encode(found))
    else:
        view.print_probe(found)


@app.command()
def schema() -> None:
    """Print the JSON schema of a result.

    For example: **ovpo sop schema > result.schema.json**
    """
    from ovpo.sop.result_schema import schema_text

    sys.stdout.write(schema_text())


def _check_outputs(report: Path | None, explain: Path | None) -> None:
    """Refuse before the work what could not be written after it."""
    if report is not None and (report.is_dir() or not report.parent.is_dir()):
        raise CommandError(f"--report: {report} cannot be a file there; name one in a folder that is there", Exit.USAGE)
    if explain is not None:
        from ovpo.sop.explain.bundle import refuse_to_replace

        refuse_to_replace(explain)


def _refuse_same_names(videos: list[Path]) -> None:
    names = [video.stem for video in videos]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise CommandError(
            f"two videos are named {', '.join(sorted(twice))}, and would make one file; embed them into two folders",
            Exit.USAGE,
        )

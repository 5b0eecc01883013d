# SPDX-License-Identifier: Apache-2.0
"""From what `ovpo sop` is given to what the engine takes, and from the engine's errors to the command's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ovpo.cli.exits import CommandError, Exit
from ovpo.sop.errors import DefinitionError, SopError

if TYPE_CHECKING:
    from ovpo.sop.adapters.adapter import Adapter
    from ovpo.sop.calibration.calibration import Calibration
    from ovpo.sop.embedders.interface import Embedder
    from ovpo.sop.embedding import Embedding

NOT_THERE: Final = "missing"
"""The code of a file that was named and is not there, whatever was to be in it."""
Told = Callable[[str, float], None]


@contextmanager
def sop_errors() -> Iterator[None]:
    """Say what the engine cannot use in the command's words."""
    try:
        yield
    except SopError as error:
        raise CommandError(str(error), _exit_of(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}; name another place, or make room there") from None


def _exit_of(error: SopError) -> Exit:
    if error.code == NOT_THERE:
        return Exit.NOT_FOUND
    return Exit.USAGE if isinstance(error, DefinitionError) else Exit.FAILED


@dataclass(frozen=True, slots=True)
class Fitted:
    """An adapter and what was calibrated for it, as far as there is any."""

    adapter: "Adapter | None" = None
    calibration: "Calibration | None" = None


def adapter(file: Path) -> "Adapter":
    """Read an adapter."""
    from ovpo.sop.adapters.files import load

    return load(file)


def fitted(file: Path | None) -> Fitted:
    """Read an adapter, where one is named, and the calibration beside it, where there is one."""
    if file is None:
        return Fitted()
    from ovpo.sop.calibration import files

    read = adapter(file)
    beside = files.path_of(file)
    return Fitted(read, files.load(beside, read) if beside.exists() else None)


def embedder(name: str, model: str | None) -> "Embedder":
    """Choose an embedder."""
    from ovpo.sop.embedders.choosing import choose
    from ovpo.sop.embedders.vjepa2.options import VJepa2Options

    if model is None:
        return choose(name)
    if name != "vjepa2":
        raise CommandError(f"--model: {name} has no model; give --embedder vjepa2 with it", Exit.USAGE)
    return choose(name, VJepa2Options(model=model))


def embedding(path: Path, chosen: "Embedder", told: Told) -> "Embedding":
    """Give the raw embedding of a video, or the one that a file of rows holds."""
    from ovpo.sop.embedding_files import is_stored, load

    if is_stored(path):
        return load(path)
    from ovpo.sop.watching import watch

    return watch(path, chosen, progress=lambda share: told(path.name, share))


def make_folder(folder: Path) -> None:
    """Make a folder for what will be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"--out: {folder} cannot be a folder: {error.strerror}", Exit.USAGE) from None

# SPDX-License-Identifier: Apache-2.0
"""Where the servers lie that came as Python packages; a missing one is said with what to install."""

import shutil
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from ovpo.foundation.stack.errors import StackError

INSTALL = "run `pip install ovpo` again, or set {variable} to a server of yours"


def package_folder(module: str, package: str, variable: str) -> Path:
    """Find the folder of an installed package without importing it."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise _missing(package, variable)
    return Path(spec.origin).parent


def script(name: str, package: str, variable: str) -> Path:
    """Find a program that a package put beside the interpreter, or anywhere on the path."""
    beside = Path(sysconfig.get_path("scripts")) / name
    found = beside if beside.is_file() else shutil.which(name)
    if found is None:
        raise _missing(package, variable)
    return Path(found)


def binary(folder: Path, package: str, variable: str) -> Path:
    """Insist that a program is where its package puts it."""
    if not folder.is_file():
        raise _missing(package, variable)
    return folder


def _missing(package: str, variable: str) -> StackError:
    return StackError(f"the Python package {package} is not installed; " + INSTALL.format(variable=variable))

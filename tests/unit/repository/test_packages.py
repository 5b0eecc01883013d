# SPDX-License-Identifier: Apache-2.0
"""What is built is what is here: packages are listed by hand, so the list is compared with the folders."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCES = {
    "examples": ROOT,
    "ovpo": ROOT / "src",
    "ovpo_assets": ROOT,
    "resources": ROOT,
    "io_managers": ROOT,
    "sensors": ROOT,
    "schedules": ROOT,
}
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_package_is_listed_in_order() -> None:
    found = {
        ".".join(init.parent.relative_to(base).parts)
        for top, base in SOURCES.items()
        for init in (base / top).rglob("__init__.py")
    }
    assert SETUPTOOLS["packages"] == sorted(found)


def test_every_file_that_is_not_python_is_listed_as_data() -> None:
    listed = {
        str((ROOT / "src").joinpath(*package.split("."), pattern))
        for package, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
    }
    data = [
        file
        for file in (ROOT / "src" / "ovpo").rglob("*.*")
        if file.is_file() and file.suffix != ".py" and "__pycache__" not in file.parts
    ]
    assert data
    assert [file for file in data if not any(fnmatch(str(file), pattern) for pattern in listed)] == []

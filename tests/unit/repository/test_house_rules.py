# SPDX-License-Identifier: Apache-2.0
"""The rules of the house that can be read off the text of the tracked files.

Each rule is a pure function from a path and a text to its offences; one test applies it to the repository and one shows
it finding a planted offence. Workflows and constraints have rules of their own beside this module.
"""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[3]
LONGEST_PYTHON_FILE = 500
LICENSED_SUFFIXES = {".py", ".sh", ".sql", ".toml", ".yaml", ".yml"}

# Spelled in pieces, so that this file does not hold what it forbids.
UNFINISHED = "|".join(("TO" + "DO", "FIX" + "ME"))
ADMITTED = "|".join(("BUG", "HA" + "CK", "ISSUE", "RISK", "X" * 3))
MARKER_IN_PROSE = re.compile(rf"\b(?:{UNFINISHED})\s*[:(]")
MARKER_IN_SOURCE = re.compile(rf"\b(?:{UNFINISHED})\b|(?:#|//|--|/\*)\s*(?:{ADMITTED})\b")
REGISTRY_HOSTS = [
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("python" + "hosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("crates", "io"),
        ("anaconda", "org"),
        ("download", "pytorch", "org"),
        ("proxy", "golang", "org"),
        ("rubygems", "org"),
        ("repo", "maven", "apache", "org"),
    )
]
INDEX_ADDRESSES = [r"index-url[\s=]+\S+://", r'"resolved":\s*"http']
REGISTRY = re.compile("|".join([*(rf"\b{re.escape(host)}\b" for host in REGISTRY_HOSTS), *INDEX_ADDRESSES]))
HOME_FOLDER = re.compile(r"(?<![\w.-])(?:/(?:home|Users)/[\w.-]+|/ro[o]t/|[A-Z]:\\Users\\)")

Rule = Callable[[PurePosixPath, str], list[str]]
Texts = list[tuple[PurePosixPath, str]]


def tracked_texts(root: Path) -> Iterator[tuple[PurePosixPath, str]]:
    """Give every text file that git tracks or would add, so that a new file counts before its first commit."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in sorted(set(filter(None, listed.split("\0")))):
        path = root / name
        if path.is_symlink() or not path.is_file():
            continue
        try:
            yield PurePosixPath(name), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def found(pattern: re.Pattern[str], path: PurePosixPath, text: str) -> list[str]:
    """Name each line that the pattern matches."""
    lines = enumerate(text.splitlines(), 1)
    return [f"{path}:{number}: {line.strip()}" for number, line in lines if pattern.search(line)]


def is_prose(path: PurePosixPath) -> bool:
    """Tell documentation, which may speak about markers and paths, from source, which may not hold them."""
    return path.suffix == ".md" or path.parts[0] == "docs"


def unlicensed(path: PurePosixPath, text: str) -> list[str]:
    """Require the licence within the first three lines of whatever is source."""
    is_source = path.suffix in LICENSED_SUFFIXES or path.name == "Makefile" or text.startswith("#!")
    expected = f"{'--' if path.suffix == '.sql' else '#'} SPDX-License-Identifier: Apache-2.0"
    return [f"{path}: lacks '{expected}'"] if is_source and expected not in text.splitlines()[:3] else []


def markers(path: PurePosixPath, text: str) -> list[str]:
    """Find notes of unfinished work; prose may name the words but not use them."""
    return found(MARKER_IN_PROSE if is_prose(path) else MARKER_IN_SOURCE, path, text)


def home_folders(path: PurePosixPath, text: str) -> list[str]:
    """Find paths below somebody's home folder."""
    return [] if is_prose(path) else found(HOME_FOLDER, path, text)


def checkout_paths(path: PurePosixPath, text: str, checkout: Path) -> list[str]:
    """Find the absolute path of the checkout itself, which generated files like to hold."""
    return found(re.compile(rf"(?<![\w./-]){re.escape(str(checkout))}(?![\w-])"), path, text)


def registries(path: PurePosixPath, text: str) -> list[str]:
    """Find addresses of package registries: where packages come from is for each machine to say."""
    return found(REGISTRY, path, text)


def long_python(path: PurePosixPath, text: str) -> list[str]:
    """Find Python files that hold more than one idea can need."""
    lines = len(text.splitlines())
    return [f"{path}: {lines} lines"] if path.suffix == ".py" and lines > LONGEST_PYTHON_FILE else []


PUBLISHED = {
    PurePosixPath("sdk/python/src/ovpo_sdk/__init__.py"),
    PurePosixPath("sdk/python/src/ovpo_sdk/testing/__init__.py"),
    PurePosixPath("sdk/python/src/ovpo_sdk/comfyui/__init__.py"),
}
"""Packages whose names are for other people's imports: they say which."""


def busy_packages(path: PurePosixPath, text: str) -> list[str]:
    """Find `__init__.py` files that are not exactly one docstring, but for those that publish names."""
    if path.name != "__init__.py" or path in PUBLISHED:
        return []
    module = ast.parse(text)
    is_docstring = len(module.body) == 1 and ast.get_docstring(module)
    return [] if is_docstring else [f"{path}: is not exactly one docstring"]


@pytest.fixture(scope="module")
def texts() -> Texts:
    """Read the repository once."""
    return list(tracked_texts(ROOT))


RULES = [unlicensed, markers, home_folders, registries, long_python, busy_packages]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_repository_keeps_the_rule(rule: Rule, texts: Texts) -> None:
    offences = [offence for path, text in texts for offence in rule(path, text)]
    assert not offences, "\n".join(offences)


def test_no_file_names_the_folder_it_was_written_in(texts: Texts) -> None:
    offences = [offence for path, text in texts for offence in checkout_paths(path, text, ROOT)]
    assert not offences, "\n".join(offences)


def test_the_rules_see_this_file(texts: Texts) -> None:
    assert PurePosixPath(Path(__file__).relative_to(ROOT).as_posix()) in dict(texts)


SPDX = "# SPDX-License-Identifier: Apache-2.0\n"
PLANTED: list[tuple[Rule, str, str]] = [
    (unlicensed, "a.py", '"""No licence."""\n'),
    (unlicensed, "a.toml", ""),
    (unlicensed, "a.yml", f"\n\n\n{SPDX}"),
    (unlicensed, "a.sql", SPDX),
    (unlicensed, "infra/Makefile", "all:\n"),
    (unlicensed, ".ci/run", "#!/bin/sh\nexit 0\n"),
    (markers, "a.py", "# TO" + "DO later\n"),
    (markers, "a.ts", "run() // FIX" + "ME\n"),
    (markers, "a.sql", "-- HA" + "CK around the planner\n"),
    (markers, "README.md", "TO" + "DO: write this\n"),
    (home_folders, "a.toml", 'path = "/ho' + 'me/ada/ovpo"\n'),
    (home_folders, "a.py", "PATH = '/Us" + "ers/ada'\n"),
    (home_folders, "a.sh", "cat /ro" + "ot/notes\n"),
    (registries, "a.md", f"See https://{REGISTRY_HOSTS[0]}/project/ovpo\n"),
    (registries, "a.yml", f"host: files.{REGISTRY_HOSTS[1]}\n"),
    (registries, "pip.conf", "extra-index" + "-url = http://mirror.example/simple\n"),
    (registries, "package-lock.json", '"resol' + 'ved": "https://mirror.example/a.tgz"\n'),
    (long_python, "a.py", "x = 1\n" * (LONGEST_PYTHON_FILE + 1)),
    (busy_packages, "a/__init__.py", '"""Fine."""\nfrom a import b\n'),
    (busy_packages, "a/__init__.py", SPDX),
    (busy_packages, "a/__init__.py", "__all__ = []\n"),
]
INNOCENT: list[tuple[Rule, str, str]] = [
    (unlicensed, "a.py", f"#!/usr/bin/env python3\n{SPDX}"),
    (unlicensed, "a.sql", "-- SPDX-License-Identifier: Apache-2.0\nSELECT 1;\n"),
    (unlicensed, "a.json", "{}\n"),
    (markers, "README.md", "There is no TO" + "DO here.\n"),
    (markers, "a.py", "RISK = 'an issue, a bug'\n"),
    (home_folders, "docs/a.txt", "cd /ho" + "me/ada/ovpo\n"),
    (home_folders, "a.yml", "url: https://ovpo.example/ho" + "me/ada\n"),
    (registries, "a.md", "`pip install ovpo`\n"),
    (long_python, "a.py", "x = 1\n" * LONGEST_PYTHON_FILE),
    (busy_packages, "a/__init__.py", f'{SPDX}"""What belongs here."""\n'),
]


@pytest.mark.parametrize(("rule", "name", "text"), PLANTED)
def test_a_planted_offence_is_found(rule: Rule, name: str, text: str) -> None:
    assert len(rule(PurePosixPath(name), text)) == 1


@pytest.mark.parametrize(("rule", "name", "text"), INNOCENT)
def test_an_innocent_text_is_left_alone(rule: Rule, name: str, text: str) -> None:
    assert rule(PurePosixPath(name), text) == []


def test_the_folder_of_the_checkout_is_found_and_its_neighbour_is_not() -> None:
    text = "/srv/ovpo/data\n/srv/ovpo-2/data\nhttps://x.example/srv/ovpo\n'/srv/ovpo'\n"
    offences = checkout_paths(PurePosixPath("a.json"), text, Path("/srv/ovpo"))
    assert offences == ["a.json:1: /srv/ovpo/data", "a.json:4: '/srv/ovpo'"]


def test_a_new_file_counts_and_an_ignored_or_binary_or_deleted_one_does_not(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    for name in ("new.py", "ignored.py", "deleted.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff")
    subprocess.run(["git", "add", "deleted.py"], cwd=tmp_path, check=True)
    (tmp_path / "deleted.py").unlink()
    assert [str(path) for path, _ in tracked_texts(tmp_path)] == [".gitignore", "new.py"]

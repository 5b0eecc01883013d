# SPDX-License-Identifier: Apache-2.0
"""The passwords of an embedded stack: made once per data directory, in a file that only its owner may read.

The file has the shape of the settings tree and is its weakest source, so that whatever a person sets beats it.
"""

import secrets
import tomllib
from pathlib import Path

from ovpo.foundation.settings.faults import is_secret, leaves
from ovpo.foundation.settings.load import GENERATED
from ovpo.foundation.stack.parts.configuration import write_private

GIVEN_BY_PEOPLE = {("objects", "secret_access_key")}
BYTES = 24


def generate(root: Path) -> None:
    """Add a random value for every secret that the data directory does not hold yet."""
    file = root / GENERATED
    held = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    wanted = [path for path, field in leaves() if is_secret(field) and path not in GIVEN_BY_PEOPLE]
    values = {path: _held(held, path) or secrets.token_urlsafe(BYTES) for path in wanted}
    if any(not _held(held, path) for path in wanted):
        write_private(file, _toml(values))


def _held(tree: object, path: tuple[str, ...]) -> str:
    for name in path:
        tree = tree.get(name, {}) if isinstance(tree, dict) else {}
    return tree if isinstance(tree, str) else ""


def _toml(values: dict[tuple[str, ...], str]) -> str:
    tables: dict[tuple[str, ...], list[str]] = {}
    for (*table, name), value in values.items():
        tables.setdefault(tuple(table), []).append(f'{name} = "{value}"')
    return "\n".join(f"[{'.'.join(table)}]\n" + "\n".join(lines) + "\n" for table, lines in sorted(tables.items()))

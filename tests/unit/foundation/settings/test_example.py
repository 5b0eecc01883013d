# SPDX-License-Identifier: Apache-2.0
"""The committed `.env.example` is what the tree says, and every setting in it means something."""

import re
import subprocess
from pathlib import Path

from ovpo.foundation.settings.example import render
from ovpo.foundation.settings.faults import leaves, variable

ROOT = Path(__file__).parents[4]


def test_the_committed_example_is_what_the_tree_generates() -> None:
    assert (ROOT / ".env.example").read_text() == render(), "run: ovpo config example > .env.example"


def test_every_setting_says_what_it_is_for_and_what_it_takes() -> None:
    for path, field in leaves():
        assert field.description, f"{variable(path)} has no description"
        assert re.search(rf"^# .+; takes .+\n#{variable(path)}=", render(), re.MULTILINE)


def test_every_setting_is_read_somewhere() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [
        ROOT / name
        for name in listed.stdout.split()
        if not name.startswith(("tests/", "src/ovpo/foundation/settings/"))
    ]
    code = "\n".join(file.read_text() for file in files if file.exists())
    unread = [variable(path) for path, _ in leaves() if not re.search(rf"\.{path[-1]}\b", code)]
    assert not unread

# SPDX-License-Identifier: Apache-2.0
"""From a path below the inbox to what it says of a video: task, role, site, camera, operator. Pure.

An operator's name ends here: what goes on is its SHA-256.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self
from unicodedata import normalize

from ovpo.foundation.settings.faults import SettingsError, variable
from ovpo.foundation.settings.tree import Sop
from ovpo.sop.intake.errors import IntakeError
from ovpo.sop.records.rows import VideoRole

TASK: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MOST_LETTERS: Final = 128
_NEEDED: Final = frozenset({"task", "role"})
_TAKEN: Final = _NEEDED | {"file", "site", "camera", "operator"}


@dataclass(frozen=True, slots=True)
class Named:
    """What a path says of a video."""

    task_id: str
    role: VideoRole
    site_id: str = ""
    camera_id: str = ""
    operator_id_hash: str = ""


@dataclass(frozen=True, slots=True)
class Naming:
    """The patterns of paths, tried one after the other; the first that fits the whole path decides."""

    patterns: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, sop: Sop) -> Self:
        """Read the patterns from the settings; raise SettingsError for one that cannot be used."""
        given = (("folder_pattern", sop.folder_pattern), ("name_pattern", sop.name_pattern))
        return cls(tuple(_compiled(variable(("sop", name)), text) for name, text in given if text))

    def read(self, path: str) -> Named:
        """Read a path; raise IntakeError for one that says too little, or what cannot be."""
        for pattern in self.patterns:
            if found := pattern.fullmatch(path):
                return _named({name: normalize("NFC", text) for name, text in found.groupdict("").items()})
        raise IntakeError(
            "unknown_path",
            "the path below the inbox does not say task and role; lay the file into TASK/gold/ or TASK/trainee/, or "
            "name it TASK_gold.mp4 or TASK_trainee.mp4, unless OVPO_SOP__FOLDER_PATTERN and OVPO_SOP__NAME_PATTERN "
            "were set to something else",
        )


def _compiled(setting: str, text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise SettingsError(
            [f"{setting}: is no regular expression of Python ({error}); for a path written out, escape it"]
        ) from None
    groups = pattern.groupindex.keys()
    if missing := _NEEDED - groups:
        needed = ", ".join(f"(?P<{name}>...)" for name in sorted(missing))
        raise SettingsError([f"{setting}: lacks {needed}; without them nobody knows what a video shows"])
    if strange := groups - _TAKEN:
        raise SettingsError([f"{setting}: has the group {min(strange)}; takes {', '.join(sorted(_TAKEN))}"])
    return pattern


def _named(said: dict[str, str]) -> Named:
    task, role = said["task"], said["role"].lower()
    if not TASK.fullmatch(task):
        raise IntakeError(
            "bad_task",
            "the path's name for the task is none; takes up to 64 of a-z, 0-9, _ and -, beginning with a letter or "
            "digit: rename it",
        )
    if role not in tuple(VideoRole):
        raise IntakeError("bad_role", "the path's role is none; takes gold or trainee: rename it")
    for group in ("site", "camera"):
        if len(said.get(group, "")) > MOST_LETTERS:
            raise IntakeError(f"bad_{group}", f"the path's {group} is longer than {MOST_LETTERS} letters; shorten it")
    operator = said.get("operator", "")
    return Named(
        task_id=task,
        role=VideoRole(role),
        site_id=said.get("site", ""),
        camera_id=said.get("camera", ""),
        operator_id_hash=sha256(operator.encode()).hexdigest() if operator else "",
    )

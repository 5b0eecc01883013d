# SPDX-License-Identifier: Apache-2.0
"""JSON paths as errors name them: `$.attributes['a key'][3]`."""

import re
from collections.abc import Sequence
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LONGEST_NAME: Final = 64
_LONGEST_PATH: Final = 512


def path(steps: Sequence[str | int]) -> str:
    """Write the way to a field; names and paths that are too long to read are cut, and end in an ellipsis."""
    written = "$" + "".join(_step(step) for step in steps[:_LONGEST_PATH])
    return written if len(written) <= _LONGEST_PATH else f"{written[:_LONGEST_PATH]}…"


def anywhere(name: str) -> str:
    """Write the way to a name wherever it stands."""
    return f"$.{_step(name)}" if _step(name).startswith(".") else f"$..{_step(name)}"


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if len(step) <= _LONGEST_NAME and _PLAIN.match(step):
        return f".{step}"
    shown = step if len(step) <= _LONGEST_NAME else f"{step[:_LONGEST_NAME]}…"
    quoted = shown.replace("\\", "\\\\").replace("'", "\\'")
    return "['" + "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in quoted) + "']"

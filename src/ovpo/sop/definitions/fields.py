# SPDX-License-Identifier: Apache-2.0
"""One field at a time: text, a number or a truth out of plain data, or a line that names field, value and remedy."""

import unicodedata
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any, Final

UNPRINTED: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories that no report can print: control characters, halves of characters, line separators."""
MOST_UNKNOWN: Final = 5
"""So many unknown fields of a mapping are named."""


class Given:
    """A mapping of the file and where it stands; what is wrong with its fields goes to the list that all share."""

    def __init__(self, given: dict[Any, Any], where: str, faults: list[str]) -> None:
        self._given = given
        self._where = where
        self._faults = faults

    def __contains__(self, name: str) -> bool:
        return self._given.get(name) is not None

    def raw(self, name: str) -> Any:
        """Give a field as it stands."""
        return self._given.get(name)

    def place(self, name: str) -> str:
        """Name a field by its path in the file."""
        return f"{self._where}.{name}" if self._where else name

    def wrong(self, name: str, why: str, remedy: str) -> None:
        """Note what is wrong with a field."""
        self._faults.append(f"{self.place(name)}: {shown(self._given[name])} {why}; {remedy}")

    def lacks(self, name: str, remedy: str) -> None:
        """Note that a field is missing."""
        self._faults.append(f"{self.place(name)}: is missing; {remedy}")

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Note each field that has no meaning, with the known name that is nearest to it."""
        strange = [name for name in self._given if name not in known]
        for name in strange[:MOST_UNKNOWN]:
            near = get_close_matches(str(name)[:60], known, n=1, cutoff=0.6)
            meant = f"did you mean {near[0]}? " if near else ""
            self._faults.append(
                f"{self.place(shown(name, quoted=False))}: there is no such field; {meant}takes {', '.join(known)}"
            )

    def text(self, name: str, most: int, remedy: str) -> str | None:
        """Read a line of text, in Unicode's composed form."""
        value = self._given.get(name)
        found = unicodedata.normalize("NFC", value.strip()) if isinstance(value, str) else ""
        if value is None:
            self.lacks(name, remedy)
        elif not isinstance(value, str):
            self.wrong(name, "is not text", f"put it in quotes, {remedy}")
        elif any(unicodedata.category(letter) in UNPRINTED for letter in found):
            self.wrong(name, "has a character that cannot be printed", remedy)
        elif not 1 <= len(found) <= most:
            self.wrong(name, f"has {len(found)} characters", remedy)
        else:
            return found
        return None

    def number(self, name: str, least: float, most: float, takes: str = "a number") -> float | None:
        """Read a number within limits, both allowed."""
        value = self._given.get(name)
        remedy = f"takes {takes} from {least:g} to {most:g}"
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.wrong(name, "is not a number", remedy)
        elif not least <= value <= most:
            self.wrong(name, "is out of range", remedy)
        else:
            return float(value)
        return None

    def truth(self, name: str) -> bool:
        """Read true or false; absent is false."""
        if name not in self:
            return False
        value = self._given[name]
        if not isinstance(value, bool):
            self.wrong(name, "is neither true nor false", "write true or false, without quotes")
        return value is True


def shown(value: object, quoted: bool = True) -> str:
    """Show a value of the file in at most 60 characters, on one line."""
    if isinstance(value, dict | list):
        return f"a {'mapping' if isinstance(value, dict) else 'list'} of {len(value)}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    said = repr(value) if quoted or not (isinstance(value, str) and value.isprintable()) else str(value)
    return said if len(said) <= 60 else f"{said[:57]}…"

# SPDX-License-Identifier: Apache-2.0
"""Puts Hebrew and Arabic into the order in which they are drawn, letters joined, for a printer that knows neither.

It serves names and short phrases in a line that runs left to right; it is no full bidirectional algorithm.
"""

import unicodedata
from functools import cache
from typing import Final

_STRONG: Final = frozenset({"R", "AL"})
_NUMBERS: Final = frozenset({"EN", "AN"})
_INSIDE_NUMBERS: Final = frozenset({"CS", "ES"})
_MIRRORED: Final = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_CLOSES: Final = {")": "(", "]": "[", "}": "{"}
_FORMS: Final = ("isolated", "final", "initial", "medial")


def visual(text: str) -> str:
    """Turn each right-to-left stretch of a text around, joining its letters."""
    kinds = [unicodedata.bidirectional(character) for character in text]
    strong = [place for place, kind in enumerate(kinds) if kind in _STRONG]
    if not strong:
        return text
    out: list[str] = []
    place = 0
    while place < len(text):
        if kinds[place] not in _STRONG:
            out.append(text[place])
            place += 1
            continue
        end = place
        for later in range(place, len(text)):
            if kinds[later] == "L":
                break
            if kinds[later] in _STRONG or kinds[later] in _NUMBERS or kinds[later] == "NSM":
                end = later
        if _CLOSES.get(text[end + 1 : end + 2], "-") in text[place:end]:
            end += 1
        out.append(_turned(_joined(text[place : end + 1])))
        place = end + 1
    return "".join(out)


def _turned(text: str) -> str:
    clusters: list[str] = []
    numeric = False
    for place, character in enumerate(text):
        kind = unicodedata.bidirectional(character)
        follows = text[place + 1 : place + 2]
        goes_on = kind in _INSIDE_NUMBERS and follows != "" and unicodedata.bidirectional(follows) in _NUMBERS
        if clusters and (kind == "NSM" or (numeric and (kind in _NUMBERS or goes_on))):
            clusters[-1] += character
        else:
            clusters.append(character.translate(_MIRRORED))
        numeric = kind in _NUMBERS or (numeric and (kind == "NSM" or goes_on))
    return "".join(reversed(clusters))


def _joined(text: str) -> str:
    """Replace Arabic letters by the shapes that they have beside their neighbours."""
    shapes = _shapes()
    out: list[str] = []
    skip = -1
    for place, letter in enumerate(text):
        if place <= skip:
            continue
        following = _neighbour(text, place, 1)
        pair = letter + (text[place + 1] if place + 1 < len(text) else "")
        ligature = pair in shapes
        forms = shapes.get(pair if ligature else letter)
        if forms is None:
            out.append(letter)
            continue
        before = _neighbour(text, place, -1)
        after = "" if ligature else following
        joins_before = "initial" in shapes.get(before, {}) and "final" in forms
        joins_after = "initial" in forms and "final" in shapes.get(after, {})
        wanted = _FORMS[joins_before + 2 * joins_after]
        out.append(forms.get(wanted, forms.get("isolated", letter)))
        skip = place + 1 if ligature else skip
    return "".join(out)


def _neighbour(text: str, place: int, step: int) -> str:
    place += step
    while 0 <= place < len(text) and unicodedata.bidirectional(text[place]) == "NSM":
        place += step
    return text[place] if 0 <= place < len(text) else ""


@cache
def _shapes() -> dict[str, dict[str, str]]:
    """Read the shapes of Arabic letters, and of lam with alef, from Unicode's own table of decompositions."""
    found: dict[str, dict[str, str]] = {}
    for point in (*range(0xFB50, 0xFE00), *range(0xFE70, 0xFEFD)):
        kind, _, letters = unicodedata.decomposition(chr(point)).partition(" ")
        form = kind.strip("<>")
        if form not in _FORMS:
            continue
        letter = "".join(chr(int(code, 16)) for code in letters.split())
        if len(letter) == 1 or (len(letter) == 2 and letter[0] == "\u0644" and letter[1] in "\u0622\u0623\u0625\u0627"):
            found.setdefault(letter, {}).setdefault(form, chr(point))
    return found

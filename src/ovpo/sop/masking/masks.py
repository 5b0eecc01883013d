# SPDX-License-Identifier: Apache-2.0
"""Which parts of whose picture are covered: the file of masks, read into frozen values or refused line by line."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from unicodedata import normalize

from ovpo.sop.definitions.fields import Given, shown
from ovpo.sop.definitions.plain_data import MOST_BYTES, decode
from ovpo.sop.errors import DefinitionError, MaskingError

SETTING: Final = "OVPO_SOP__MASKS"
DEFAULT: Final = "default"
MOST_CAMERAS: Final = 10_000
MOST_MASKS: Final = 50
MOST_FAULTS: Final = 20
SLACK: Final = 1e-6
"""By how much a rectangle may reach over the edge of the picture: 0.1 + 0.2 + 0.7 is not 1 to a computer."""
FIELDS: Final = ("style", "x", "y", "width", "height")
_REMEDY: Final = "takes a mapping with cameras, in YAML or JSON"
_CAMERAS_REMEDY: Final = f"takes up to {MOST_CAMERAS} cameras as site/camera, and {DEFAULT}"
_MASKS_REMEDY: Final = f"takes a list of up to {MOST_MASKS} masks, [] where nothing is covered"


class Style(StrEnum):
    """What stands in the place of what is covered."""

    BLACK = "black"
    BLUR = "blur"
    PIXELATE = "pixelate"


@dataclass(frozen=True, slots=True)
class Mask:
    """A rectangle in shares of the picture as it is shown, upright, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    style: Style = Style.BLACK


@dataclass(frozen=True, slots=True)
class Masks:
    """The masks of each camera, and of all cameras that have none of their own."""

    usual: tuple[Mask, ...]
    cameras: Mapping[str, tuple[Mask, ...]]

    def of(self, site_id: str, camera_id: str) -> tuple[Mask, ...]:
        """Give the masks of a camera, however its letters are composed; there may be none."""
        return self.cameras.get(normalize("NFC", f"{site_id}/{camera_id}"), self.usual)


def load(file: Path) -> Masks:
    """Read the file that the setting names; raise MaskingError with a line for each fault."""
    name = f"{SETTING}: {file}"
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise MaskingError(
            "unreadable_masks", f"{name}: cannot be read: {error.strerror}; name a file of masks"
        ) from None
    return parse(data, name)


def parse(data: bytes, name: str) -> Masks:
    """Read masks from the bytes of the file that has this name."""
    try:
        given = decode(data, name, _REMEDY)
    except DefinitionError as error:
        raise MaskingError("unreadable_masks", str(error)) from None
    if not isinstance(given, dict):
        raise MaskingError("unreadable_masks", f"{name}: is {shown(given)}, not a mapping; {_REMEDY}")
    faults: list[str] = []
    cameras = _cameras(Given(given, "", faults), faults)
    if faults:
        more = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        raise MaskingError("invalid_masks", "\n".join(f"{name}: {line}" for line in faults[:MOST_FAULTS] + more))
    usual = cameras.pop(DEFAULT)
    return Masks(usual, MappingProxyType(cameras))


def _cameras(whole: Given, faults: list[str]) -> dict[str, tuple[Mask, ...]]:
    whole.refuse_unknown(["cameras"])
    raw = whole.raw("cameras")
    if raw is None:
        whole.lacks("cameras", _CAMERAS_REMEDY)
        return {}
    if not isinstance(raw, dict) or len(raw) > MOST_CAMERAS:
        whole.wrong("cameras", "cannot be the cameras", _CAMERAS_REMEDY)
        return {}
    cameras = Given(raw, "cameras", faults)
    if raw.get(DEFAULT) is None:
        cameras.lacks(DEFAULT, "say what is covered of cameras that are not named here, [] for nothing")
    masks: dict[str, tuple[Mask, ...]] = {}
    for name in raw:
        composed = normalize("NFC", str(name))
        if composed in masks:
            faults.append(f"{cameras.place(shown(name, quoted=False))}: is given twice; give each camera once")
        masks[composed] = _camera(cameras, name, faults)
    return masks


def _camera(cameras: Given, name: Any, faults: list[str]) -> tuple[Mask, ...]:
    place = cameras.place(shown(name, quoted=False))
    if name != DEFAULT and (not isinstance(name, str) or "/" not in name):
        faults.append(f"{place}: names no camera; write it as site/camera")
    raw = cameras.raw(name)
    if not isinstance(raw, list) or len(raw) > MOST_MASKS:
        # That the default is missing has been said already.
        if raw is not None or name != DEFAULT:
            faults.append(f"{place}: {shown(raw)} cannot be its masks; {_MASKS_REMEDY}")
        return ()
    masks = []
    for index, one in enumerate(raw):
        if isinstance(one, dict):
            masks.append(_mask(Given(one, f"{place}[{index}]", faults)))
        else:
            faults.append(f"{place}[{index}]: {shown(one)} is no mask; takes {', '.join(FIELDS)}")
    return tuple(masks)


def _mask(one: Given) -> Mask:
    one.refuse_unknown(FIELDS)
    x, y, width, height = (_share(one, name) for name in ("x", "y", "width", "height"))
    for start, length, names in ((x, width, ("x", "width")), (y, height, ("y", "height"))):
        if start is not None and length is not None and start + length > 1 + SLACK:
            beyond = f"reaches beyond the picture from {names[0]} {start:g}"
            one.wrong(names[1], beyond, "lower one, they add up to 1 at most")
    return Mask(x or 0.0, y or 0.0, width or 0.0, height or 0.0, _style(one))


def _share(one: Given, name: str) -> float | None:
    share = one.number(name, 0.0, 1.0, "a share of the picture")
    if name not in one:
        one.lacks(name, "takes a share of the picture from 0 to 1")
    elif share == 0.0 and name in ("width", "height"):
        one.wrong(name, "covers nothing", "takes a share of the picture above 0")
    return share


def _style(one: Given) -> Style:
    given = one.raw("style")
    if given is None:
        return Style.BLACK
    if given not in list(Style):
        one.wrong("style", "is no style", f"takes one of {', '.join(Style)}")
        return Style.BLACK
    return Style(given)

# SPDX-License-Identifier: Apache-2.0
"""Small shaded pictures with soft edges, tools and hands, that the judging generator turns and sticks on its scenes."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]

SIDE: Final = 192
"""Sprites are drawn large and then made small, which smooths them."""
_MIDDLE: Final = SIDE // 2


@dataclass(frozen=True, slots=True)
class _Stroke:
    """A line of a width through points, a disc of a radius around one, or, of no width, the area between them."""

    points: tuple[tuple[int, int], ...]
    width: int = 0
    handle: bool = False


HEADS: Final = (
    (_Stroke(((-50, -66), (30, -66), (30, -34), (-50, -34))), _Stroke(((0, 0), (0, -52)), 12, handle=True)),
    (_Stroke(((0, -20), (34, -36), (34, -70), (0, -86), (-34, -70), (-34, -36), (0, -20)), 14),),
    (_Stroke(((-34, -82), (0, 0), (34, -82)), 12),),
    (_Stroke(((-66, -44), (-40, -66), (40, -66), (66, -44), (40, -22), (-40, -22))),),
    (
        *(_Stroke(((x, -84), (x, -18)), 9) for x in (-30, -10, 10, 30)),
        _Stroke(((-38, -28), (38, -28), (38, -12), (-38, -12))),
    ),
    (_Stroke(((0, 0), (0, -92)), 8), _Stroke(((0, -80),), 16)),
    (_Stroke(((-48, -40), (-34, -74), (0, -88), (34, -74), (48, -40))), _Stroke(((0, -50), (0, 0)), 14, handle=True)),
    (_Stroke(((-24, -88), (24, -88), (24, -8), (-24, -8))), _Stroke(((0, -72), (0, -46)), 22, handle=True)),
    (_Stroke(((0, -92), (50, -52), (0, -12), (-50, -52))),),
    (_Stroke(((0, 0), (10, -52), (70, -42)), 14),),
    (_Stroke(((-28, -48),), 26), _Stroke(((28, -48),), 26)),
    (_Stroke(((-56, -22), (56, -22), (20, -86))),),
)
"""What the tools look like above the hand, in pixels of a sprite from its middle."""


class Sprite:
    """A picture that is already multiplied by its opacity, and turns around its middle."""

    def __init__(self, colours: Plane, opacity: Plane, side: float) -> None:
        size = max(int(side), 8)
        painted = np.concatenate([colours * opacity[..., None], 255 * opacity[..., None]], axis=2)
        self._painted = np.asarray(cv2.resize(painted, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
        self._size = size

    def stick(self, picture: Picture, x: int, y: int, degrees: float) -> None:
        """Put it on a picture, with its middle at a pixel, as far as it is inside."""
        size, half = self._size, self._size // 2
        matrix = cv2.getRotationMatrix2D((half, half), degrees, 1.0)
        turned = cv2.warpAffine(self._painted, matrix, (size, size))
        height, width = picture.shape[:2]
        left, top = x - half, y - half
        first_x, first_y = max(left, 0), max(top, 0)
        last_x, last_y = min(left + size, width), min(top + size, height)
        if first_x >= last_x or first_y >= last_y:
            return
        own = turned[first_y - top : last_y - top, first_x - left : last_x - left]
        below = picture[first_y:last_y, first_x:last_x]
        through = cv2.cvtColor(255 - own[..., 3], cv2.COLOR_GRAY2RGB)
        shone = cv2.multiply(below, through, scale=1 / 255)
        picture[first_y:last_y, first_x:last_x] = cv2.add(shone, np.ascontiguousarray(own[..., :3]))


def tool_sprite(kind: int, hue: float, side: float, random: Generator) -> Sprite:
    """Draw a tool; it points up from the hand at its middle."""
    head, handle = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    _outline(kind, head, handle)
    columns = np.linspace(-1, 1, SIDE, dtype=np.float32)[None, :]
    rows = np.linspace(-1, 1, SIDE, dtype=np.float32)[:, None]
    shade = np.clip(1.0 - 0.5 * np.abs(2 * columns) + 0.1 * np.sin(rows * float(random.uniform(10, 40))), 0.35, 1.1)
    first, second = _tone(hue, 200, 225), _tone(hue + 95, 110, 120)
    mask = (handle > 0)[..., None]
    colours = np.where(mask, second, first) * shade[..., None]
    opacity = np.maximum(head, handle).astype(np.float32) / np.float32(255)
    return Sprite(np.clip(colours, 0, 255).astype(np.float32), opacity, side)


def hand_sprite(hue: float, paleness: float, side: float, random: Generator) -> Sprite:
    """Draw a hand with a texture of its own, in a colour of skin or glove."""
    shape = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(shape, (_MIDDLE, _MIDDLE + 14), (42, 50), 0, 0, 360, 255, -1, cv2.LINE_AA)
    for index, (x, y) in enumerate(((52, 52), (78, 36), (106, 36), (132, 50))):
        root = (_MIDDLE - 27 + 18 * index, _MIDDLE)
        cv2.line(shape, root, (x, y + int(random.uniform(-6, 6))), 255, 20, cv2.LINE_AA)
    cv2.line(shape, (_MIDDLE + 28, _MIDDLE + 20), (168, 84), 255, 22, cv2.LINE_AA)
    coarse = random.normal(0, 1, (24, 24)).astype(np.float32)
    texture = np.asarray(cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.float32)
    distance = np.asarray(cv2.distanceTransform(shape, cv2.DIST_L2, 3), np.float32)
    shade = 0.6 + 0.4 * np.clip(distance / 12, 0, 1) + 0.06 * texture
    colours = _tone(hue, paleness, 225) * shade[..., None]
    return Sprite(np.clip(colours, 0, 255).astype(np.float32), shape.astype(np.float32) / np.float32(255), side)


def _outline(kind: int, head: Picture, handle: Picture) -> None:
    _shape(handle, _Stroke(((0, 40), (0, -10)), 18))
    for stroke in HEADS[kind]:
        _shape(handle if stroke.handle else head, stroke)


def _shape(plane: Picture, stroke: _Stroke) -> None:
    points = [(_MIDDLE + x, _MIDDLE + y) for x, y in stroke.points]
    if len(points) == 1:
        cv2.circle(plane, points[0], stroke.width, 255, -1, cv2.LINE_AA)
    elif stroke.width:
        cv2.polylines(plane, [np.array(points, np.int32)], False, 255, stroke.width, cv2.LINE_AA)
    else:
        cv2.fillPoly(plane, [np.array(points, np.int32)], 255, cv2.LINE_AA)


def _tone(hue: float, saturation: float, value: float) -> Plane:
    pixel = np.array([[[hue % 180, saturation, value]]], np.float64).astype(np.uint8)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB), np.float32).reshape(3)

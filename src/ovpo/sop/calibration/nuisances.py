# SPDX-License-Identifier: Apache-2.0
"""Changes to a video that change nothing in the procedure: another light, camera, lens, codec, or a steadier hand."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from math import cos, radians, sin
from typing import Final

import cv2
import numpy as np

from ovpo.sop.video.samples import Picture, Sample

Change = Callable[[Picture, np.random.Generator], Picture]


def nuisances() -> Mapping[str, Change]:
    """Give each change by its name."""
    return {
        "brighter": _brightness(1.2),
        "darker and noisy": _chain(_brightness(0.8), _noise(8.0)),
        "blurred": _blur,
        "squeezed by a codec": _codec,
        "moved": _moved(0.1, -0.06, 1.0, 0.0),
        "moved back": _moved(-0.08, 0.1, 1.0, 0.0),
        "nearer and turned": _moved(0.0, 0.0, 1.1, 3.0),
        "farther, moved, brighter": _chain(_moved(0.05, 0.05, 0.93, -2.0), _brightness(1.1)),
        "other colours": _colours,
    }


def changed(samples: Iterable[Sample], change: Change, random: np.random.Generator) -> Iterator[Sample]:
    """Change every picture of a video."""
    for sample in samples:
        yield replace(sample, picture=change(sample.picture, random))


def _chain(first: Change, then: Change) -> Change:
    return lambda picture, random: then(first(picture, random), random)


def _brightness(factor: float) -> Change:
    return lambda picture, _: np.asarray(cv2.convertScaleAbs(picture, alpha=factor), dtype=np.uint8)


def _noise(sigma: float) -> Change:
    def change(picture: Picture, random: np.random.Generator) -> Picture:
        noise = random.standard_normal(picture.shape[:2], dtype=np.float32)[..., None] * np.float32(sigma)
        return np.asarray(np.clip(picture + noise, 0, 255), dtype=np.uint8)

    return change


def _blur(picture: Picture, _: np.random.Generator) -> Picture:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), picture.shape[0] / 120), dtype=np.uint8)


def _codec(picture: Picture, _: np.random.Generator) -> Picture:
    _ok, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 12])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)


def _moved(right: float, down: float, zoom: float, degrees: float) -> Change:
    def change(picture: Picture, _: np.random.Generator) -> Picture:
        height, width = picture.shape[:2]
        turn, lift = zoom * cos(radians(degrees)), zoom * sin(radians(degrees))
        middle = np.array([width / 2, height / 2])
        linear = np.array([[turn, -lift], [lift, turn]])
        offset = middle + np.array([right * width, down * height]) - linear @ middle
        matrix = np.concatenate([linear, offset[:, None]], axis=1).astype(np.float32)
        moved = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, dtype=np.uint8)

    return change


_OTHER_LIGHT: Final = np.array([[0.9, 0.15, -0.05], [0.0, 0.9, 0.1], [0.1, -0.05, 0.95]], dtype=np.float32)


def _colours(picture: Picture, _: np.random.Generator) -> Picture:
    return np.asarray(np.clip(picture @ _OTHER_LIGHT.T, 0, 255), dtype=np.uint8)

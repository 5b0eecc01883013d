# SPDX-License-Identifier: Apache-2.0
"""A small JPEG of a video's middle, for lists and for the metadata of assets."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ovpo.sop.video.limits import Limits

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES: Final = 20_000
LONGEST_SIDE: Final = 320
_QUALITIES: Final = (80, 60, 40, 20)


def thumbnail(file: Path, seconds: float, limits: Limits) -> bytes:
    """Make the picture; raise VideoError where none can be decoded."""
    from PIL import Image

    from ovpo.sop.video.pictures import pictures_at

    (picture,) = pictures_at(file, [seconds / 2], LONGEST_SIDE, limits=limits)
    return fitted(Image.fromarray(picture))


def fitted(image: "Image") -> bytes:
    """Compress a picture until it is small enough; what no quality makes small is halved."""
    for quality in _QUALITIES:
        written = BytesIO()
        image.save(written, "JPEG", quality=quality, optimize=True)
        if written.tell() <= MOST_BYTES:
            return written.getvalue()
    return fitted(image.reduce(2))

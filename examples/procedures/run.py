# SPDX-License-Identifier: Apache-2.0
"""`python -m examples.procedures.run FOLDER`: writes the takes as videos, below FOLDER/<task>/<gold|trainee>/.

That is how OVPO's inbox wants them; each file appears whole, under a name that was not there while it was written.
"""

import argparse
import sys
from fractions import Fraction
from pathlib import Path

import av

from examples.procedures.coffee import TAKES, TASK, Take, definition
from examples.procedures.drawing import HEIGHT, RATE, WIDTH, pictures


def main() -> int:
    """Write the videos, and the definition of the procedure where it is asked for."""
    arguments = argparse.ArgumentParser("examples.procedures.run", description=__doc__)
    arguments.add_argument("folder", type=Path, metavar="FOLDER", help="where the videos go, such as OVPO's inbox")
    arguments.add_argument("--definition", type=Path, metavar="FILE", help="write the procedure's definition, too")
    asked = arguments.parse_args()
    for take in TAKES:
        file = asked.folder / TASK / take.role / f"{take.name}.mp4"
        write(take, file)
        sys.stdout.write(f"{file}  {take.tells or 'how it is done'}\n")
    if asked.definition is not None:
        asked.definition.write_text(definition(), encoding="utf-8")
    return 0


def write(take: Take, file: Path) -> None:
    """Write one video."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.part")
    with av.open(str(draft), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(RATE), options={"crf": "24", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in pictures(take):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    draft.replace(file)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""From which motion on something is done follows from the motion of the video itself."""

import numpy as np
import pytest

from ovpo.sop.judging.liveliness import lively_motion


@pytest.mark.parametrize("scale", [0.001, 0.02, 0.3])
def test_work_is_lively_and_a_still_bench_is_not_however_much_the_work_moves(scale: float) -> None:
    motion = scale * np.array([1.0] * 60 + [0.1] * 40, np.float32)
    assert motion[60:].max() < lively_motion(motion) < motion[:60].min()


def test_one_jolt_of_the_camera_does_not_make_the_work_still() -> None:
    motion = np.array([0.02] * 99 + [0.9], np.float32)
    assert lively_motion(motion) < 0.02


def test_a_video_without_rows_has_no_motion() -> None:
    assert lively_motion(np.zeros(0, np.float32)) == 0.0

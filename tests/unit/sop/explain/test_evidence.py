# SPDX-License-Identifier: Apache-2.0
"""The evidence frames: which are asked for, how they are paired and shown."""

import numpy as np
import pytest
from msgspec.structs import replace

from ovpo.sop.errors import SopError
from ovpo.sop.explain.evidence import Pair, moments, pair_json, pairs, without_pictures
from ovpo.sop.explain.evidence_picture import WIDTH, evidence_png
from ovpo.sop.result import DeviationType, FramePair
from ovpo.sop.video.samples import Picture
from tests.unit.sop import results
from tests.unit.sop.explain.pixels import near, pixels

RED, GREEN = (200, 10, 10), (10, 160, 10)


def _frame(colour: tuple[int, int, int], rows: int = 90, columns: int = 160) -> Picture:
    return np.broadcast_to(np.array(colour, np.uint8), (rows, columns, 3)).copy()


def _pair(gold: Picture | None, trainee: Picture | None) -> Pair:
    found = results.flawed().deviations[3]
    evidence = FramePair(gold=None if gold is None else 1.5, trainee=None if trainee is None else 2.5)
    return Pair(4, replace(found, evidence=evidence), gold, trainee)


def test_each_moment_is_asked_for_once_and_in_order() -> None:
    result = results.flawed()
    assert moments(result, "gold") == (7.5, 12.5, 22.25, 22.5, 27.5)
    assert moments(result, "trainee") == (9.5, 18.5, 24.25, 35.0)


def test_pictures_come_back_to_the_deviations_that_asked_for_them() -> None:
    result = results.flawed()
    golds = [_frame((place, 0, 0)) for place in range(5)]
    trainees = [_frame((0, place, 0)) for place in range(4)]
    found = pairs(result, golds, trainees)
    assert [pair.number for pair in found] == [1, 2, 3, 4, 5, 6]
    assert found[0].trainee is None
    assert found[2].gold is None
    assert found[3].trainee is trainees[2]
    assert found[4].trainee is trainees[2]
    assert found[4].gold is golds[2]


def test_too_few_pictures_are_refused_by_name_of_the_side() -> None:
    with pytest.raises(SopError, match="trainee: 1 pictures for 4 moments"):
        pairs(results.flawed(), [_frame(RED)] * 5, [_frame(RED)])


def test_the_gold_frame_stands_left_and_the_trainees_right() -> None:
    picture = pixels(evidence_png(_pair(_frame(RED), _frame(GREEN))))
    assert picture.shape[1] == WIDTH
    _, red = np.nonzero(near(picture, "#c80a0a"))
    _, green = np.nonzero(near(picture, "#0aa00a"))
    assert red.max() < WIDTH / 2 < green.min()
    assert len(red) == pytest.approx(len(green), rel=0.01)
    assert len(red) > 100_000


def test_an_upright_frame_keeps_its_shape_beside_a_wide_one() -> None:
    picture = pixels(evidence_png(_pair(_frame(RED, 160, 90), _frame(GREEN))))
    for colour, shape in (("#c80a0a", 160 / 90), ("#0aa00a", 90 / 160)):
        rows, columns = np.nonzero(near(picture, colour))
        assert (np.ptp(rows) + 1) / (np.ptp(columns) + 1) == pytest.approx(shape, rel=0.02)


def test_an_absent_counterpart_leaves_an_empty_panel_in_its_place() -> None:
    picture = pixels(evidence_png(_pair(_frame(RED), None)))
    right = picture[:, WIDTH // 2 + 20 :]
    assert near(right, "#eceff2").sum() > 100_000
    words = (right.max(axis=2) < 180).sum(axis=1)
    assert words[150:].sum() > 200


def test_no_picture_at_all_and_a_hostile_sentence_still_make_a_panel() -> None:
    found = replace(results.flawed().deviations[0], sentence="手 \x00" * 5000, names=("<b>" * 3000,))
    assert pixels(evidence_png(Pair(1, found, None, None))).shape[1] == WIDTH


def test_the_page_is_told_the_moments_and_where_the_picture_is() -> None:
    pair = without_pictures(results.flawed())[0]
    sent = pair_json(pair, "evidence-01.png")
    assert pair.deviation.type is DeviationType.STEP_MISSING
    assert (sent.label, sent.gold_seconds, sent.trainee_seconds) == ("M1", 7.5, None)
    assert sent.picture == "evidence-01.png"

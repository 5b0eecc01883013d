# SPDX-License-Identifier: Apache-2.0
"""What an adapter learns: the statistics of all gold videos and of nothing else, shrunk while there are few."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from ovpo.sop.adapters.adapter import Adapter, Role
from ovpo.sop.adapters.fitting import EPS_SHARE, VIDEOS_FOR_HALF, fit
from ovpo.sop.embedding import Embedding, Rows
from ovpo.sop.errors import AdapterError, EmbeddingError
from tests.unit.sop.embedding.building import DIMS, embedding, some_rows

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def golds(count: int) -> list[Embedding]:
    return [embedding(some_rows(20 + 7 * number, seed=number), f"gold {number}.mp4") for number in range(count)]


def fitted(videos: list[Embedding]) -> Adapter:
    return fit(videos, now=NOW, id="abcd")


def expected(rows: Rows, videos: int) -> tuple[np.ndarray, np.ndarray]:
    weight, std = videos / (videos + VIDEOS_FOR_HALF), rows.std(axis=0, dtype=np.float64)
    return weight * rows.mean(axis=0, dtype=np.float64), weight * std + (1 - weight) * std.mean()


@pytest.mark.parametrize("count", [1, 2, 9])
def test_the_statistics_are_those_of_all_rows_together_shrunk_by_the_number_of_videos(count: int) -> None:
    videos = golds(count)
    adapter = fitted(videos)
    mean, std = expected(np.concatenate([video.rows for video in videos]), count)
    np.testing.assert_allclose(adapter.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(adapter.std, std, rtol=1e-12)


def test_long_videos_are_merged_block_by_block_without_loss() -> None:
    rows = some_rows(10_000, seed=3)
    adapter = fitted([embedding(rows)])
    mean, std = expected(rows, 1)
    np.testing.assert_allclose(adapter.mean, mean, rtol=1e-11)
    np.testing.assert_allclose(adapter.std, std, rtol=1e-11)


def test_the_order_of_the_videos_changes_no_bit() -> None:
    videos = golds(5)
    one, other = fitted(videos), fitted(videos[::-1])
    assert np.array_equal(one.mean, other.mean)
    assert np.array_equal(one.std, other.std)
    assert one.record == other.record


def test_what_was_learnt_counts_the_more_the_more_videos_there_are() -> None:
    spreads = [np.ptp(fitted(golds(count)).std) for count in (1, 4, 16)]
    assert spreads == sorted(spreads)
    assert fitted(golds(int(VIDEOS_FOR_HALF))).record.shrinking.weight == 0.5


def test_a_dimension_that_never_changes_is_not_blown_up() -> None:
    videos = golds(40)
    for video in videos:
        video.rows[:, 4] = 0.25
    adapter = fitted(videos)
    usual = np.concatenate([video.rows for video in videos]).std(axis=0, dtype=np.float64).mean()
    shrinking = adapter.record.shrinking
    assert shrinking.eps == pytest.approx(EPS_SHARE * usual)
    assert adapter.std[4] == pytest.approx((1 - shrinking.weight) * usual, rel=1e-5)


def test_the_record_says_what_it_was_learnt_from() -> None:
    videos = golds(3)
    videos[1].rows[:4] = 0
    record = fitted(videos).record
    assert record.name == "feature_adapter_20260304T050607Z_abcd"
    assert record.created_at == NOW
    assert record.maker == videos[0].sidecar.maker
    assert {(video.sha256, video.rows, video.role) for video in record.trained_on} == {
        (videos[0].sidecar.video.sha256, 20, Role.GOLD),
        (videos[1].sidecar.video.sha256, 23, Role.GOLD),
        (videos[2].sidecar.video.sha256, 34, Role.GOLD),
    }
    assert (record.shrinking.videos, record.shrinking.videos_for_half) == (3, VIDEOS_FOR_HALF)


def test_the_version_is_named_by_utc() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5)))
    assert fit(golds(1), now=there, id="abcd").record == fitted(golds(1)).record


def test_rows_in_which_there_is_nothing_to_see_do_not_count() -> None:
    rows = some_rows(30, seed=1)
    dark = np.concatenate([rows, np.zeros((50, DIMS), dtype=np.float32)])
    assert np.array_equal(fitted([embedding(dark)]).mean, fitted([embedding(rows)]).mean)


def test_a_video_in_which_there_is_nothing_to_see_adds_no_weight() -> None:
    dark = embedding(np.zeros((9, DIMS), dtype=np.float32), "dark.mp4")
    adapter = fitted([*golds(1), dark])
    assert adapter.record.shrinking.videos == 1
    assert np.array_equal(adapter.std, fitted(golds(1)).std)


def test_the_same_file_twice_is_one_video() -> None:
    one = golds(1)
    assert fitted([*one, *one]).record == fitted(one).record


def test_the_video_of_a_trainee_is_refused() -> None:
    with pytest.raises(AdapterError, match=r"gold 1\.mp4.*has role trainee") as caught:
        fit(golds(2), now=NOW, id="abcd", roles=[Role.GOLD, Role.TRAINEE])
    assert caught.value.code == "not_gold"


def test_a_role_for_each_video_or_none() -> None:
    assert fit(golds(2), now=NOW, id="abcd", roles=[Role.GOLD] * 2).record == fitted(golds(2)).record
    with pytest.raises(AdapterError, match="1 entries for 2 videos"):
        fit(golds(2), now=NOW, id="abcd", roles=[Role.GOLD])


def test_rows_of_two_makers_are_refused() -> None:
    other = embedding(some_rows(9, seed=1), "b.mp4", settings={"a": 2})
    with pytest.raises(EmbeddingError) as caught:
        fitted([*golds(1), other])
    assert caught.value.code == "mixed_embedders"


def test_adapted_rows_are_refused() -> None:
    with pytest.raises(AdapterError, match="raw") as caught:
        fitted([embedding(some_rows(9, seed=1), adapter="feature_adapter_x")])
    assert caught.value.code == "already_adapted"


@pytest.mark.parametrize(
    ("rows", "code"),
    [(np.repeat(some_rows(1, seed=1), 9, axis=0), "no_variance"), (np.zeros((9, DIMS), np.float32), "no_variance")],
)
def test_videos_in_which_nothing_changes_are_refused(rows: Rows, code: str) -> None:
    with pytest.raises(AdapterError) as caught:
        fitted([embedding(rows)])
    assert caught.value.code == code


def test_no_gold_at_all_a_time_without_zone_and_an_odd_id_are_refused() -> None:
    for videos, now, given, code in (
        ([], NOW, "abcd", "no_gold"),
        (golds(1), NOW.replace(tzinfo=None), "abcd", "bad_time"),
        (golds(1), NOW, "../x", "bad_id"),
    ):
        with pytest.raises(AdapterError) as caught:
            fit(videos, now=now, id=given)
        assert caught.value.code == code

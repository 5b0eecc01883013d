# SPDX-License-Identifier: Apache-2.0
"""The printed report."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from ovpo.sop.explain.evidence import moments, pairs, without_pictures
from ovpo.sop.explain.matrix import Similarity
from ovpo.sop.explain.pictures import Pictures, drawn
from ovpo.sop.report.document import report, write_report
from ovpo.sop.result import DeviationType, Interval, Reason, Result, Verdict
from ovpo.sop.video.samples import Picture
from tests.unit.sop import results
from tests.unit.sop.report.reading import pages, read, words

A4 = (595, 842)


def _frame(shade: int, rows: int = 90, columns: int = 160) -> Picture:
    return np.full((rows, columns, 3), shade % 256, np.uint8)


def _pictures(result: Result) -> Pictures:
    similarity = Similarity(results.similarity(result), 0.25, 0.25)
    golds = [_frame(20 * place) for place, _ in enumerate(moments(result, "gold"))]
    trainees = [_frame(9 * place, 160, 90) for place, _ in enumerate(moments(result, "trainee"))]
    return drawn(result, similarity, pairs(result, golds, trainees))


def _plain(result: Result) -> bytes:
    return report(result, drawn(result, None, without_pictures(result)))


@pytest.fixture(scope="module")
def flawed() -> bytes:
    """Print the flawed run once."""
    return report(results.flawed(), _pictures(results.flawed()))


def test_the_first_page_says_verdict_score_and_why(flawed: bytes) -> None:
    first = pages(flawed)[0]
    for said in ("valve-check", "FAIL", "48.5", "of 100", "passes from 80", "5 of 6 steps done", "6 deviations"):
        assert said in first
    for reason in results.flawed().reasons:
        assert reason.sentence in first
    assert "2026-03-04 05:06 UTC" in first


def test_every_step_stands_with_times_pace_similarity_and_state(flawed: bytes) -> None:
    text = words(flawed)
    assert "1 Wash hands 0:00.0 \u2013 0:05.0 0:02.0 \u2013 0:07.0 1.00 0.91 ✔ done" in text
    assert "2 Put on gloves critical 0:05.0 \u2013 0:10.0 \u2013 \u2013 \u2013 M1 step missing" in text
    assert "5 Close the valve 0:20.0 \u2013 0:25.0 0:20.0 \u2013 0:28.5 1.70 0.72 O4 too slow X5 done wrongly" in text
    assert "0:28.5 \u2013 0:33.0 0:33.0 \u2013 0:37.0" in text


def test_every_deviation_stands_with_its_sentence_its_confidence_and_its_moments(flawed: bytes) -> None:
    text = words(flawed)
    for number, found in enumerate(results.flawed().deviations, 1):
        assert found.sentence in text
        assert f"{number}" in text
    assert "confidence 96%, severity 100%" in text
    assert "gold 0:05.0 \u2013 0:10.0, trainee at 0:07.0" in text
    assert "Gold 0:07.5" in text
    assert text.count("no counterpart") == 2


def test_timeline_matrix_and_every_frame_are_pictures_of_the_report(flawed: bytes) -> None:
    images = [image for page in read(flawed).pages for image in page.images]
    result = results.flawed()
    frames = sum(
        moment is not None for found in result.deviations for moment in (found.evidence.gold, found.evidence.trainee)
    )
    sizes = sorted(image.image.size[0] for image in images if image.image)
    assert sum(size > 1000 for size in sizes) == 2
    # The same frame shown twice is kept once.
    assert frames - 2 <= sum(size < 400 for size in sizes) <= frames


def test_metrics_and_losses_stand_with_a_sum_that_leads_to_the_score(flawed: bytes) -> None:
    text = words(flawed)
    for metric in results.flawed().metrics:
        assert f"{metric.name.replace('_', ' ')} {metric.value:.3f} {metric.weight:g} {metric.loss:.2f}" in text
    assert "Together 51.50 100 - 51.5 = 48.5 points" in text


def test_a_sum_of_losses_above_100_says_why_it_leads_to_no_points() -> None:
    lost = tuple(replace(metric, loss=metric.weight, value=1.0) for metric in results.metrics(0.0)) * 2
    text = words(_plain(replace(results.flawed(), metrics=lost, score=0.0)))
    assert "Together 200.00 100 - 200.0, at least 0 = 0.0 points" in text


def test_videos_versions_and_settings_are_named(flawed: bytes) -> None:
    text = words(flawed)
    result = results.flawed()
    for value in (result.versions.embedder, result.versions.adapter, result.versions.calibration, "ovpo 0.1.0"):
        assert value in text
    assert "open_ends yes" in text
    assert "frames_per_second 4" in text
    assert result.gold.sha256 in text.replace(" ", "")
    assert result.trainee.sha256 in text.replace(" ", "")


def test_every_page_is_numbered_and_names_the_digests_of_the_videos(flawed: bytes) -> None:
    found = pages(flawed)
    result = results.flawed()
    for number, text in enumerate(found, 1):
        assert f"page {number} of {len(found)}" in text
        assert result.gold.sha256[:15] in text
        assert result.trainee.sha256[:15] in text


def test_there_is_a_line_to_sign(flawed: bytes) -> None:
    assert "Reviewed by Name Date Signature" in words(flawed)


def test_pages_are_a4_and_the_document_says_what_it_is(flawed: bytes) -> None:
    reader = read(flawed)
    assert {(round(page.mediabox.width), round(page.mediabox.height)) for page in reader.pages} == {A4}
    assert reader.metadata is not None
    assert reader.metadata.title == "Procedure report: valve-check"
    assert reader.metadata.creation_date == results.flawed().created_at


def test_the_same_result_gives_the_same_bytes(flawed: bytes) -> None:
    assert report(results.flawed(), _pictures(results.flawed())) == flawed


def test_the_hour_is_written_in_utc_wherever_the_result_was_made() -> None:
    elsewhere = datetime(2026, 3, 4, 1, 30, tzinfo=timezone(timedelta(hours=9)))
    printed = _plain(replace(results.clean(), created_at=elsewhere))
    assert "2026-03-03 16:30 UTC" in words(printed)
    metadata = read(printed).metadata
    assert metadata is not None
    assert metadata.creation_date == elsewhere.astimezone(UTC)


@pytest.mark.parametrize(
    ("verdict", "word"), [(Verdict.PASS, "✔ PASS"), (Verdict.FAIL, "✘ FAIL"), (Verdict.NEEDS_REVIEW, "? NEEDS REVIEW")]
)
def test_a_verdict_is_a_word_and_a_sign(verdict: Verdict, word: str) -> None:
    assert word in pages(_plain(replace(results.clean(), verdict=verdict)))[0]


def test_what_cannot_be_judged_is_one_page_without_score_steps_or_matrix() -> None:
    known = replace(results.unjudged(), steps=results.flawed().steps)
    for result in (results.unjudged(), known):
        found = pages(_plain(result))
        assert len(found) == 1
        assert "CANNOT JUDGE no score" in found[0]
        assert result.reasons[0].sentence in found[0]
        assert "Reviewed by" in found[0]
        for absent in ("Steps", "Deviations", "How the score", "Similarity", "of 100"):
            assert absent not in found[0]


def test_a_clean_run_says_that_there_is_nothing_and_has_no_list() -> None:
    text = words(_plain(results.clean()))
    assert "0 deviations" in text
    assert "Deviations" not in text


def test_twelve_steps_and_forty_deviations_fill_pages_and_lose_nothing() -> None:
    crowded = results.crowded()
    found = pages(_plain(crowded))
    assert 6 <= len(found) <= 9
    text = " ".join(found)
    for place, deviation in enumerate(crowded.deviations, 1):
        assert deviation.sentence in text, place
    assert sum("# Step Gold Trainee" in page for page in found) == 2
    for page in found:
        assert len(page) > 200


def test_a_name_in_any_script_prints() -> None:
    names = ("Überprüfung Ωμέγα Клапан", "打开阀门", "手を洗う", "밸브 닫기", "שטוף ידיים")
    steps = [
        results.step(place, name, Interval(5.0 * place, 5.0 * place + 5), None) for place, name in enumerate(names, 1)
    ]
    text = words(_plain(results.result(steps)))
    for name in names:
        assert name in text
    assert "□" not in text


def test_names_from_a_hostile_hand_neither_break_nor_inject() -> None:
    names = (
        "</para><b>bold</b><font size='90'>&amp;",
        "A" * 10_000,
        "\x00\x1b[31m\u202eevil\u202c\n\tname",
        "<img src='secret.png'/><a href='https://example.org'>x</a>",
        "word " * 2000,
        "",
    )
    steps = [
        results.step(place, name, Interval(5.0 * place, 5.0 * place + 5), Interval(5.0 * place, 5.0 * place + 5))
        for place, name in enumerate(names, 1)
    ]
    deviations = [
        results.deviation(DeviationType.OVER_TIME, [step], sentence=step.name * 3 or "None.") for step in steps
    ]
    hostile = results.result(
        steps,
        deviations,
        task_id=names[0],
        reasons=tuple(Reason("odd", name) for name in names),
        settings=dict(zip(names, names, strict=True)),
        gold=results.video(names[1], 40.0, sha256=names[0]),
    )
    printed = _plain(hostile)
    text = words(printed)
    assert "</para><b>bold</b><font size='90'>&amp;" in text
    assert "[31mevil name" in text
    assert text.replace(" ", "").count("A") < 20_000
    assert "/URI" not in str([page.get("/Annots") for page in read(printed).pages])
    assert len(read(printed).pages) < 12


def test_a_report_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = results.unjudged()
    pictures = drawn(result, None, ())
    path = tmp_path / "new" / "report.pdf"
    write_report(result, pictures, path)
    first = path.read_bytes()
    assert first == report(result, pictures)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ovpo.sop.whole_files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_report(results.clean(), drawn(results.clean(), None, ()), path)
    assert path.read_bytes() == first
    assert [file.name for file in path.parent.iterdir()] == ["report.pdf"]

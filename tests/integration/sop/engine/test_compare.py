# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from msgspec import structs

from ovpo.sop.adapters.fitting import fit
from ovpo.sop.comparing import compare
from ovpo.sop.definitions.reading import load
from ovpo.sop.embedders.choosing import choose
from ovpo.sop.embedders.interface import Embedder
from ovpo.sop.embedding import Embedding
from ovpo.sop.embedding_files import save
from ovpo.sop.errors import AdapterError, SopError, VideoError
from ovpo.sop.judging.limits import Limits
from ovpo.sop.picturing import pictures_of
from ovpo.sop.result import DeviationType, Result, Verdict
from ovpo.sop.standard import prepare
from ovpo.sop.watching import Keeper, Side, Told, look, watch
from tests.integration.sop.engine.conftest import OWN, Films
from tests.unit.sop.embedding.building import embedding, some_rows

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def result_of(films: Films, trainee: str, *, gold: str = "gold", definition: bool = True) -> Result:
    named = films.definition if definition else None
    return compare(films[gold], films[trainee], definition=named, now=NOW).result


def test_the_gold_against_itself_has_all_points(films: Films) -> None:
    result = result_of(films, "gold")
    assert (result.verdict, result.score, result.deviations) == (Verdict.PASS, 100.0, ())
    assert (result.task_id, [step.name for step in result.steps]) == ("drawn", [step.name for step in OWN.steps])
    assert result.versions.adapter.startswith("feature_adapter_20260304T050607Z_")
    assert result.versions.calibration == "4 synthetic nuisances of the gold video"


@pytest.mark.parametrize("definition", [True, False])
def test_another_good_run_passes_with_no_deviation(films: Films, definition: bool) -> None:
    result = result_of(films, "retake", definition=definition)
    assert (result.verdict, result.deviations) == (Verdict.PASS, ())
    assert result.score is not None
    assert result.score >= 95
    assert all(step.trainee for step in result.steps)


def test_a_step_that_was_left_out_is_named_and_its_gold_is_shown(films: Films) -> None:
    comparison = compare(films["gold"], films["missing"], definition=films.definition, now=NOW)
    result = comparison.result
    assert [(one.type, one.steps) for one in result.deviations] == [(DeviationType.STEP_MISSING, (3,))]
    assert result.verdict is not Verdict.PASS
    (pair,) = pictures_of(comparison).pairs
    assert pair.gold is not None
    assert pair.gold.shape == (144, 256, 3)


def test_a_still_lead_in_costs_the_trainee_nothing_and_is_no_step_of_a_gold(films: Films) -> None:
    late = result_of(films, "late")
    assert (late.verdict, late.deviations) == (Verdict.PASS, ())
    reversed_roles = result_of(films, "retake", gold="late")
    assert (reversed_roles.verdict, reversed_roles.deviations) == (Verdict.PASS, ())
    assert reversed_roles.steps[0].gold.start > 3
    assert reversed_roles.alignment.path[0][0] > 3


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("unrelated", "wrong_procedure"),
        ("three frames", "too_short"),
        ("still", "still"),
        ("black", "too_dark"),
    ],
)
def test_what_is_no_run_of_the_procedure_cannot_be_judged(films: Films, name: str, code: str) -> None:
    result = result_of(films, name)
    assert result.verdict is Verdict.CANNOT_JUDGE
    assert result.reasons[0].code == code
    assert (result.score, result.deviations, result.metrics) == (None, (), ())


@pytest.mark.parametrize(
    ("name", "code"), [("three frames", "gold_too_short"), ("still", "gold_still"), ("black", "gold_too_dark")]
)
def test_a_gold_video_that_shows_nothing_is_an_error_that_names_it(films: Films, name: str, code: str) -> None:
    with pytest.raises(SopError, match=films[name].name) as caught:
        result_of(films, "retake", gold=name)
    assert caught.value.code == code


def test_a_file_that_is_no_video_is_an_error_that_names_it(films: Films, tmp_path: Path) -> None:
    other = tmp_path / "notes.mp4"
    other.write_text("not a video")
    with pytest.raises(VideoError, match=r"notes\.mp4"):
        compare(films["gold"], other, now=NOW)


def test_each_stage_is_told_from_nothing_to_all(films: Films) -> None:
    told: dict[str, list[float]] = {}
    compare(
        films["gold"], films["retake"], progress=lambda stage, share: told.setdefault(stage, []).append(share), now=NOW
    )
    assert list(told) == ["gold video", "calibration", "trainee's video"]
    assert all(shares == sorted(shares) and shares[-1] == pytest.approx(1) for shares in told.values())


def test_stored_embeddings_give_the_same_result_as_their_videos_but_for_the_calibration(
    films: Films, tmp_path: Path
) -> None:
    embedder = choose("heuristic")
    stored = [save(tmp_path / name, watch(films[name], embedder)) for name in ("gold", "missing")]
    ours, theirs = look(films["gold"], embedder), look(films["missing"], embedder)
    calibration = prepare(ours, embedder, now=NOW).calibration
    assert theirs.rows == len(np.load(stored[1]))
    options = {"definition": films.definition, "calibration": calibration, "now": NOW}
    of_files = compare(stored[0], stored[1], **options)  # type: ignore[arg-type]
    of_videos = compare(films["gold"], films["missing"], **options)  # type: ignore[arg-type]
    assert of_files.result == of_videos.result
    assert (of_files.gold, of_files.trainee) == (None, None)
    assert all(pair.gold is None for pair in pictures_of(of_files).pairs)


def test_mixed_embedders_are_told_before_any_video_is_decoded(films: Films, tmp_path: Path) -> None:
    other = save(tmp_path / "other", embedding(some_rows(80, 1)))
    told: list[str] = []
    result = compare(films["gold"], other, progress=lambda stage, _: told.append(stage), now=NOW).result
    assert (result.verdict, [one.code for one in result.reasons]) == (Verdict.CANNOT_JUDGE, ["mixed_embedders"])
    assert told == []


def test_two_videos_of_two_hours_are_told_to_be_too_long_before_they_are_compared(tmp_path: Path) -> None:
    rows = np.repeat(some_rows(1, 1), 28_800, axis=0)
    gold, trainee = (save(tmp_path / name, embedding(rows, name)) for name in ("gold", "trainee"))
    result = compare(gold, trainee, now=NOW).result
    assert (result.verdict, [one.code for one in result.reasons]) == (Verdict.CANNOT_JUDGE, ["too_long"])


def test_an_adapter_of_another_embedder_is_refused_before_any_video_is_decoded(films: Films) -> None:
    other = fit([embedding(some_rows(80, 1))], now=NOW, id="other123")
    told: list[str] = []
    with pytest.raises(AdapterError, match="give an adapter of this embedder"):
        compare(films["gold"], films["retake"], adapter=other, progress=lambda stage, _: told.append(stage), now=NOW)
    assert told == []


class Seen(Side):
    """Remembers what was kept of it while it was embedded."""

    kept_while_embedded: ClassVar[list[Keeper | None]] = []

    def embedded(self, embedder: Embedder, keeper: Keeper | None = None, progress: Told | None = None) -> Embedding:
        self.kept_while_embedded.append(keeper)
        return super().embedded(embedder, keeper, progress)


def of_three_files(of: Embedding) -> list[Embedding]:
    videos = (structs.replace(of.sidecar.video, sha256=digest * 64) for digest in "abc")
    return [Embedding(of.rows, structs.replace(of.sidecar, video=video)) for video in videos]


def test_three_retakes_calibrate_without_nuisances_and_no_pictures_are_held_for_them(films: Films) -> None:
    embedder = choose("heuristic")
    retake = watch(films["retake"], embedder)
    gold = look(films["gold"], embedder)
    seen = Seen(gold.path, gold.sidecar, probed=gold.probed)
    few = prepare(gold, embedder, retakes=[retake], now=NOW)
    many = prepare(seen, embedder, retakes=of_three_files(retake), now=NOW)
    assert few.calibration.learnt_from == "1 retake and 4 synthetic nuisances of the gold video"
    assert many.calibration.learnt_from == "3 retakes"
    assert 0.5 < many.calibration.usual < 1
    assert seen.kept_while_embedded == [None]


def test_the_same_retake_three_times_and_the_gold_count_as_one(films: Films) -> None:
    embedder = choose("heuristic")
    gold, retake = (watch(films[name], embedder) for name in ("gold", "retake"))
    learnt = prepare(look(films["gold"], embedder), embedder, retakes=[retake, retake, retake, gold], now=NOW)
    assert learnt.calibration.learnt_from == "1 of 4 retakes and 4 synthetic nuisances of the gold video"
    assert learnt.calibration.pairs == 5


def test_nuisances_are_learnt_from_after_all_where_the_retakes_show_something_else(films: Films) -> None:
    embedder = choose("heuristic")
    others = of_three_files(watch(films["black"], embedder))
    learnt = prepare(look(films["gold"], embedder), embedder, retakes=others, now=NOW)
    plain = prepare(look(films["gold"], embedder), embedder, adapter=learnt.adapter, now=NOW)
    assert learnt.calibration == plain.calibration
    assert learnt.calibration.learnt_from == "4 synthetic nuisances of the gold video"


def test_the_limits_of_the_definition_hold_and_are_recorded_unless_others_are_given(films: Films) -> None:
    loaded = load(films.definition)
    quick = structs.replace(loaded, limits=Limits(over=1.0, slack_seconds=0.001, slack_share=0.001))
    told = compare(films["gold"], films["retake"], definition=quick, now=NOW).result
    assert DeviationType.OVER_TIME in {one.type for one in told.deviations}
    assert told.settings["limits.slack_seconds"] == 0.001
    given = compare(films["gold"], films["retake"], definition=quick, limits=Limits(), now=NOW).result
    assert given.deviations == ()

# SPDX-License-Identifier: Apache-2.0
"""The gold's side: made once a run however many ask, and from the video only when something changed."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bench.sop.encoding import encode
from bench.sop.scenes import tune
from bench.sop.scenes.takes import Size, Take
from ovpo.foundation.settings.tree import Sop
from ovpo.sop import standard
from ovpo.sop.catalogue.files import load
from ovpo.sop.catalogue.makers import embedder_of
from ovpo.sop.embedders.interface import Embedder
from ovpo.sop.embedding import Embedding
from ovpo.sop.errors import SopError
from ovpo.sop.procedures import standards
from ovpo.sop.procedures.inputs import StandardKey
from ovpo.sop.procedures.standards import Later, Prepared, Standards
from ovpo.sop.records.definitions import Definitions
from ovpo.sop.records.keys import digest_of
from ovpo.sop.records.rows import Video
from ovpo.sop.watching import watch
from tests.integration.sop.procedures.world import TENANT, World

SIZE, RATE = Size(128, 72), 8.0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "gold.mp4"
    procedure = tune.procedure(5, 1, steps=2)
    encode(tune.render(Take(procedure=procedure, size=SIZE, frames_per_second=RATE)), path, SIZE, RATE)
    return path


class Filmed(World):
    """A world whose maker is the embedder that is set."""

    def made(self, of: Embedding) -> tuple[Embedding, str]:
        return of, digest_of(of.sidecar.maker)


def filmed_gold(world: World, film: Path) -> tuple[Filmed, Video]:
    filmed = Filmed(world.settings, world.folder)
    embedder = embedder_of(world.settings.sop)
    seen = watch(film, embedder)
    filmed.maker = digest_of(embedder.maker)
    with filmed.place().transaction() as connection:
        video_id = filmed.bare_video(connection, "gold", film)
    filmed.embed(video_id, seen)
    filmed.refer_to(video_id)
    return filmed, filmed.found_video(video_id)


def key_of(world: World, gold: Video, **changed: Any) -> StandardKey:
    facts = {"champion": None, "definition_version": None} | changed
    return StandardKey(tenant_id=TENANT, task_id=world.task, gold_id=gold.video_id, maker=world.maker, **facts)


def prepared(world: World, key: StandardKey) -> Prepared:
    """Do what another run does."""
    return Standards(world.place(), Later(world.settings.sop)).of(key)


def kept(world: World) -> list[str]:
    return [one.key for one in world.place().objects.list(f"sop/{TENANT}/standards/")]


def refuse(*_: Any, **__: Any) -> None:
    raise AssertionError("the video is decoded")


def test_the_gold_video_is_decoded_once_and_not_by_the_runs_that_follow(
    world: World, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filmed, gold = filmed_gold(world, film)
    first = prepared(filmed, key_of(filmed, gold)).standard
    assert first.calibration.learnt_from.endswith("synthetic nuisances of the gold video")
    assert len(kept(filmed)) == 1
    monkeypatch.setattr("ovpo.sop.watching.sample", refuse)
    again = prepared(filmed, key_of(filmed, gold)).standard
    assert again.calibration == first.calibration
    assert again.steps == first.steps
    assert again.adapter is not None
    assert first.adapter is not None
    assert again.adapter.record.name == first.adapter.record.name, "else every score would be stale at once"
    monkeypatch.setattr(standards, "VERSION", "next")
    with pytest.raises(AssertionError, match="decoded"):
        prepared(filmed, key_of(filmed, gold))


def test_a_calibration_that_cannot_be_read_is_learnt_again(world: World) -> None:
    gold = world.video("gold")
    for seed in (1, 2, 3):
        world.video("gold", seed=seed)
    first = prepared(world, key_of(world, gold)).standard.calibration
    (key,) = kept(world)
    world.place().objects.put(key, b"{}")
    assert prepared(world, key_of(world, gold)).standard.calibration == first


def test_other_golds_of_the_task_are_retakes_and_a_new_one_is_learnt_from(world: World) -> None:
    gold = world.video("gold")
    for seed in (1, 2, 3):
        world.video("gold", seed=seed)
    first = prepared(world, key_of(world, gold)).standard
    assert first.calibration.learnt_from == "3 retakes"
    world.video("gold", seed=4)
    more = prepared(world, key_of(world, gold)).standard
    assert more.calibration.learnt_from == "4 retakes"
    assert more.adapter is not None
    assert first.adapter is not None
    assert len(more.adapter.record.trained_on) == 5
    assert more.adapter.record.name != first.adapter.record.name
    assert len(kept(world)) == 2


def test_rows_of_a_model_that_is_not_at_hand_are_held_against_what_is_usual_and_nothing_is_kept(world: World) -> None:
    gold = world.video("gold")
    assert prepared(world, key_of(world, gold)).standard.calibration.learnt_from == "nothing: the defaults"
    assert kept(world) == []


def test_many_who_ask_at_once_wait_for_the_one_that_makes_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gold = world.video("gold")
    made: list[object] = []

    def counting(*given: Any) -> Embedding:
        made.append(given)
        return load(*given)

    monkeypatch.setattr(standards, "load", counting)
    of_run = Standards(world.place(), Later(world.settings.sop))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: of_run.of(key_of(world, gold)), range(16)))
    assert len(made) == 1
    assert all(one is found[0] for one in found)


def test_what_is_wrong_with_a_gold_is_said_to_all_who_ask(world: World) -> None:
    gold = world.video("gold", (1,))
    content = f"task: {world.task}\nsteps: [{', '.join(f'{{name: part {n}}}' for n in range(30))}]"
    with world.place().transaction() as connection:
        Definitions(connection).add(TENANT, world.task, content, "rita", world.hour)
    of_run = Standards(world.place(), Later(world.settings.sop))

    def code(_: int) -> str:
        with pytest.raises(SopError) as caught:
            of_run.of(key_of(world, gold, definition_version=1))
        return caught.value.code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(code, range(8))) == {"gold_too_short"}


def test_a_gold_video_whose_file_is_gone_says_what_to_do(world: World, film: Path) -> None:
    filmed, gold = filmed_gold(world, film)
    world.place().objects.delete(gold.source_key or "")
    with pytest.raises(SopError, match="add the video again") as caught:
        prepared(filmed, key_of(filmed, gold))
    assert caught.value.code == "video_gone"


def test_steps_names_and_limits_come_from_the_definition(world: World) -> None:
    gold = world.video("gold")
    content = f"task: {world.task}\nsteps: [{{name: wash}}, {{name: dry}}]\nscoring: {{threshold: 55}}"
    with world.place().transaction() as connection:
        Definitions(connection).add(TENANT, world.task, content, "rita", world.hour)
    found = prepared(world, key_of(world, gold, definition_version=1))
    assert [step.name for step in found.standard.steps] == ["wash", "dry"]
    assert found.scoring.threshold == 55
    assert standard.task_of("x") != found.standard.task == world.task


def test_an_embedder_is_not_made_before_it_is_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Sop] = []

    def counting(sop: Sop) -> Embedder:
        made.append(sop)
        return embedder_of(sop)

    monkeypatch.setattr(standards, "embedder_of", counting)
    gold = world.video("gold", (1, 2))
    for seed in (1, 2, 3):
        world.video("gold", (1, 2), seed=seed)
    of_run = Standards(world.place(), Later(world.settings.sop))
    of_run.of(key_of(world, gold))
    assert made == []
    assert of_run.embedder.maker == embedder_of(world.settings.sop).maker
    assert len(made) == 1

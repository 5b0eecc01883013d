# SPDX-License-Identifier: Apache-2.0
"""The embedder of the settings, and that a model on a device is used by one thread at a time."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError

import numpy as np
import pytest

from ovpo.foundation.settings.tree import Sop, SopEmbedder
from ovpo.sop.catalogue.makers import AHEAD, InTurn, embedder_of
from ovpo.sop.embedders import choosing
from ovpo.sop.embedders.heuristic.embedder import Heuristic
from ovpo.sop.embedders.interface import Seen
from ovpo.sop.embedders.vjepa2.options import VJepa2Options
from ovpo.sop.video.samples import Sample


class Meeting(Heuristic):
    """Notices when two threads are at it at once."""

    def __init__(self) -> None:
        self.met = 0
        self._barrier = Barrier(2)

    def embed(self, samples: Iterable[Sample]) -> Seen:
        try:
            self._barrier.wait(timeout=0.05)
            self.met += 1
        except BrokenBarrierError:
            self._barrier.reset()
        light = np.zeros(1, dtype=np.float32)
        return Seen(np.zeros((len(list(samples)), 1), dtype=np.float32), light, light)


def met(embedder: Meeting, used: Heuristic | InTurn) -> int:
    with ThreadPoolExecutor(4) as pool:
        assert [len(seen.rows) for seen in pool.map(used.embed, [[]] * 4)] == [0] * 4
    return embedder.met


def test_videos_take_turns_at_a_model_and_would_not_without_it() -> None:
    alone, together = Meeting(), Meeting()
    assert met(alone, InTurn(alone)) == 0
    assert met(together, together) > 0


def test_a_video_is_decoded_while_it_waits_for_its_turn() -> None:
    class Counting(Heuristic):
        def embed(self, samples: Iterable[Sample]) -> Seen:
            before.append(len(decoded))
            light = np.zeros(1, dtype=np.float32)
            return Seen(np.zeros((len(list(samples)), 1), dtype=np.float32), light, light)

    def decode() -> Iterator[Sample]:
        for number in range(2 * AHEAD):
            decoded.append(number)
            yield Sample(number, number / 4, np.zeros((1, 1, 3), dtype=np.uint8))

    before: list[int] = []
    decoded: list[int] = []
    assert len(InTurn(Counting()).embed(decode()).rows) == 2 * AHEAD
    assert before == [AHEAD]


def test_an_embedder_in_turn_is_the_embedder() -> None:
    inner = Heuristic()
    assert (InTurn(inner).maker, InTurn(inner).sampling) == (inner.maker, inner.sampling)


def test_the_heuristic_is_shared_as_it_is() -> None:
    assert isinstance(embedder_of(Sop()), Heuristic)


def test_the_model_of_the_settings_is_chosen_and_taken_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = []

    def choose(name: str, options: VJepa2Options) -> Heuristic:
        chosen.append((name, options.model))
        return Heuristic()

    monkeypatch.setattr(choosing, "choose", choose)
    assert isinstance(embedder_of(Sop(embedder=SopEmbedder.VJEPA2, model="models/mine")), InTurn)
    assert chosen == [("vjepa2", "models/mine")]

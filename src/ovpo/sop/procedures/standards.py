# SPDX-License-Identifier: Apache-2.0
"""The gold's side of scores, made once a run for each gold, adapter and definition, by the thread that asks first.

What was learnt from the gold's pictures and its retakes is kept in the object store under a digest of all it was learnt
from, so that the gold video is decoded again only when one of these changed.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Final

import msgspec

from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.foundation.settings.tree import Sop
from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.adapters.fitting import fit
from ovpo.sop.calibration.calibration import Calibration
from ovpo.sop.calibration.learning import ENOUGH_RETAKES
from ovpo.sop.catalogue.files import load
from ovpo.sop.catalogue.makers import embedder_of
from ovpo.sop.comparing import LIMITS
from ovpo.sop.definitions.procedure import Definition
from ovpo.sop.definitions.reading import parse
from ovpo.sop.embedders.interface import Embedder, Seen
from ovpo.sop.embedding import Embedding, Maker
from ovpo.sop.errors import SopError
from ovpo.sop.judging.limits import Limits
from ovpo.sop.procedures.inputs import GoldInputs, StandardKey, gold_inputs_of
from ovpo.sop.procedures.version import VERSION
from ovpo.sop.records.keys import digest_of, of_adapter, of_tenant
from ovpo.sop.scoring.settings import USUAL, Scoring
from ovpo.sop.standard import Standard, adapted_by, prepare, refuse_bad_gold
from ovpo.sop.steps.gold_steps import gold_steps
from ovpo.sop.training import adapter_objects
from ovpo.sop.video.samples import Sample, Sampling
from ovpo.sop.watching import Side
from ovpo.sop.working import Workplace


class Later:
    """An embedder that is made when it is first used: most runs need none, and one may be a large model."""

    def __init__(self, sop: Sop) -> None:
        self._sop: Final = sop
        self._lock: Final = Lock()

    @cached_property
    def _embedder(self) -> Embedder:
        return embedder_of(self._sop)

    @property
    def maker(self) -> Maker:
        """Say what it is and how it is set."""
        with self._lock:
            return self._embedder.maker

    @property
    def sampling(self) -> Sampling:
        """Say which pictures it wants."""
        with self._lock:
            return self._embedder.sampling

    def embed(self, samples: Iterable[Sample]) -> Seen:
        """Make the rows."""
        with self._lock:
            embedder = self._embedder
        return embedder.embed(samples)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A standard, and how runs are judged by it."""

    standard: Standard
    scoring: Scoring
    limits: Limits


@dataclass(slots=True)
class Standards:
    """The standards of one run."""

    place: Workplace
    embedder: Later
    _lock: Lock = field(default_factory=Lock)
    _made: dict[StandardKey, Future[Prepared]] = field(default_factory=dict)

    def of(self, key: StandardKey) -> Prepared:
        """Give a standard; who asks while another thread makes it waits for that. Raise SopError for a bad gold."""
        with self._lock:
            mine = key not in self._made
            coming = self._made.setdefault(key, Future())
        if mine:
            try:
                coming.set_result(self._prepared(key))
            except BaseException as error:
                coming.set_exception(error)
                raise
        return coming.result()

    def _prepared(self, key: StandardKey) -> Prepared:
        with self.place.transaction() as connection:
            inputs = gold_inputs_of(connection, key)
        defined = parse(inputs.definition.content.encode(), "definition") if inputs.definition else None
        scoring, limits = (defined.scoring, defined.limits) if defined else (USUAL, LIMITS)
        gold = load(self.place.copies, inputs.key)
        refuse_bad_gold(gold, scoring)
        retakes = [load(self.place.copies, retake.key) for retake in inputs.retakes]
        adapter = self._adapter(key, inputs, gold, retakes)
        adapted = adapted_by(adapter, gold)
        steps = gold_steps(adapted, defined)
        calibration = self._calibration(key, inputs, gold, retakes, defined, adapter)
        return Prepared(Standard(key.task_id, adapted, steps, adapter, calibration), scoring, limits)

    def _adapter(self, key: StandardKey, inputs: GoldInputs, gold: Embedding, retakes: Sequence[Embedding]) -> Adapter:
        """Load the champion; without one fit an adapter, which has the same name as long as the golds are the same."""
        if key.champion is not None:
            return adapter_objects.load(self.place.objects, of_adapter(key.tenant_id, key.champion))
        golds = sha256("\n".join(sorted(_golds(inputs))).encode()).hexdigest()
        return fit([gold, *retakes], now=inputs.gold.registered_at.astimezone(UTC), id=golds[:12])

    def _calibration(
        self,
        key: StandardKey,
        inputs: GoldInputs,
        gold: Embedding,
        retakes: Sequence[Embedding],
        defined: Definition | None,
        adapter: Adapter,
    ) -> Calibration:
        kept_as = f"{of_tenant(key.tenant_id)}/standards/{_digest(key, inputs, adapter)}.json"
        kept = self._kept(kept_as)
        if kept is not None:
            return kept
        lacks_retakes = len(retakes) < ENOUGH_RETAKES
        # Other weights or another precision make other rows: of their pictures nothing can be learnt about these.
        has_pictures = lacks_retakes and digest_of(self.embedder.maker) == key.maker
        side = (
            Side(self._file(inputs), gold.sidecar)
            if has_pictures
            else Side(Path(inputs.key), gold.sidecar, stored=gold)
        )
        calibration = prepare(
            side, self.embedder, definition=defined, adapter=adapter, retakes=retakes, now=self.place.now()
        ).calibration
        if has_pictures or not lacks_retakes:
            self.place.objects.put(kept_as, msgspec.json.encode(calibration) + b"\n")
        return calibration

    def _kept(self, key: str) -> Calibration | None:
        try:
            return msgspec.json.decode(self.place.objects.get(key), type=Calibration)
        except (ObjectNotFoundError, msgspec.DecodeError):
            return None

    def _file(self, inputs: GoldInputs) -> Path:
        gone = SopError("video_gone", "The gold video's file is not in the store; add the video again, then retry.")
        if inputs.gold.shown_key is None:
            raise gone
        try:
            return self.place.copies.file(inputs.gold.shown_key)
        except ObjectNotFoundError:
            raise gone from None


def _golds(inputs: GoldInputs) -> list[str]:
    return [inputs.gold.sha256, *(retake.sha256 for retake in inputs.retakes)]


def _digest(key: StandardKey, inputs: GoldInputs, adapter: Adapter) -> str:
    """Name all that a calibration is learnt from."""
    gold, *retakes = _golds(inputs)
    content = inputs.definition.content if inputs.definition else ""
    learnt_from = [gold, sorted(retakes), key.maker, adapter.record.name, content, VERSION]
    return sha256(msgspec.json.encode(learnt_from)).hexdigest()[:32]

# SPDX-License-Identifier: Apache-2.0
"""What embeds: the embedder that the settings name, made for one run, and which maker everybody works with.

A maker's name holds the weights and the precision that the hardware gave, so that only the process that embeds can tell
it. It says so in the database, and everybody else asks there.
"""

from collections.abc import Iterable
from itertools import chain, islice
from threading import Lock
from typing import Final

import psycopg

from ovpo.foundation.settings.tree import Sop, SopEmbedder
from ovpo.sop.embedders.interface import Embedder, Seen
from ovpo.sop.embedding import Maker
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.video.samples import Sample, Sampling

AHEAD: Final = 480
"""Samples of a video that are decoded before its turn comes: two minutes, about 200 MB of pictures for vjepa2."""


def embedder_of(sop: Sop) -> Embedder:
    """Make the embedder that the settings name; it may be used by several threads."""
    from ovpo.sop.embedders.choosing import choose
    from ovpo.sop.embedders.vjepa2.options import VJepa2Options

    embedder = choose(sop.embedder, VJepa2Options(model=sop.model))
    return embedder if sop.embedder is SopEmbedder.HEURISTIC else InTurn(embedder)


def maker_of(connection: psycopg.Connection) -> str | None:
    """Name the maker whose embeddings are worked with, by its digest; None before anything was embedded."""
    return Embeddings(connection).current_maker()


class InTurn:
    """An embedder that holds one model on one device: videos take turns at it, and are decoded while they wait."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder: Final = embedder
        self._turn: Final = Lock()

    @property
    def maker(self) -> Maker:
        """Say what it is and how it is set."""
        return self._embedder.maker

    @property
    def sampling(self) -> Sampling:
        """Say which pictures it wants."""
        return self._embedder.sampling

    def embed(self, samples: Iterable[Sample]) -> Seen:
        """Make the rows once those of the videos before are made."""
        coming = iter(samples)
        decoded = list(islice(coming, AHEAD))
        with self._turn:
            return self._embedder.embed(chain(decoded, coming))

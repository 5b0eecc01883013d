# SPDX-License-Identifier: Apache-2.0
"""Which items of a batch were acknowledged before under the same batch id: for the count in the answer, best effort.

Nothing is left out because of it. What keeps an item from counting twice is the broker's memory of message ids and the
processor's unique keys; an item that comes again in another batch is found by the processor alone.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from ovpo.foundation.shortcut import Question, Shortcut
from ovpo.telemetry.contract.outcome import Item

LIFE: Final = timedelta(minutes=10)
_DIGEST_BYTES: Final = 8


class RecentBatches:
    """Remembers short digests of the items of each batch for some minutes."""

    def __init__(self, shortcut: Shortcut) -> None:
        self._shortcut = shortcut

    async def repeats(self, tenant_id: str, batch_id: str, items: Sequence[Item]) -> int:
        """Count the items that this batch held before, byte for byte."""
        known = await self._shortcut.get(Question.BATCH, _name(tenant_id, batch_id))
        if not known:
            return 0
        before = {known[at : at + _DIGEST_BYTES] for at in range(0, len(known), _DIGEST_BYTES)}
        return sum(digest in before for digest in _digests(items))

    async def note(self, tenant_id: str, batch_id: str, items: Sequence[Item]) -> None:
        """Remember what was acknowledged."""
        await self._shortcut.set(Question.BATCH, _name(tenant_id, batch_id), b"".join(_digests(items)), LIFE)


def _name(tenant_id: str, batch_id: str) -> str:
    return f"ingest-batch:{tenant_id}:{batch_id}"


def _digests(items: Iterable[Item]) -> Iterable[bytes]:
    return (hashlib.blake2b(item.raw, digest_size=_DIGEST_BYTES).digest() for item in items)

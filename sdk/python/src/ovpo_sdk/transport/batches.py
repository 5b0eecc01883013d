# SPDX-License-Identifier: Apache-2.0
"""A batch: the body of one request, the same bytes under the same key however often it has to be sent. Pure."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from ovpo_sdk.records import SCHEMA_VERSION

MOST_ITEMS: Final = 5000
"""What the contract allows."""
MOST_SPANS: Final = 1000
"""What the contract allows of one trace."""
MOST_BYTES: Final = 1_500_000
"""A third of what the contract allows: a request is quick to build, to send and to send again."""
_TRACE: Final = b'{"type":"trace",'
_json: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Batch:
    """A request's body and the key that tells its repetitions."""

    batch_id: str
    body: bytes
    lines: tuple[bytes, ...]

    @property
    def items(self) -> int:
        """How many items it holds."""
        return len(self.lines)


def batch(batch_id: str, sent_at: datetime, tenant: str, lines: Sequence[bytes]) -> Batch:
    """Put items into an envelope; trace records get their tenant."""
    owned = tuple(lines)
    tenanted = b'{"type":"trace","tenant_id":%s,' % _json.encode(tenant)
    items = b",".join(tenanted + line[len(_TRACE) :] if line.startswith(_TRACE) else line for line in owned)
    text = b'{"schema_version":"%s","batch_id":"%s","sent_at":"%s","items":[%s]}' % (
        SCHEMA_VERSION.encode(),
        batch_id.encode(),
        sent_at.isoformat().encode(),
        items,
    )
    return Batch(batch_id, gzip.compress(text, 1, mtime=0), owned)

# SPDX-License-Identifier: Apache-2.0
"""A seal: what the head of a chain was at a moment, signed, and the file that it is in the object store. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from ovpo.governance.audit.canonical import canonical
from ovpo.governance.audit.errors import AuditError
from ovpo.governance.audit.keys import Keys
from ovpo.governance.audit.record import Head, instant

FOLDER: Final = "audit/seals"
_TYPE: Final = "ovpo.audit.seal"
_Hex = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Seal:
    """A signed head."""

    tenant_id: str
    sealed_at: datetime
    seq: int
    record_hash: str
    key_id: str
    signature: str

    @property
    def day(self) -> date:
        """Give the day whose seal it is."""
        return self.sealed_at.astimezone(UTC).date()


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    type: Literal["ovpo.audit.seal"]
    tenant_id: str
    sealed_at: datetime
    seq: Annotated[int, Meta(ge=1, le=2**62)]
    record_hash: _Hex
    key_id: str
    signature: _Hex


def sealed(tenant_id: str, head: Head, moment: datetime, keys: Keys) -> Seal:
    """Make the seal of a head."""
    unsigned = Seal(tenant_id, moment, head.seq, head.record_hash, keys.key_id, "")
    return Seal(tenant_id, moment, head.seq, head.record_hash, keys.key_id, keys.sign(_signed_text(unsigned)))


def is_genuine(seal: Seal, keys: Keys) -> bool:
    """Tell whether its signature is that of the secret that it names."""
    return keys.is_signature(seal.key_id, _signed_text(seal), seal.signature)


def object_key(tenant_id: str, day: date) -> str:
    """Say where a day's seal lies in the object store."""
    return f"{FOLDER}/{tenant_id}/{day.isoformat()}.json"


def written(seal: Seal) -> bytes:
    """Give the file of a seal."""
    return canonical({**_fields(seal), "signature": seal.signature}) + b"\n"


def read(data: bytes) -> Seal:
    """Read the file of a seal."""
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise AuditError(f"is no seal: {error}") from None
    if file.sealed_at.tzinfo is None:
        raise AuditError("is no seal: sealed_at has no time zone")
    return Seal(file.tenant_id, file.sealed_at, file.seq, file.record_hash, file.key_id, file.signature)


def _signed_text(seal: Seal) -> bytes:
    return canonical(_fields(seal))


def _fields(seal: Seal) -> dict[str, object]:
    return {
        "type": _TYPE,
        "tenant_id": seal.tenant_id,
        "sealed_at": instant(seal.sealed_at),
        "seq": seal.seq,
        "record_hash": seal.record_hash,
        "key_id": seal.key_id,
    }

# SPDX-License-Identifier: Apache-2.0
"""Whether the artifacts of a trace are what its sender said: each is read once, in bounded memory, and compared."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Final

from ovpo.foundation.objects.errors import ObjectNotFoundError, ObjectStoreError
from ovpo.telemetry.artifacts.errors import ArtifactError
from ovpo.telemetry.artifacts.places import Kept, Places
from ovpo.telemetry.artifacts.verdicts import Claim, Finding, Verdict

DIGEST_LENGTHS: Final = {"sha256": 64, "md5": 32}


def verify(places: Places, tenant_id: str, claim: Claim, tell: Callable[[int], None]) -> Finding:
    """Look at one artifact; `tell` is given the number of bytes of each piece that was read."""
    try:
        at = places.find(tenant_id, claim.uri)
        if not isinstance(at, Kept):
            return _found(claim, Verdict.NOT_CHECKED, "https is not fetched")
        return _compared(at, claim, tell)
    except ArtifactError as error:
        return _found(claim, Verdict.NOT_CHECKED, str(error))
    except ObjectNotFoundError:
        return _found(claim, Verdict.MISSING, "there is no such object")
    except ObjectStoreError as error:
        return _found(claim, Verdict.UNREADABLE, str(error))


def _compared(at: Kept, claim: Claim, tell: Callable[[int], None]) -> Finding:
    stated = sorted(one for one in claim.checksums if _is_whole(one))
    if not stated:
        size = at.store.head(at.key).size
        if not claim.sizes:
            return _found(claim, Verdict.NOT_CHECKED, "it is there; the trace states no whole checksum", size)
        return _judged(claim, [_wrong_size(claim, size)], size, "its size only: the trace states no whole checksum")
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in {one.partition(":")[0] for one in stated}}
    size = 0
    for piece in at.store.read(at.key):
        size += len(piece)
        for digest in digests.values():
            digest.update(piece)
        tell(len(piece))
    real = {f"{name}:{digest.hexdigest()}" for name, digest in digests.items()}
    wrong = [f"the trace says {one}, it has {', '.join(sorted(real))}" for one in stated if one not in real]
    return _judged(claim, [_wrong_size(claim, size), *wrong], size, ", ".join(sorted(digests)))


def _judged(claim: Claim, faults: Iterable[str | None], size: int, checked: str) -> Finding:
    real = [fault for fault in faults if fault]
    return _found(claim, Verdict.CHANGED if real else Verdict.OK, "; ".join(real) or checked, size)


def _wrong_size(claim: Claim, size: int) -> str | None:
    wrong = sorted(claim.sizes - {size})
    return f"the trace says {', '.join(map(str, wrong))} bytes, it has {size}" if wrong else None


def _is_whole(checksum: str) -> bool:
    """Tell a checksum that an object can have; the contract takes any algorithm with 32 to 64 digits."""
    name, _, digest = checksum.partition(":")
    return DIGEST_LENGTHS.get(name) == len(digest)


def _found(claim: Claim, verdict: Verdict, detail: str, size: int | None = None) -> Finding:
    return Finding(claim.uri, claim.kind, verdict, detail, size)

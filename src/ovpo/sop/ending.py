# SPDX-License-Identifier: Apache-2.0
"""Which faults are the machine's or its operator's, not an item's: they end the run, and the ledger asks again."""

from errno import EDQUOT, EMFILE, ENFILE, ENOMEM, ENOSPC, EROFS
from typing import Final

from ovpo.foundation.objects.errors import ObjectAccessDeniedError
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.sop.errors import MaskingError

NO_ROOM: Final = frozenset({EDQUOT, EMFILE, ENFILE, ENOMEM, ENOSPC, EROFS})
OUT_OF_MEMORY: Final = "OutOfMemoryError"
"""An accelerator's, whose library is not imported to say so."""
SETUP: Final = frozenset({"unreadable_masks", "invalid_masks", "no_encoder"})
"""Masks that nobody could apply to any video: the videos are kept until that is mended, and not used without them."""


def ends_the_run(error: BaseException) -> bool:
    """Tell whether an error says nothing of the item at which it came up."""
    if isinstance(error, StoreUnavailableError | ObjectAccessDeniedError | MemoryError):
        return True
    if isinstance(error, MaskingError):
        return error.code in SETUP or _has_no_room(error.__cause__)
    return _has_no_room(error) or type(error).__name__ == OUT_OF_MEMORY


def _has_no_room(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in NO_ROOM

# SPDX-License-Identifier: Apache-2.0
"""A fault of the machine ends the run and costs no item its result; a fault of an item is its own."""

from errno import EACCES, ENOSPC

import pytest

from ovpo.foundation.objects.errors import ObjectAccessDeniedError, ObjectNotFoundError
from ovpo.foundation.postgres.connect import PostgresUnavailableError
from ovpo.sop.ending import ends_the_run
from ovpo.sop.errors import MaskingError, VideoError


class OutOfMemoryError(RuntimeError):
    """As an accelerator's library calls its own."""


def masking(code: str, cause: Exception | None = None) -> MaskingError:
    error = MaskingError(code, "cannot be masked")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        PostgresUnavailableError("away"),
        ObjectAccessDeniedError("credentials ran out"),
        MemoryError(),
        OutOfMemoryError(),
        OSError(ENOSPC, "no space left"),
        masking("invalid_masks"),
        masking("not_masked", OSError(ENOSPC, "no space left")),
    ],
)
def test_a_fault_of_the_machine_ends_the_run(error: Exception) -> None:
    assert ends_the_run(error)


@pytest.mark.parametrize(
    "error",
    [
        VideoError("no_video", "is none"),
        ObjectNotFoundError("gone"),
        OSError(EACCES, "may not"),
        masking("not_masked", OSError(EACCES, "may not")),
        ZeroDivisionError(),
    ],
)
def test_a_fault_of_an_item_is_its_own(error: Exception) -> None:
    assert not ends_the_run(error)

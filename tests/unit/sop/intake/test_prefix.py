# SPDX-License-Identifier: Apache-2.0
"""A bucket that does not serve is told of without the names that lie in it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest

from ovpo.foundation.objects.errors import ObjectAccessDeniedError, ObjectStoreError, ObjectStoreUnavailableError
from ovpo.foundation.objects.store import ObjectStore
from ovpo.sop.intake.errors import InboxUnavailableError
from ovpo.sop.intake.found import Found
from ovpo.sop.intake.prefix import PrefixInbox

SECRET = "coffee/trainee/anna-schmidt.mp4"
FOUND = Found(SECRET, 1, 0, None, None)


class Broken:
    """A store that says no to everything, and names the object."""

    def __init__(self, error: type[ObjectStoreError]) -> None:
        self._error = error

    def __getattr__(self, _: str) -> Callable[..., NoReturn]:
        def refuse(*_: Any, **__: Any) -> NoReturn:
            raise self._error(f"s3://inbox, object {SECRET}: no")

        return refuse


def drained(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        pass


@pytest.mark.parametrize("error", [ObjectAccessDeniedError, ObjectStoreUnavailableError])
@pytest.mark.parametrize(
    "use",
    [
        lambda inbox: inbox.look(SECRET),
        lambda inbox: drained(inbox.open(FOUND)),
        lambda inbox: inbox.accept(FOUND, None),
        lambda inbox: inbox.refuse(FOUND, None),
    ],
)
def test_what_is_said_of_a_bucket_that_does_not_serve_names_no_object(
    error: type[ObjectStoreError], use: Callable[[PrefixInbox], None], tmp_path: Path
) -> None:
    inbox = PrefixInbox(cast("ObjectStore", Broken(error)), "inbox", tmp_path)
    with pytest.raises(InboxUnavailableError, match="OVPO_SOP__INBOX") as raised:
        use(inbox)
    assert "anna" not in str(raised.value)
    assert raised.value.__cause__ is None

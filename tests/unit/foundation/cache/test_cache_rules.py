# SPDX-License-Identifier: Apache-2.0
"""What the cache refuses before it asks any server."""

import asyncio
from datetime import timedelta

import pytest

from ovpo.foundation.cache import Budget, Cache, CacheError, CacheUnavailableError
from ovpo.foundation.settings import tree

NOWHERE = tree.Cache(port=1)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("key", ["", "line\nbreak", "\x00", "é" * 257])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(CacheError, match="cache key"):
        asyncio.run(Cache(NOWHERE).get(key))


@pytest.mark.parametrize("life", [timedelta(0), timedelta(seconds=-1), timedelta(microseconds=999)])
def test_a_value_has_to_live(life: timedelta) -> None:
    for call in (Cache(NOWHERE).set, Cache(NOWHERE).set_if_absent):
        with pytest.raises(CacheError, match="at least a millisecond"):
            asyncio.run(call("key", b"", life))


@pytest.mark.parametrize(
    ("limit", "window", "burst"), [(0, MINUTE, 1), (1, timedelta(0), 1), (1, MINUTE, 0), (-1, MINUTE, 1)]
)
def test_a_budget_of_nothing_is_refused(limit: int, window: timedelta, burst: int) -> None:
    with pytest.raises(CacheError, match="above zero"):
        Budget(limit, window, burst)


def test_a_server_that_was_never_there_is_unavailable() -> None:
    with pytest.raises(CacheUnavailableError):
        asyncio.run(Cache(NOWHERE).ready())

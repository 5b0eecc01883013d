# SPDX-License-Identifier: Apache-2.0
"""A cursor leads back to its place in its list, and nowhere else."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.governance.access.cursor import Place, cursor_of, place_of
from ovpo.governance.access.refusals import RefusedError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLACE = Place(NOW - timedelta(days=3, microseconds=7), "acme-video")
TEXT = cursor_of(PLACE, "tenants", NOW)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2199, 1, 1)), st.from_regex(r"\A[a-z0-9-]{1,128}\Z"))  # fmt: skip  # noqa: DTZ001, E501
def test_a_place_is_read_back_as_it_was(timestamp: datetime, name: str) -> None:
    place = Place(timestamp.replace(tzinfo=UTC), name)
    assert place_of(cursor_of(place, "tenants", NOW), "tenants", NOW) == place


def test_no_cursor_is_the_beginning() -> None:
    assert place_of(None, "tenants", NOW) is None


def test_a_cursor_is_good_for_its_own_list_for_a_day() -> None:
    assert place_of(TEXT, "tenants", NOW + timedelta(hours=24)) == PLACE
    with pytest.raises(RefusedError, match="older than 24 hours"):
        place_of(TEXT, "tenants", NOW + timedelta(hours=24, seconds=1))
    with pytest.raises(RefusedError, match="another list"):
        place_of(TEXT, "keys of demo", NOW)


def forged(**changes: object) -> str:
    said = {"last_timestamp": "2026-11-21T00:00:00Z", "last_id": "a", "of": "x", "issued_at": "2026-11-21T12:00:00Z"}
    return urlsafe_b64encode(json.dumps(said | changes).encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "e30",
        "not base64!",
        TEXT + "\n",
        TEXT[:-3],
        forged(last_id="A"),
        forged(last_id="a\x00"),
        forged(last_id="a" * 129),
        forged(last_timestamp="2026-11-21T00:00:00"),
        forged(last_timestamp="0001-01-01T00:00:00+14:00"),
        forged(last_timestamp="9999-12-31T23:59:59-14:00"),
        forged(last_timestamp=7),
        forged(more=1),
        forged(),
    ],
)
def test_a_cursor_that_is_none_of_ours_is_refused_by_name(text: str) -> None:
    with pytest.raises(RefusedError, match="cursor"):
        place_of(text, "tenants", NOW)


@given(st.text(max_size=200))
def test_any_text_is_a_place_or_refused_and_never_a_crash(text: str) -> None:
    with pytest.raises(RefusedError):
        place_of(text, "tenants", NOW)

# SPDX-License-Identifier: Apache-2.0
"""Cursors: read back where they were given, refused everywhere else."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from ovpo.foundation.http.errors import ApiError
from ovpo.sop.api.cursors import Place, cursor_of, place_of

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PLACE = Place(NOW - timedelta(days=3, microseconds=7), str(uuid4()))
LIST = ("videos", "demo", {"role": "gold"})


def test_a_cursor_names_its_place_in_its_list() -> None:
    assert place_of(cursor_of(PLACE, LIST, NOW), LIST, NOW + timedelta(hours=23)) == PLACE
    assert place_of(None, LIST, NOW) is None


@pytest.mark.parametrize("other", [("videos", "acme", {"role": "gold"}), ("videos", "demo", {}), ("scores", "demo")])
def test_a_cursor_of_another_list_is_refused(other: object) -> None:
    with pytest.raises(ApiError, match=r"another list|other filters"):
        place_of(cursor_of(PLACE, LIST, NOW), other, NOW)


def test_an_old_cursor_is_refused() -> None:
    with pytest.raises(ApiError, match="older than 24 hours"):
        place_of(cursor_of(PLACE, LIST, NOW), LIST, NOW + timedelta(hours=25))


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "x",
        "1; DROP TABLE sop_videos",
        "\0",
        "a" * 500,
        "urn:uuid:1243f7dc-6290-4b1d-bf6f-d5231213dfe7",
        "1243f7dc-6290-4b1d-bf6f-d5231213df_7",
    ],
)
def test_an_id_that_is_none_is_refused(identifier: str) -> None:
    with pytest.raises(ApiError, match=r"query\.cursor"):
        place_of(cursor_of(Place(NOW, identifier), LIST, NOW), LIST, NOW)


@pytest.mark.parametrize(
    "text", ["", "!", "AAAA", urlsafe_b64encode(b"{}").decode(), urlsafe_b64encode(b"[" * 999).decode()]
)
def test_what_nobody_gave_is_refused(text: str) -> None:
    with pytest.raises(ApiError, match=r"query\.cursor"):
        place_of(text, LIST, NOW)

# SPDX-License-Identifier: Apache-2.0
"""Answers that are written as JSON straight from plain objects: for large ones, which no model should copy first."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

_ENCODER: Final = msgspec.json.Encoder()


JSON: Final = "application/json"


def encode(content: Any) -> bytes:
    """Write plain objects as JSON; moments become RFC 3339, what is no number becomes null."""
    return _ENCODER.encode(content)


def json_answer(content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Make an answer of plain objects."""
    return Response(encode(content), 200, dict(headers or {}), JSON)

# SPDX-License-Identifier: Apache-2.0
"""Files of the SOP API as HTTP answers: what their routes say of them, and the objects that they are."""

from typing import Any, Final

from fastapi import Response

from ovpo.foundation.http.json_answer import JSON
from ovpo.foundation.objects.serving import Wish, describe, give
from ovpo.foundation.objects.store import ObjectStore
from ovpo.sop.api.refusals import Answers, readable

_ASK_EACH_TIME: Final = "private, no-cache"
"""One address gives an original or a masked video, by who asks, and nothing once it is deleted: a browser that may use
what it kept without asking shows one person what another was allowed to see, and none of it is on the audit chain."""
_BYTES: Final = {"schema": {"type": "string", "format": "binary"}}
_TABLE: Final = {"schema": {}, "example": [{"label": "A", "gold_seconds": 4.0, "picture": "evidence-01.png"}]}


def answers_of(*kinds: str) -> Answers:
    """Say what a route answers that gives a file of one of these media types."""
    content: dict[str, Any] = {"content": {kind: _TABLE if kind == JSON else _BYTES for kind in kinds}}
    return {
        200: {"description": "The file", **content},
        206: {"description": "The part of it that the header Range asks for", **content},
        304: {"description": "It is the one that If-None-Match names"},
        416: {"description": "It has no such bytes; Content-Range tells its size"},
    }


FILE: Final[Answers] = answers_of(
    "video/mp4", "video/x-matroska", "video/webm", "video/quicktime", "application/octet-stream"
)
HEAD: Final[Answers] = {200: {"description": "What is known of the file"}}


def given(objects: ObjectStore, key: str, wish: Wish, what: str) -> Response:
    """Answer with an object, or a part of it."""
    with readable(what):
        return _each_time(give(objects, key, wish))


def head(objects: ObjectStore, key: str, what: str) -> Response:
    """Answer with what is known of an object."""
    with readable(what):
        return _each_time(describe(objects, key))


def _each_time(answer: Response) -> Response:
    answer.headers["Cache-Control"] = _ASK_EACH_TIME
    return answer

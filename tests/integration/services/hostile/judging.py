# SPDX-License-Identifier: Apache-2.0
"""What an answer to whatever request must be, and must never hold. Pure."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import unquote

from ovpo.foundation.http.errors import Code
from tests.integration.services.hostile.ground import TRACES, Ground, Tenant
from tests.integration.services.hostile.requests import Request
from tests.integration.services.hostile.wire import Answer

TELLS: Final = (
    "Traceback", 'File "', "site-packages", ".py\"", ".py:", "psycopg", "sqlalchemy", "clickhouse", "chdb",
    "DB::Exception",
    "SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM", "FROM traces", "WHERE ", "LINE 1", "syntax error at or near",
    "violates", "relation \"", "column \"", "pg_catalog", "row-level security", "permission denied for", "0x0", "at 0x",
    "KeyError", "ValueError", "TypeError", "AttributeError", "IndexError", "OverflowError", "UnicodeDecodeError",
    "RecursionError", "JSONDecodeError", "Exception", "starlette", "fastapi", "pydantic", "hypercorn", "uvicorn",
    "/usr/", "/home/", "/tmp/", "/var/", "errors.pydantic.dev", "ovpo_query", "ovpo_admin", "password",
)  # fmt: skip
"""Words of our machinery; hostile texts do not spell them, and what a request says itself may be repeated."""
_FIRST_ERROR: Final = 400
_FIRST_FAULT: Final = 500
_OF_ALL_TENANTS: Final = re.compile(r"/v1/tenants(?:/|\Z)")
_KEPT: Final = re.compile(r"/v1/(?:audit/records|views|keys)(?:/|\Z)")
"""What shows again what its own tenant said before, which may be another's name or id, but never its mark."""
_OF_BACKENDS: Final = re.compile(r"/readyz\Z")
"""What names the stores, to whoever watches the service."""
_SANE_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")
BARE: Final = frozenset({400, 408, 413, 414, 431, 501, 505})
"""With these the server itself refuses what is no HTTP, in an answer without a body, before any app sees it."""


def is_bare(answer: Answer) -> bool:
    """Tell an answer of the server that refuses bytes which are no request."""
    return answer.status in BARE and not answer.body and answer.header(b"x-request-id") is None


def offences(ground: Ground, request: Request, answer: Answer) -> Iterator[str]:
    """Name everything about an answer that must not be."""
    path = unquote(request.target.partition("?")[0])
    if answer.status >= _FIRST_FAULT:
        yield f"status {answer.status}"
    if answer.header(b"x-content-type-options") != b"nosniff":
        yield "no X-Content-Type-Options"
    if not _SANE_ID.fullmatch(answer.header(b"x-request-id") or b""):
        yield "no sane X-Request-Id"
    if answer.status >= _FIRST_ERROR and request.method != "HEAD":
        yield from _of_error(answer)
    shown = _shown(answer)
    said = request.said
    allowed = "clickhouse" if _OF_BACKENDS.match(path) else ""
    yield from (
        f"tells {word!r}" for word in (*TELLS, ground.home) if word in shown and word not in said and word != allowed
    )
    yield from _foreign(ground, request, answer, path, shown)


def _of_error(answer: Answer) -> Iterator[str]:
    if answer.header(b"content-type") != b"application/json":
        yield f"an error of type {answer.header(b'content-type')!r}"
        return
    try:
        error = json.loads(answer.body)["error"]
        Code(error["code"])
        assert isinstance(error["message"], str)
        assert error["message"]
    except (ValueError, KeyError, TypeError, AssertionError):
        yield f"an error whose body is none of the contract: {answer.body[:200]!r}"
        return
    if error["request_id"].encode() != answer.header(b"x-request-id"):
        yield "an error with another request_id than its header"
    if not {"code", "message", "request_id", "details", "retry_after"} >= error.keys():
        yield f"an error that says more: {sorted(error)}"


def _foreign(ground: Ground, request: Request, answer: Answer, path: str, shown: str) -> Iterator[str]:
    """Name what belongs to others: their marks and ids, unless the request said them or its key is of all tenants."""
    callers = ground.platform if request.role is not None and request.role.value == "super_admin" else ground.ours
    if callers is ground.platform and _OF_ALL_TENANTS.match(path):
        return
    for tenant in (ground.ours, ground.theirs, ground.platform):
        if tenant is callers and request.role is not None:
            continue
        if _is_linked(ground, request, tenant):
            continue
        known = () if _KEPT.match(path) else (tenant.name, *tenant.secrets)
        for secret in (tenant.mark, *known, *(key.rsplit("_", 1)[1] for key in tenant.keys.values())):
            if secret in shown and secret not in request.said:
                yield f"shows {secret!r} of {tenant.name}"
        if _counted(path, answer) > TRACES:
            yield "counts more traces than the caller has"
        if answer.status < _FIRST_ERROR and any(one in path for one in (*tenant.secrets, tenant.mark, tenant.name)):
            yield f"answers about a thing of {tenant.name}"


def _counted(path: str, answer: Answer) -> int:
    """Tell how many traces an answer of the analytics is about."""
    if not path.startswith("/v1/analytics/") or answer.status >= _FIRST_ERROR:
        return 0
    count = json.loads(answer.body or b"{}").get("traces", 0)
    return count if isinstance(count, int) else len(count)


def _is_linked(ground: Ground, request: Request, tenant: Tenant) -> bool:
    """Tell a request that holds the unchanged signed link of an object of ours, which needs no key."""
    return tenant is ground.ours and request.target.lstrip("/") in ground.ours.ids["link"]


def _shown(answer: Answer) -> str:
    """Give all that an answer shows, its escapes undone, so that nothing hides behind one."""
    text = answer.body.decode(errors="replace")
    parts: Sequence[str] = [f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in answer.headers]
    try:
        again = json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        again = ""
    return "\n".join((*parts, text, again))

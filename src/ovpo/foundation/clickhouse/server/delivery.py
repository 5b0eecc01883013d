# SPDX-License-Identifier: Apache-2.0
"""The answer to a query on the wire: ClickHouse's headers, the summary, and the mark of an error in mid-stream.

Pure. Which bytes go out is decided here; sending them is not.
"""

import json
import secrets
import string
from collections.abc import Mapping

from ovpo.foundation.clickhouse.server.engine import Identity
from ovpo.foundation.clickhouse.server.errors import QueryError
from ovpo.foundation.clickhouse.server.execution import Counts

_CONTENT_TYPES = {
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "tsv": "text/tab-separated-values; charset=UTF-8",
    "tabseparatedwithnames": "text/tab-separated-values; charset=UTF-8; header=present",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
}


def tag() -> str:
    """A random word that no result contains, to mark an error behind rows already sent."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))


def headers(identity: Identity, query_id: str) -> dict[str, str]:
    """The headers of every answer to a query."""
    return {
        "X-ClickHouse-Query-Id": query_id,
        "X-ClickHouse-Server-Display-Name": identity.host,
        "X-ClickHouse-Timezone": identity.timezone,
    }


def result_headers(format_name: str | None, coding: str) -> dict[str, str]:
    """The headers that say how the rows are written."""
    found = {"Content-Type": "text/plain; charset=UTF-8"}
    if format_name:
        found["X-ClickHouse-Format"] = format_name
        found["Content-Type"] = _CONTENT_TYPES.get(format_name.lower(), "application/octet-stream")
    if coding:
        found["Content-Encoding"] = coding
    return found


def error_headers(error: QueryError) -> dict[str, str]:
    """The headers of a refusal."""
    return {"Content-Type": "text/plain; charset=UTF-8", "X-ClickHouse-Exception-Code": str(error.code)}


def summary(counts: Counts, seconds: float) -> Mapping[str, str]:
    """The header that tells what a query read and wrote; numbers are texts, as ClickHouse sends them."""
    fields = {
        "read_rows": counts.read_rows,
        "read_bytes": counts.read_bytes,
        "written_rows": counts.written_rows,
        "written_bytes": counts.written_bytes,
        "total_rows_to_read": counts.read_rows,
        "result_rows": counts.result_rows or counts.written_rows,
        "result_bytes": counts.result_bytes or counts.written_bytes,
        "elapsed_ns": int(seconds * 1e9),
    }
    text = json.dumps({name: str(value) for name, value in fields.items()}, separators=(",", ":"))
    return {"X-ClickHouse-Summary": text}


def late_error(text: str, mark: str) -> bytes:
    """The block behind the rows that tells of an error after the headers were sent, as ClickHouse 25.11 writes it."""
    body = text.encode()
    return b"\r\n__exception__\r\n%b\r\n%b\n%d %b\r\n__exception__\r\n" % (
        mark.encode(),
        body,
        len(body),
        mark.encode(),
    )

# SPDX-License-Identifier: Apache-2.0
"""What went wrong with a query, in ClickHouse's own terms: code, name, message, HTTP status.

Turns the engine's error texts into one typed error, and that error into the body a ClickHouse server sends.
"""

import re

_CODE = re.compile(r"Code:\s*(\d+)\.\s*DB::Exception:\s*")
_TAIL = re.compile(r"[\s.]*(?:\(([A-Z][A-Z0-9_]+)\)|\(version [^)]*\))[\s.]*\Z")

_STATUS = {
    400: frozenset({6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441})
    | {456, 457, 675, 676},
    401: frozenset({194}),
    403: frozenset({192, 193, 497, 512, 516}),
    404: frozenset({46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511}),
    408: frozenset({159}),
    411: frozenset({381}),
    413: frozenset({229, 307}),
    415: frozenset({779}),
    501: frozenset({48}),
    503: frozenset({76, 202, 209, 236, 439}),
}


class QueryError(Exception):
    """A query that ClickHouse or this server refused, with ClickHouse's number and name for the reason."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(f"Code: {code}. {message} ({name})")
        self.code = code
        self.name = name
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status a ClickHouse server answers this code with (and 503 where a retry helps)."""
        return next((status for status, codes in _STATUS.items() if self.code in codes), 500)

    def text(self, version: str) -> str:
        """The one-line body that ClickHouse clients parse."""
        return f"Code: {self.code}. DB::Exception: {self.message} ({self.name}) (version {version})"


def from_engine(text: str) -> QueryError:
    """The typed form of an error text of the engine; a text without a code becomes LOGICAL_ERROR (49)."""
    outer = _CODE.search(text)
    if outer is None:
        return QueryError(49, "LOGICAL_ERROR", text.strip() or "The engine failed without a message.")
    message = text[outer.end() :]
    while (again := _CODE.match(message)) is not None:
        message = message[again.end() :]
    name = None
    while (tail := _TAIL.search(message)) is not None and (name is None or tail[1] in {None, name}):
        name = tail[1] or name
        message = message[: tail.start()]
    return QueryError(int(outer[1]), name or "UNKNOWN_EXCEPTION", message.strip(" \n.") + ".")


def syntax_error(message: str) -> QueryError:
    """The query is no statement of ClickHouse SQL."""
    return QueryError(62, "SYNTAX_ERROR", message)


def bad_arguments(message: str) -> QueryError:
    """A parameter of the request has a value that cannot be used."""
    return QueryError(36, "BAD_ARGUMENTS", message)


def not_implemented(message: str) -> QueryError:
    """A ClickHouse server could do it; this one does not."""
    return QueryError(48, "NOT_IMPLEMENTED", message)


def access_denied(message: str) -> QueryError:
    """The statement reaches for something outside the data folder."""
    return QueryError(497, "ACCESS_DENIED", message)


def authentication_failed() -> QueryError:
    """The user name or password is wrong; the text does not say which."""
    message = "Authentication failed: password is incorrect, or there is no user with such name."
    return QueryError(516, "AUTHENTICATION_FAILED", message)


def too_busy(running: int, waiting: int) -> QueryError:
    """Every place to run and every place to wait is taken."""
    message = (
        f"Too many simultaneous queries: {running} run and {waiting} wait. "
        "Retry later, or raise --max-queries or --max-waiting."
    )
    return QueryError(202, "TOO_MANY_SIMULTANEOUS_QUERIES", message)


def too_large(limit: int) -> QueryError:
    """The request body, once decompressed, is over the limit."""
    message = f"The request body is larger than {limit} bytes. Send smaller batches, or raise --max-body-bytes."
    return QueryError(307, "TOO_MANY_BYTES", message)


def stopping() -> QueryError:
    """The server is being stopped."""
    return QueryError(236, "ABORTED", "The server is stopping. Retry once it is up again.")


def no_space() -> QueryError:
    """The disk under the data folder is full."""
    return QueryError(243, "NOT_ENOUGH_SPACE", "No space left on the disk of the data folder. Free some, then retry.")


def bad_encoding(encoding: str, reason: str) -> QueryError:
    """The request body is not what its Content-Encoding says."""
    message = (
        f"Cannot decompress the request body as {encoding}: {reason}. Send what the header Content-Encoding names."
    )
    return QueryError(271, "CANNOT_DECOMPRESS", message)


def session_not_found(name: str) -> QueryError:
    """`session_check=1` asked for a session that does not exist."""
    return QueryError(372, "SESSION_NOT_FOUND", f"Session {name!r} not found. Leave session_check out to open it.")


def session_locked(name: str) -> QueryError:
    """Another query of the same session runs."""
    message = f"Session {name!r} is locked by a concurrent client. Give each thread its own session_id."
    return QueryError(373, "SESSION_IS_LOCKED", message)


def query_id_taken(query_id: str) -> QueryError:
    """A query with this id runs already."""
    message = f"Query with id = {query_id} is already running. Send another query_id, or none."
    return QueryError(216, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", message)

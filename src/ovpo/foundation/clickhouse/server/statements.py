# SPDX-License-Identifier: Apache-2.0
"""What a statement is: a query that answers rows, an insert with data behind it, or a command.

Finds where SQL ends and data begins, and where a result's FORMAT stands. Pure: bytes in, a typed statement out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise

from ovpo.foundation.clickhouse.server.errors import QueryError, not_implemented, syntax_error
from ovpo.foundation.clickhouse.server.tokens import Kind, Token, tokens

_SELECTING = frozenset({"SELECT", "WITH", "FROM"})
_ANSWERING = _SELECTING | {"SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "CHECK", "KILL"}
_LONGEST_REMEMBERED = 4096
_MOST_REMEMBERED = 64
_PRETTY_NAMES = {"DESC": "DESCRIBE"}


@dataclass(frozen=True, slots=True)
class Rows:
    """A statement that answers rows. `head` ends before its FORMAT clause; `tail` follows the clause."""

    kind: str
    head: bytes
    format: str | None
    tail: bytes
    streams: bool
    tokens: tuple[Token, ...]

    @property
    def sql(self) -> bytes:
        """The statement as it was written, without closing semicolons."""
        clause = f"\nFORMAT {self.format} ".encode() if self.format else b"\n"
        return self.head + clause + self.tail


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose rows follow the statement, from byte `data_at` of the text on.

    `head` ends before its SETTINGS, because the source of the rows is named between the two.
    """

    head: bytes
    settings: bytes
    format: str | None
    data_at: int
    tokens: tuple[Token, ...]
    kind: str = "INSERT"


@dataclass(frozen=True, slots=True)
class Command:
    """Any other statement: it runs as it is and answers nothing."""

    kind: str
    sql: bytes
    tokens: tuple[Token, ...]


Statement = Rows | Insert | Command


def parse(sql: bytes) -> Statement:
    """The one statement in `sql`; an error of ClickHouse's own where there is none, or more than one.

    Short ones are remembered: a service asks the same question again and again with other parameters, and reading a
    question of a kilobyte takes 0.6 ms.
    """
    return _remembered(sql) if len(sql) <= _LONGEST_REMEMBERED else _read(sql)


@lru_cache(_MOST_REMEMBERED)
def _remembered(sql: bytes) -> Statement:
    return _read(sql)


def _read(sql: bytes) -> Statement:
    insert = leading_insert(sql)
    if insert is not None:
        return insert
    seen = _single(tuple(tokens(sql)))
    text = sql[: seen[-1].end]
    lead = next((token for token in seen if token.text != b"("), seen[0])
    kind = _PRETTY_NAMES.get(lead.keyword, lead.keyword)
    if kind not in _ANSWERING or _writes(seen):
        return Command(kind or "OTHER", text, seen)
    return _rows(kind, text, seen, streams=lead.keyword in _SELECTING)


def _single(seen: tuple[Token, ...]) -> tuple[Token, ...]:
    end = len(seen)
    while end and seen[end - 1].text == b";":
        end -= 1
    if end == 0:
        raise syntax_error("Syntax error: Empty query. Send a statement in the body or in the parameter `query`.")
    if any(token.text == b";" for token in seen[:end]):
        raise syntax_error("Syntax error: Multi-statements are not allowed. Send one statement a request.")
    return seen[:end]


def _writes(seen: Sequence[Token]) -> bool:
    """Whether a WITH clause leads into an INSERT ... SELECT."""
    flat = [token.keyword for token in seen if token.depth == 0]
    return ("INSERT", "INTO") in pairwise(flat)


def _rows(kind: str, text: bytes, seen: tuple[Token, ...], *, streams: bool) -> Rows:
    words = [token.keyword for token in seen]
    if ("INTO", "OUTFILE") in pairwise(words):
        raise not_implemented("INTO OUTFILE is not allowed over HTTP. Take the result from the response instead.")
    totals = ("WITH", "TOTALS") in pairwise(words) or "EXTREMES" in words
    at = _format_at(seen)
    if at is None:
        return Rows(kind, text, None, b"", streams and not totals, seen)
    name = seen[at + 1]
    return Rows(kind, text[: seen[at].start], format_name(name), text[name.end :], streams and not totals, seen)


def _format_at(seen: Sequence[Token]) -> int | None:
    """Where the statement's own FORMAT clause stands: two words that nothing but SETTINGS follows."""
    for at in range(len(seen) - 2, 0, -1):
        token, name = seen[at], seen[at + 1]
        if token.depth == 0 and token.keyword == "FORMAT" and name.kind in (Kind.WORD, Kind.QUOTED):
            follows = seen[at + 2] if at + 2 < len(seen) else None
            if follows is None or follows.keyword == "SETTINGS":
                return at
    return None


def leading_insert(sql: bytes) -> Insert | None:
    """The INSERT with data that `sql` opens with; None where it is another statement or selects its rows."""
    stream = tokens(sql)
    seen = _target(stream)
    if not seen:
        return None
    previous = seen[-1]
    settings_at: int | None = None
    for token in stream:
        word = "" if previous.text == b"." or token.depth else token.keyword
        if word == "VALUES":
            return Insert(*_cut(sql, settings_at, token.start), "Values", token.end, tuple(seen))
        if word == "FORMAT":
            name, at = _format_and_data(sql, next(stream, None))
            return Insert(*_cut(sql, settings_at, token.start), name, at, tuple(seen))
        if word in {"SELECT", "WITH"} or (token.keyword in {"SELECT", "WITH"} and previous.text == b"("):
            return None
        if (previous.keyword, word) == ("FROM", "INFILE"):
            raise not_implemented("FROM INFILE is not allowed over HTTP. Send the rows in the request body.")
        if token.text == b";":
            break
        if word == "SETTINGS" and settings_at is None:
            settings_at = token.start
        seen.append(token)
        previous = token
    return Insert(*_cut(sql, settings_at, seen[-1].end), None, len(sql), tuple(seen))


def _target(stream: Iterator[Token]) -> list[Token]:
    """The words of an INSERT up to the first one of its table; none where the statement is no INSERT."""
    seen = list(islice(stream, 2))
    if [token.keyword for token in seen] != ["INSERT", "INTO"]:
        return []
    for target in stream:
        seen.append(target)
        if target.keyword not in {"TABLE", "FUNCTION"}:
            return seen
    raise syntax_error("Syntax error: INSERT INTO names no table.")


def _cut(sql: bytes, settings_at: int | None, end: int) -> tuple[bytes, bytes]:
    return (sql[:end], b"") if settings_at is None else (sql[:settings_at], sql[settings_at:end])


def _format_and_data(sql: bytes, name: Token | None) -> tuple[str, int]:
    if name is None or name.kind not in (Kind.WORD, Kind.QUOTED):
        raise syntax_error("Syntax error: FORMAT names no format.")
    if name.name.upper() == "VALUES":
        return "Values", name.end
    return format_name(name), _data_start(sql, name.end)


def format_name(token: Token) -> str:
    """The name a FORMAT clause gives, once it is sure to be a plain word."""
    name = token.name
    if not (name.isascii() and name.replace("_", "").isalnum()):
        raise QueryError(73, "UNKNOWN_FORMAT", f"Unknown format {name}.")
    return name


def _data_start(sql: bytes, at: int) -> int:
    """Data begins after the first line break behind the format's name, or after the blanks where there is none."""
    while sql[at : at + 1] in (b" ", b"\t", b"\f", b";"):
        at += 1
    if sql[at : at + 1] == b"\r":
        at += 1
    return at + 1 if sql[at : at + 1] == b"\n" else at

# SPDX-License-Identifier: Apache-2.0
"""The lexer of ClickHouse SQL: bytes in, words, quoted texts and punctuation out; comments and blanks are skipped.

It knows where a token starts and ends and how deep in brackets it stands, and nothing about statements.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from ovpo.foundation.clickhouse.server.errors import QueryError, syntax_error

_TOKEN = re.compile(
    rb"""
      (?P<blank>\s+|--[^\n]*|\#[\ !][^\n]*|/\*.*?\*/)
    | (?P<string>'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`)
    | (?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<word>[A-Za-z_\x80-\xff][\w\x80-\xff$]*)
    | (?P<number>[0-9][\w.]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPENING = frozenset({b"(", b"[", b"{"})
_CLOSING = frozenset({b")", b"]", b"}"})
_ESCAPE = re.compile(rb"\\x([0-9A-Fa-f]{2})|\\(.)", re.DOTALL)


class Kind(Enum):
    """What a token is."""

    WORD = auto()
    QUOTED = auto()
    STRING = auto()
    NUMBER = auto()
    OTHER = auto()


_KINDS = {
    "string": Kind.STRING,
    "quoted": Kind.QUOTED,
    "heredoc": Kind.STRING,
    "word": Kind.WORD,
    "number": Kind.NUMBER,
    "other": Kind.OTHER,
}


@dataclass(frozen=True, slots=True)
class Token:
    """One token, its place in the text and the number of brackets open around it."""

    kind: Kind
    text: bytes
    start: int
    end: int
    depth: int

    @property
    def keyword(self) -> str:
        """The word in capitals, or an empty text where the token is no bare word."""
        return self.text.decode("ascii", "replace").upper() if self.kind is Kind.WORD else ""

    @property
    def name(self) -> str:
        """The identifier this token spells, quotes and escapes resolved, or an empty text."""
        if self.kind is Kind.WORD:
            return self.text.decode("utf-8", "replace")
        if self.kind is not Kind.QUOTED:
            return ""
        mark = self.text[:1]
        inner = self.text[1:-1].replace(mark * 2, mark)
        return _ESCAPE.sub(_unescape, inner).decode("utf-8", "replace")


def _unescape(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 16)]) if match[1] else match[2]


def tokens(sql: bytes, start: int = 0) -> Iterator[Token]:
    """The tokens of `sql` from `start` on, read lazily, so that binary data behind an INSERT is never looked at."""
    depth = 0
    at = start
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        if match is None or match.lastgroup is None:
            raise _unreadable(at)
        text = match[0]
        at = match.end()
        group = "heredoc" if match["heredoc"] is not None else match.lastgroup
        if group == "blank":
            continue
        if text in _CLOSING:
            depth = max(0, depth - 1)
        if group == "other" and text in (b"'", b'"', b"`"):
            raise _unreadable(match.start())
        yield Token(_KINDS[group], text, match.start(), at, depth)
        if text in _OPENING:
            depth += 1


def _unreadable(at: int) -> QueryError:
    return syntax_error(f"Syntax error: a quoted text that starts at byte {at} never ends. Close its quote.")

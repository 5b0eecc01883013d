# SPDX-License-Identifier: Apache-2.0
"""Grammars of hostile values: ids, cursors, texts, numbers, moments. All chance comes from the generator handed in.

No value spells what an answer must never hold (`judging`), so that an echo is not taken for a leak.
"""

import base64
import json
import string
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final
from uuid import UUID, uuid1

SQL: Final = (
    "' or 1=1 --", "' OR '1'='1", '" or ""="', "'; drop table traces; --", "1; delete from tenants", "') or ('1'='1",
    "' union all sElEcT null,null --", "1 union sElEcT secret", "$$; drop table x; $$", "\\'; --", "%' or '%'='",
    "_", "%", "%%", "a%b", "\\", "'", '"', "`", "--", "/*", "*/", ";", "0x27", "char(39)", "{a:String}", "{{7*7}}",
    "${7*7}", "%(tenant_id)s", "%s%s%s%n", "%d", "{0}", "{}", "$1", ":name", "pg_sleep(9)", "'||pg_sleep(9)--",
    "sleep(3)", "url('http://127.0.0.1:1/')", "file('x')", "null", "NULL", "true", "undefined", "NaN", "-0",
    '{"$where": "1"}', '{"$gt": ""}', "[$ne]=1", "*", "(", ")", "()", "[", "]", "(?:a+)+$", "(a|a)*b", "a" * 200 + "!",
    "current_setting('app.current_tenant_id')", "set role postgres", "FORMAT JSON", "' SETTINGS max_threads=1 --",
)  # fmt: skip
ODD: Final = (
    "", " ", "\t", "\n", "\r\nX-Injected: 1", "\u0000", "a\u0000b", "\u0007", "\u007f", "\u0085", "\u2028", "\u200b",
    "\ufeff", "\ufffd", "\uffff", "\U0010ffff", "\u202e", "é", "e\u0301", "ß", "İ", "\u0131", "K", "\u0660\u0661",
    "\uff11\uff12",
    "\u00b2", "\u2167", "\U0001d7d9", "😀", "👩\u200d👩\u200d👧", "Ω≈ç√", "z" + "\u0301" * 300, "../../etc/passwd",
    "..\\..\\x",
    "file:///etc/passwd", "/dev/null", "con", "~", ".", "..", "...", "//", "/./", "%2e%2e%2f", "%00", "%0d%0a",
    "%u0041",
    "<script>alert(1)</script>", "<!--", "]]>", "&lt;", "<?xml?>", "javascript:1", "data:,x", "-1", "+1", "1e3",
    "0x10",
)  # fmt: skip
NUMBERS: Final = (
    "0", "-1", "-0", "00", "01", "+1", "1.5", "1.", ".5", "1e3", "1e400", "-1e400", "1e-400", "NaN", "nan", "Infinity",
    "-inf", "0x1F", "0b1", "1_000", "1,000", "1 000", " 1", "1 ", "\uff11\uff12", "\u0663", "\u00b2", "\u00bd",
    "1" * 30, "9" * 400, "9" * 5000,
    str(2**31), str(2**31 - 1), str(-(2**31) - 1), str(2**53), str(2**63), str(2**63 - 1), str(-(2**63) - 1),
    str(2**64), str(2**128), "true", "True", "null", "none", "[]", "{}", "[1]", '"1"', "1;", "1--", "1/0", "",
)  # fmt: skip
MOMENTS: Final = (
    "0000-00-00", "0001-01-01", "1969-12-31", "1970-01-01", "9999-12-31", "9999-12-31T23:59:59Z", "10000-01-01",
    "2026-02-30", "2026-13-01", "2026-11-21T24:00:00Z", "2026-11-21T23:59:60Z", "2026-11-21T12:00:00",
    "2026-11-21T12:00:00+25:00", "2026-11-21T12:00:00+23:59", "2026-11-21T12:00:00-23:59", "2026-11-21 12:00:00Z",
    "2026-11-21T12:00:00.123456789012345678Z", "2026-11-21t12:00:00z", "20261121", "2026-W47-6", "2026-325",
    "21.11.2026",
    "now", "infinity", "-infinity", "today", "epoch", "1700000000", "1700000000000000000000", "-1",
    "2026-11-21T12:00Z",
    "\u0662\u0660\u0662\u0666-\u0661\u0661-\u0662\u0661", "2026-11-21T12:00:00+00:00:00", "2026-11-21T12:00:00Z; --",
    "+2026-11-21", "-2026-11-21",
    "0001-01-01T00:00:00+23:59", "9998-12-31T23:59:59-23:59", "2026-11-21T",
)  # fmt: skip
_SEPARATORS: Final = ",=;:|&+ \t"


def text(rng: Random) -> str:
    """Give a text that somebody might hope is read as something else."""
    match rng.randrange(8):
        case 0 | 1 | 2:
            return rng.choice(SQL)
        case 3 | 4:
            return rng.choice(ODD)
        case 5:
            return rng.choice(SQL) + rng.choice(ODD) + rng.choice(_SEPARATORS) + rng.choice(SQL)
        case 6:
            return rng.choice("a'%_\\é€😀") * rng.choice((1, 63, 64, 65, 255, 256, 257, 1025, 2001, 5000))
        case _:
            return "".join(rng.choice(string.printable) for _ in range(rng.randrange(1, 40)))


def number(rng: Random) -> str:
    """Give what is no number, or one that few expect."""
    return rng.choice(NUMBERS) if rng.random() < 0.8 else text(rng)


def moment(rng: Random) -> str:
    """Give what is no moment, or one that few expect."""
    return rng.choice(MOMENTS) if rng.random() < 0.8 else text(rng)


def names(rng: Random, known: Sequence[str]) -> str:
    """Give a comma list that mixes names that there are with what is none."""
    parts = [rng.choice(known) if rng.random() < 0.6 else text(rng) for _ in range(rng.randrange(1, 6))]
    return rng.choice((",", ", ", ",,", ";", "|")).join(parts)


def tags(rng: Random) -> str:
    """Give tags that are none, or many, or the same."""
    pairs = [
        f"{rng.choice(('team', 'a', '', text(rng)))}{rng.choice('==:')}{text(rng)}" for _ in range(rng.randrange(1, 14))
    ]
    return ",".join(pairs)


def comparison(rng: Random) -> str:
    """Give a comparison that is none."""
    return rng.choice((">", ">=", "<", "<=", "=", "==", "!=", "<>", "~", "> >", "")) + number(rng)


def identifier(rng: Random, known: Sequence[str]) -> str:
    """Give an id that is nearly one: of another version, spelled otherwise, cut, doubled, or followed by more."""
    base = rng.choice(known)
    near: tuple[Callable[[], str], ...] = (
        base.upper, base.title, lambda: base.replace("-", ""), lambda: f"{{{base}}}", lambda: f"urn:uuid:{base}",
        lambda: base[:-1], lambda: base + "0", lambda: base * 2, lambda: base + rng.choice(SQL),
        lambda: base + rng.choice(("\u0000", "\n", " ", "%00", "%20", "/", "/..", "?x", "#x", ";x", ".json", "\\")),
        lambda: rng.choice((" ", "\u0000", "+", "-", "'", "%")) + base, lambda: base.replace("a", "\u0430"),
        lambda: base.translate({ord(str(digit)): 0x0660 + digit for digit in range(10)}),
        lambda: base.translate({ord(str(digit)): 0xFF10 + digit for digit in range(10)}),
        lambda: base[:14] + rng.choice("1235678fg") + base[15:], lambda: base[:19] + rng.choice("01cdef") + base[20:],
        lambda: str(uuid1(node=rng.getrandbits(48), clock_seq=1)), lambda: str(UUID(int=0)), lambda: "f" * 32,
        lambda: str(UUID(int=rng.getrandbits(128), version=4)), lambda: str(UUID(int=rng.getrandbits(128))),
        lambda: "a" * rng.choice((1, 128, 129, 4000, 7000)), lambda: rng.choice(ODD), lambda: rng.choice(SQL),
        lambda: base.replace(base[rng.randrange(36) % len(base)], rng.choice("g%_*?.'"), 1),
        lambda: f"%2e%2e%2f{base}",
        lambda: f"..%2f{base}", lambda: f"{base}%2f..", lambda: rng.choice(("null", "undefined", "NaN", "me", "rules",
        "0")),
    )  # fmt: skip
    return rng.choice(near)()


def cursor(rng: Random, ours: str, theirs: str) -> str:
    """Give a cursor: another tenant's, a real one that was bent or rewritten, or JSON that nobody wrote for this."""
    match rng.randrange(8):
        case 0:
            return rng.choice((ours, theirs))
        case 1:
            return _bent(rng, rng.choice((ours, theirs)))
        case 2 | 3:
            return _encoded(rng, _rewritten(rng, ours, ODD_FIELDS))
        case 4 | 5:
            return _encoded(rng, _rewritten(rng, ours, LIKELY_FIELDS)).strip("=\n é")
        case 6:
            return _encoded(rng, rng.choice(BOMBS)(rng))
        case _:
            return text(rng)


def _bent(rng: Random, real: str) -> str:
    raw = bytearray(_plain(real))
    for _ in range(rng.randrange(1, 4)):
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return rng.choice((base64.urlsafe_b64encode, base64.b64encode))(bytes(raw)).decode().rstrip(rng.choice("=~"))


ODD_FIELDS: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 2**200, 1.5, "", "' or 1=1 --", "\u0000", "\ud800", [], {}, [[]], "0001-01-01T00:00:00+23:59",
    "2026-11-21", "x" * 300, "Infinity",
)  # fmt: skip
LIKELY_FIELDS: Final[tuple[Any, ...]] = (
    None, 0, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 1e308, -1e308, 5e-324, "", "a", "COMPLETED", "' or 1=1 --",
    "é" * 90,
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1969-12-31T23:59:59-23:59",
    "00000000-0000-4000-8000-000000000000",
    "zzzzzzzz",
)  # fmt: skip
"""Values that a cursor may well have in some of its fields, at the ends of what its types hold."""


def _rewritten(rng: Random, real: str, values: Sequence[Any]) -> bytes:
    """Put another value into a field of a real cursor, whose other fields stay good."""
    held: dict[str, Any] = json.loads(_plain(real))
    names = [name for name in held if name not in {"tenant", "question", "of"}]
    name = rng.choice(
        [*names, *names, *held, "last_value"] if values is LIKELY_FIELDS else [*held, "tenant_id", "__proto__"]
    )
    held[name] = rng.choice(values)
    written = json.dumps(held)
    if values is ODD_FIELDS and rng.random() < 0.3:
        put = rng.choice(('"last_value": NaN, "last_', '"last_id": 1, "last_', '"LAST_'))
        written = written.replace('"last_', put, 1)
    return written.encode()


BOMBS: Final[tuple[Callable[[Random], bytes], ...]] = (
    lambda rng: b"[" * rng.choice((100, 1000, 1400)),
    lambda rng: b'{"a":' * rng.choice((100, 280)) + b"1" + b"}" * 100,
    lambda rng: b"9" * rng.choice((30, 1400)),
    lambda rng: b"1e" + b"9" * rng.choice((3, 30)),
    lambda _: b"NaN",
    lambda _: b'"\\ud800"',
    lambda _: b"\xff\xfe\x00",
    lambda _: b"\xc0\xae",
    lambda rng: b'{"last_timestamp":"2026-11-21T00:00:00Z",' * rng.choice((1, 20)) + b"}",
    lambda _: b"",
    lambda rng: rng.randbytes(rng.randrange(1, 300)),
    lambda _: b"null",
    lambda _: b'{"last_seq":-1,"tenant":"x","issued_at":"2026-11-21T00:00:00Z"}',
)


def _encoded(rng: Random, raw: bytes) -> str:
    encoded = rng.choice((base64.urlsafe_b64encode, base64.urlsafe_b64encode, base64.b64encode, base64.b32encode))(raw)
    return encoded.decode() + rng.choice(("", "", "=", "==", "====", "\n", " ", "é"))


def _plain(real: str) -> bytes:
    return base64.urlsafe_b64decode(real + "=" * (-len(real) % 4))

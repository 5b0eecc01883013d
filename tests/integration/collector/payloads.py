# SPDX-License-Identifier: Apache-2.0
"""Bodies of every kind, as hypothesis draws them: published examples, bent in one to three places, and mere noise.

A payload is drawn as a tree whose leaves may be `Text`, JSON text that is written as it is. So it can hold what no
value of Python stands for: a name twice, 1e400, half a surrogate pair. What is right about a body is not known here.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from hypothesis import strategies as st

EXAMPLES: Final = Path(__file__).parents[3] / "schemas" / "v0.08" / "examples"
ENVELOPE: Final = frozenset({"items", "batch_id", "sent_at"})
LENGTHS: Final = (
    0, 1, 31, 32, 33, 63, 64, 65, 128, 129, 256, 257, 1024, 1025, 2048, 2049, 10_000, 10_001, 16_400, 65_600,
)  # fmt: skip
COUNTS: Final = (0, 1, 50, 51, 99, 100, 101, 200)
SPANS: Final = (999, 1000, 1001, 1100)
SPELT: Final = (
    "-0.0", "-0", "0.0", "1.0", "1E5", "1e-400", "0.5", "-1", "-0.0001", "4294967296", "9007199254740993",
    "9223372036854775807", "9223372036854775807.0", "9223372036854775808", "9.3e18", "-9223372036854775809",
    "18446744073709551615", "18446744073709551616", '"\\ud83d\\ude00"', '"\\u0000"', '"a\\u0000b"', '"\x7f"',
    '"\\u0061"', '"\\u0022"', '"\\/"', '{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '{"\\u0000":1}', '{"":1}', "null",
    "true", "[]", "{}", "[null]", '[{"a":[]}]', '""', '" "', "[1e15,1e15]",
)  # fmt: skip
MALFORMED: Final = (
    "1e400", "-1e400", "NaN", "Infinity", "-Infinity", "1" + "0" * 400, "01", "1.", ".5", "+1", "0x10", "1_000", "1e",
    "--1", "nul", "True", "undefined", "", "{", "]", "[1,]", '{"a":1,}', "{'a':1}", "/**/1", '"\\ud800"',
    '"\\udc00\\ud800"', '"\x00"', '"\x01"', '"\t"', '"\\x41"', '"\\u12"', '"a', '"\udcff\udcfe"',
    '"\udced\udca0\udc80"', '"\udcc0\udc80"', "\ufeff1", "1\u00a0", '{"\\ud800":1}',
)  # fmt: skip
IDS: Final = (
    "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "018f3e5c-7b1a-7c3d-8e9f-0a1b2c3d4e5f",
    "5f3e5c7b-1a2b-4c3d-7e9f-0a1b2c3d4e5f", "5f3e5c7b-1a2b-4c3d-ce9f-0a1b2c3d4e5f",
    "5F3E5C7B-1A2B-4C3D-8E9F-0A1B2C3D4E5F", "5f3e5c7b1a2b4c3d8e9f0a1b2c3d4e5f",
    "{5f3e5c7b-1a2b-4c3d-8e9f-0a1b2c3d4e5f}", "urn:uuid:5f3e5c7b-1a2b-4c3d-8e9f-0a1b2c3d4e5f",
    "5f3e5c7b-1a2b-4c3d-8e9f-0a1b2c3d4e5f\n", "5f3e5c7b-1a2b-4c3d-8e9f", "\u0665f3e5c7b-1a2b-4c3d-8e9f-0a1b2c3d4e5f",
    "5f3e5c7b-1a2b-4c3d-8e9f-0a1b2c3d4e5f",
)  # fmt: skip
MOMENTS: Final = (
    "2026-11-21T12:00:60Z", "2016-12-31T23:59:60Z", "2016-12-31T23:59:60.999999999+00:00", "2017-01-01T05:29:60+05:30",
    "2026-11-21T12:00:61Z", "2026-11-21T24:00:00Z", "2026-11-21T12:60:00Z", "2026-02-29T12:00:00Z",
    "2024-02-29T12:00:00Z", "2026-11-31T12:00:00Z", "2026-13-01T12:00:00Z", "2026-00-00T00:00:00Z",
    "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00+14:00", "1970-01-01T00:00:00+23:59",
    "2199-12-31T23:59:59.999999Z", "2199-12-31T23:59:60Z", "2199-12-31T23:59:59-23:59", "2200-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-21T12:00:00", "2026-11-21 12:00:00Z",
    "2026-11-21t12:00:00z", "2026-11-21T12:00:00+24:00", "2026-11-21T12:00:00+12:60", "2026-11-21T12:00:00-00:00",
    "2026-11-21T12:00:00+0100", "2026-11-21T12:00:00.Z", "2026-11-21T12:00:00,5Z",
    "2026-11-21T12:00:00.123456789012345Z", "2026-11-21T12:00:00.1234567890123456789012Z", "2026-11-21T12:00Z",
    "2026-11-21", "20261121T120000Z", "2026-W47-6T12:00:00Z", "1763726400", " 2026-11-21T12:00:00Z",
    "2026-11-21T12:00:00Z\n", "\u0662\u0660\u0662\u0666-11-21T12:00:00Z", "+2026-11-21T12:00:00Z",
)  # fmt: skip
NAMES: Final = (
    "type", "schema_version", "tenant_id", "trace_id", "span_id", "event_id", "status", "failure", "end_time",
    "legal_hold", "pipeline_config_ref", "attributes", "tags", "items", "batch_id", "sent_at", "idempotency_key",
    "custom.x", "custom.X", "", " ", "a\0b", "a b", "'", '"', "\\", "[red]", "é", "x" * 65, "x" * 600, "\u2028",
    "__proto__", "$ref",
)  # fmt: skip
WORDS: Final = (
    "span", "trace", "event", "Span", "0.08", "0.8", "0.08\n", "demo", "other", "OK", "FAILED", "s3://b/k",
    "file:///k", "file://b/k", "https://h/\u00e9", "https://h/%zz", "ovpo://", "S3://b/k", "javascript://x",
    "s3://b/k k", "sha256:" + "0" * 64, "md5:" + "0" * 32, "0" * 64, "0" * 63 + "\n", "0" * 63 + "G", "16x9",
    "\u0661x9",
)  # fmt: skip


@dataclass(frozen=True)
class Text:
    """JSON text, or what somebody takes for it; a byte that is no UTF-8 is a surrogate escape."""

    text: str


def written(value: Any) -> str:
    """Write a tree as JSON text."""
    match value:
        case Text():
            return value.text
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{written(part)}" for name, part in value.items()) + "}"
        case list():
            return "[" + ",".join(map(written, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def encoded(value: Any) -> bytes:
    """Give the body that a tree stands for."""
    return written(value).encode("utf-8", "surrogateescape")


def _examples(pattern: str) -> list[dict[str, Any]]:
    """Read the published examples that are objects and not large."""
    read = []
    for file in sorted(EXAMPLES.glob(pattern)):
        try:
            read.append(orjson.loads(file.read_bytes()))
        except ValueError:
            continue
    return [one for one in read if isinstance(one, dict)]


def _is_item(example: dict[str, Any]) -> bool:
    return ENVELOPE.isdisjoint(example)


_VALID: Final = _examples("valid/*.json")
_OTHER: Final = _examples("*/*.json")
_SPAN: Final = orjson.loads((EXAMPLES / "valid" / "span.minimal.json").read_bytes())


def _some(examples: list[dict[str, Any]], items: bool) -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from([one for one in examples if _is_item(one) is items]).map(deepcopy)


valid_items = _some(_VALID, items=True)
embedded_items = _some(_examples("embedded/*.json"), items=True)
some_items = st.one_of(valid_items, valid_items, embedded_items, _some(_OTHER, items=True))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(WORDS + IDS + MOMENTS)
)
spelt = st.sampled_from(SPELT).map(Text)
texts = st.one_of(*[spelt] * 9, st.sampled_from(MALFORMED).map(Text))
nested = st.tuples(st.sampled_from([27, 28, 29, 30, 31, 32, 33, 40, 70_000]), st.sampled_from(["[]", "{}"])).map(
    lambda drawn: Text(_nested(*drawn))
)
anything = st.recursive(
    st.one_of(scalars, scalars, scalars, texts),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text("abc", max_size=3), inner, max_size=4)
    ),
    max_leaves=10,
)
lengthy = st.tuples(st.sampled_from(LENGTHS), st.sampled_from(["a", "é", "😀", "0", '"', " "])).map(
    lambda drawn: drawn[0] * drawn[1]
)
crowded = st.tuples(st.sampled_from(COUNTS), st.sampled_from(["k{}", "custom.k{}"]), scalars).map(
    lambda drawn: {drawn[1].format(number): drawn[2] for number in range(drawn[0])}
)


def _nested(levels: int, brackets: str) -> str:
    opening = brackets[0] if brackets == "[]" else '{"a":'
    return opening * (levels - 1) + brackets + brackets[1] * (levels - 1)


@st.composite
def plain_batches(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a batch of examples, valid ones and others, of ids of its own."""
    batch = {
        "schema_version": "0.08",
        "batch_id": str(draw(st.uuids(version=4))),
        "sent_at": "2026-11-21T12:00:01Z",
        "items": draw(st.lists(st.one_of(some_items, bent(some_items)), min_size=1, max_size=4)),
    }
    if draw(st.integers(0, 9)) == 0:
        batch["idempotency_key"] = draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | lengthy)
    return batch


@st.composite
def crowded_batches(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a batch with about as many spans of one trace as a batch may hold, one of them maybe bent."""
    count = draw(st.sampled_from(SPANS))
    spans = [{**_SPAN, "span_id": f"00000000-0000-4000-8000-{number:012x}"} for number in range(count)]
    if draw(st.booleans()):
        spans[draw(st.integers(0, count - 1))] = draw(bent(some_items))
    return {**draw(plain_batches()), "items": spans}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every container of a tree with each of its keys."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(parts):
        yield value, key
        yield from places(part)


@st.composite
def bent(draw: st.DrawFn, payloads: st.SearchStrategy[Any]) -> Any:
    """Draw a payload and change one to three places of it."""
    payload = draw(payloads)
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(payload))
        if not found:
            return draw(anything)
        container, key = found[draw(st.integers(0, len(found) - 1))]
        _bend(draw, container, key)
    return payload


def _bend(draw: st.DrawFn, container: Any, key: Any) -> None:
    """Change one place."""
    value = container[key]
    how = draw(st.sampled_from(["drop", "rename", "add", "double", "replace", "text", "same kind", "wrap"]))
    if how == "drop":
        del container[key]
    elif how in {"rename", "add"} and isinstance(container, dict):
        name = draw(st.sampled_from((*NAMES, str(key).upper(), f"{key}s", f"{key}\n", str(key)[:-1])))
        container[name] = container.pop(key) if how == "rename" else draw(anything)
    elif how == "double" and isinstance(container, dict):
        again = draw(st.just(value) | anything)
        first = f"{json.dumps(key)}:{written(again)}"
        container[key] = Text(f"{written(value)},{first}")
    elif how == "wrap":
        container[key] = draw(st.sampled_from([[value], {"a": value}, {str(key): value}, [value, value]]))
    elif how == "text":
        container[key] = draw(texts)
    elif how == "same kind":
        container[key] = draw(_of_its_kind(value))
    else:
        container[key] = draw(anything | nested | lengthy | crowded)


def _of_its_kind(value: Any) -> st.SearchStrategy[Any]:
    """Draw something that looks like a value and may be none of its field."""
    match value:
        case bool() | None | Text():
            return anything
        case int() | float():
            spelt = [f"{value}.0", f"{value}e0", f"-{value}", f"{value}0", f" {value} ", f'"{value}"']
            numbers = [value + 1, value - 1, -value, value + 0.5, float(value)]
            return st.sampled_from([*map(Text, spelt), *numbers])
        case str():
            changed = [
                value.upper(), value.lower(), value + " ", value + "\n", " " + value, value[:-1], value + value,
                value + "\0", value[::-1], value.replace("-", ""),
            ]  # fmt: skip
            return st.sampled_from(changed) | st.sampled_from(IDS + MOMENTS + WORDS) | lengthy
        case list():
            return st.sampled_from([[], value * 2, value[:1], {"0": value}, value * 40]).map(deepcopy)
        case _:
            return crowded | st.sampled_from([[], [value], {}]).map(deepcopy)


@st.composite
def broken(draw: st.DrawFn, payloads: st.SearchStrategy[Any]) -> bytes:
    """Draw the text of a payload and break it as text."""
    body = encoded(draw(payloads))
    place = draw(st.integers(0, max(len(body) - 1, 0)))
    match draw(st.sampled_from(["cut", "bytes", "garbage", "space", "mark", "utf-16", "twice", "listed", "spelt"])):
        case "cut":
            return body[:place]
        case "bytes":
            return body[:place] + draw(st.binary(max_size=4)) + body[place + draw(st.integers(0, 3)) :]
        case "garbage":
            return body + draw(st.sampled_from([b"x", b"\0", b",", b"}", b"\n{}", b"\xef\xbb\xbf"]))
        case "space":
            return b" \t\r\n" * draw(st.integers(1, 100)) + body + draw(st.sampled_from([b"\n", b"\x0b", b"\xc2\xa0"]))
        case "mark":
            return b"\xef\xbb\xbf" + body
        case "utf-16":
            return body.decode("utf-8", "replace").encode("utf-16")
        case "twice":
            return body + body
        case "listed":
            return b"[" + body + b"]"
        case _:
            spelt = body.decode("utf-8", "replace").replace("trace", "tr\\u0061ce").replace("é", "\\u00e9")
            return spelt.encode()


batches = st.one_of(plain_batches(), _some(_OTHER, items=False))
rarely = st.one_of(crowded_batches().map(encoded), (anything | nested).map(encoded), st.binary(max_size=60))
bodies = st.one_of(
    bent(batches).map(encoded),
    plain_batches().map(encoded),
    plain_batches().map(encoded),
    bent(some_items).map(encoded),
    batches.map(encoded),
    broken(st.one_of(batches, some_items)),
    rarely,
)

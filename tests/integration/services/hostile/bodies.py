# SPDX-License-Identifier: Apache-2.0
"""Hostile bodies: what is no JSON, JSON that is too much, and JSON that is nearly what an operation takes."""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

from tests.integration.services.hostile import texts
from tests.integration.services.hostile.ground import Ground

RAW: Final[tuple[Callable[[Random], bytes], ...]] = (
    lambda _: b"",
    lambda _: b" ",
    lambda _: b"{",
    lambda _: b"}",
    lambda _: b"nul",
    lambda _: b"NaN",
    lambda _: b"-Infinity",
    lambda _: b"\xef\xbb\xbf{}",
    lambda _: b"\xff\xfe{\x00}\x00",
    lambda _: b"{'a': 1}",
    lambda _: b'{"a": 1,}',
    lambda _: b"{}{}",
    lambda _: b'{"a": "\xff"}',
    lambda _: b'{"a": "\xed\xa0\x80"}',
    lambda _: b'{"a": "\x00"}',
    lambda _: b'"' + b"\\ud800" * 50 + b'"',
    lambda _: b"[" * 10_000,
    lambda _: b"[" * 10_000 + b"]" * 10_000,
    lambda _: b'{"query":' * 10_000 + b"1" + b"}" * 10_000,
    lambda _: b"9" * 5_000,
    lambda _: b"-" + b"9" * 50_000,
    lambda _: b"1e400",
    lambda _: b'{"' + b"a" * 100_000 + b'": 1}',
    lambda _: b'"' + b"a" * 1_000_000 + b'"',
    lambda _: b" " * 1_048_576,
    lambda _: b" " * 1_048_577,
    lambda _: b"[" + b"1," * 300_000 + b"1]",
    lambda _: b"{" + b",".join(b'"k%d": 1' % number for number in range(20_000)) + b"}",
    lambda rng: rng.randbytes(rng.randrange(1, 2_000)),
    lambda _: b"a=1&b=2",
    lambda _: b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><x>&y;</x>",
    lambda _: b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--",
)
VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, -0.0, 2**31, 2**53, 2**63, -(2**63) - 1, 10**40, "", " ", [], {}, [None], [[]],
    {"": ""}, {"$gt": ""}, {"__proto__": {"role": "super_admin"}}, [[[[[[[[[]]]]]]]]], "\u0000", "\ud800",
    "\udfff\ud800", "😀", "a" * 3_000,
)  # fmt: skip
_HUGE: Final = "@huge@"
_SPELLED: Final = (
    b"1e400",
    b"-1e400",
    b"NaN",
    b"Infinity",
    b"9" * 4_400,
    b"0" * 30 + b"1",
    b"1E+0000000001",
    b'"\\u0000"',
)
"""Numbers as JSON may spell them and few read them."""


def raw(rng: Random) -> bytes:
    """Give bytes that are no body of any operation, or none that is worth reading."""
    return rng.choice(RAW)(rng)


def fitting(rng: Random, ground: Ground, schema: Mapping[str, Any]) -> bytes:
    """Give a body as a schema has it, whose texts are hostile."""
    return json.dumps(good(rng, ground, schema), ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")


def near(rng: Random, ground: Ground, schema: Mapping[str, Any]) -> bytes:
    """Give a body as a schema has it, with something in it that does not belong there."""
    whole = good(rng, ground, schema)
    held = whole if isinstance(whole, dict) else {}
    names = [*schema.get("properties", {"name": {}})]
    for _ in range(rng.randrange(1, 3)):
        name = rng.choice([*names, *names, "tenant_id", "role", "id", "__class__", ""])
        match rng.randrange(7):
            case 0:
                held.pop(name, None)
            case 1:
                held[name] = _HUGE
            case 2:
                held[name] = {texts.text(rng): texts.text(rng) for _ in range(rng.choice((1, 3, 30)))}
            case 3:
                held[name] = [texts.text(rng)] * rng.choice((1, 2, 1_001))
            case 4:
                held[name] = rng.choice(VALUES)
            case _:
                held[name] = texts.text(rng)
    text = json.dumps(held).encode().replace(b'"@huge@"', rng.choice(_SPELLED))
    return text if rng.random() < 0.9 else text[:-1] + b"," + text[1:]  # each key twice


def good(rng: Random, ground: Ground, schema: Mapping[str, Any]) -> Any:
    """Give what a schema takes, with texts that are hostile where any text is taken."""
    if "anyOf" in schema:
        return good(rng, ground, rng.choice(schema["anyOf"]))
    if "enum" in schema:
        return rng.choice(schema["enum"])
    match schema.get("type"):
        case "object":
            return _object(rng, ground, schema)
        case "array":
            return [good(rng, ground, schema["items"]) for _ in range(rng.randrange(1, 4))]
        case "integer" | "number":
            return rng.choice((0, 1, 60, 600, 86_400, 10**6))
        case "boolean":
            return rng.random() < 0.5
        case "null":
            return None
        case _:
            return _text(rng, ground, schema.get("format"))


def _object(rng: Random, ground: Ground, schema: Mapping[str, Any]) -> dict[str, Any]:
    if "properties" not in schema:
        return {rng.choice(("status", "model", "limit", "x")): texts.text(rng) for _ in range(rng.randrange(3))}
    needed = schema.get("required", [])
    return {
        name: good(rng, ground, part)
        for name, part in schema["properties"].items()
        if name in needed or rng.random() < 0.5
    }


def _text(rng: Random, ground: Ground, form: str | None) -> str:
    if form == "uuid":
        return rng.choice([*ground.ours.ids["trace_id"], *ground.theirs.ids["trace_id"]])
    if form == "date-time":
        return rng.choice(("2027-01-01T00:00:00Z", texts.moment(rng)))
    return rng.choice(("a", "developer", "viewer", f"ovpo://tenants/{ground.theirs.name}/x", texts.text(rng)))

# SPDX-License-Identifier: Apache-2.0
"""A request as it goes over the wire, and how one is put together around a part that is hostile."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final
from urllib.parse import quote, quote_plus, unquote_to_bytes

from ovpo.foundation.auth import Role
from tests.integration.services.hostile import texts
from tests.integration.services.hostile.ground import Ground
from tests.integration.services.hostile.operations import Operation, Parameter

MOST_TARGET: Final = 12_000
"""More than this the server refuses before the app sees it; that is asked for on the bare wire."""
Pairs = Sequence[tuple[bytes, bytes]]
_BENIGN: Final[Mapping[str, str]] = {
    "group_by": "model",
    "bucket": "day",
    "event_type": "frame_generated",
    "order_by": "compute_units",
    "order_dir": "desc",
    "limit": "1000",
    "points": "500",
    "events": "1000",
}
"""Parameters that make an operation show more of what there is."""
_BENIGN_SHARE: Final = 0.4
_JSON: Final = (b"Content-Type", b"application/json")


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    kind: str
    method: str
    target: str
    role: Role | None = None
    """Whose key it is sent with; none for a request that brings its own header, or none."""
    headers: Pairs = field(default=())
    body: bytes | None = None

    def raw(self, ground: Ground) -> bytes:
        """Give the bytes that are sent."""
        named = [name.lower() for name, _ in self.headers]
        lines = [f"{self.method} {self.target} HTTP/1.1".encode("latin-1")]
        if b"host" not in named:
            lines.append(b"Host: 127.0.0.1")
        if self.role is not None:
            lines.append(b"Authorization: Bearer " + ground.key(self.role).encode())
        lines += [name + b": " + value for name, value in self.headers]
        if self.body is not None and not {b"content-length", b"transfer-encoding"} & set(named):
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join([*lines, b"", b""]) + (self.body or b"")

    @property
    def said(self) -> str:
        """Give all that an answer may repeat, as it was sent and with its escapes undone, once and twice."""
        parts = [self.target.encode("latin-1"), *(value for _, value in self.headers), self.body or b""]
        once = [unquote_to_bytes(part.replace(b"+", b" ")) for part in parts]
        return "\n".join(part.decode(errors="replace") for part in [*parts, *once, *map(unquote_to_bytes, once)])


ENCODINGS: Final[tuple[Callable[[str], str], ...]] = (
    lambda value: quote(value.encode(errors="surrogatepass"), safe=""),
    lambda value: quote_plus(value.encode(errors="surrogatepass")),
    lambda value: quote(value.encode(errors="surrogatepass"), safe="/:;,'()*!@$"),
    lambda value: "".join(f"%{byte:02x}" for byte in value.encode(errors="surrogatepass")),
    lambda value: quote(quote(value.encode(errors="surrogatepass"), safe=""), safe=""),
    lambda value: quote(value.encode("latin-1", errors="replace"), safe=""),
    lambda value: quote(value.encode("utf-16", errors="surrogatepass"), safe=""),
    lambda value: "".join(f"%c0%{0x80 + ord(one):02x}" if ord(one) < 0x40 else quote(one) for one in value[:500]),
    lambda value: "".join(f"%u{ord(one) & 0xFFFF:04x}" for one in value[:500]),
    lambda value: quote(value.encode(errors="surrogatepass"), safe="") + "%",
    lambda value: quote(value.encode(errors="surrogatepass"), safe="") + "%zz",
)


def encoded(rng: Random, value: str) -> str:
    """Spell a value in a URL: mostly as a browser would."""
    return (ENCODINGS[0] if rng.random() < 0.6 else rng.choice(ENCODINGS))(value)


def hostile_value(rng: Random, ground: Ground, parameter: Parameter) -> str:
    """Give a hostile value for a parameter, of the kind that its name and schema promise."""
    ours, theirs = ground.ours.ids, ground.theirs.ids
    if parameter.name == "cursor":
        return texts.cursor(rng, rng.choice(ours["cursor"]), rng.choice(theirs["cursor"]))
    if parameter.name in {"start_date", "end_date", "from", "to"}:
        return texts.moment(rng)
    if parameter.name in {"limit", "events", "points", "expires"} or parameter.name.endswith(("_ms", "_index")):
        return texts.number(rng)
    if parameter.name == "tags":
        return texts.tags(rng)
    if parameter.name == "violations":
        return texts.comparison(rng)
    known = _known(parameter.schema)
    if known and rng.random() < 0.7:
        return texts.names(rng, known)
    return ground.theirs.name if rng.random() < 0.1 else texts.text(rng)


def _known(schema: Mapping[str, object]) -> list[str]:
    """Give the names that a schema takes, be they an enumeration or the alternatives of a pattern."""
    options = schema.get("anyOf")
    schemas = options if isinstance(options, list) else [schema]
    for one in schemas:
        if isinstance(found := one.get("enum"), list):
            return [str(name) for name in found]
        pattern = str(one.get("pattern", ""))
        if pattern.startswith("^(") and "|" in pattern:
            return pattern.removeprefix("^(").partition(")")[0].split("|")
    return []


def good_value(rng: Random, ground: Ground, parameter: Parameter) -> str:
    """Give a value that is taken, so that what is hostile about a request is reached."""
    ids = ground.ours.ids
    known = {
        "trace_id": ids["trace_id"],
        "other_id": ids["trace_id"],
        "view_id": ids["view_id"],
        "alert_id": ids["alert_id"],
        "inspection_id": ids["inspection_id"],
        "prefix": ids["prefix"],
        "tenant_id": [ground.decoy],
        "key": [ids["link"][0].partition("?")[0].removeprefix("v1/objects/")],
        "expires": ["2000000000"],
        "signature": ["0" * 64],
        "metric": ["aesthetic_score"],
    }
    return rng.choice(known.get(parameter.name, ["1"]))


def path_of(operation: Operation, values: Mapping[str, str]) -> str:
    """Put values, which are spelled for a URL already, into the path of an operation."""
    path = operation.path
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def base(
    rng: Random, ground: Ground, operation: Operation, kind: str, *, values: Mapping[str, str] | None = None,
    query: Sequence[tuple[str, str]] = (),
) -> Request:  # fmt: skip
    """Make a request to an operation that is good but for the values that are given, spelled for a URL."""
    good = {one.name: quote(good_value(rng, ground, one), safe="/") for one in operation.of("path")}
    named = {name for name, _ in query}
    needed = [
        (one.name, quote(good_value(rng, ground, one), safe=""))
        for one in operation.of("query")
        if one.required and one.name not in named
    ]
    more = [one for one in operation.of("query") if one.name in _BENIGN and one.name not in {*named, *dict(needed)}]
    needed += [(one.name, quote(_BENIGN[one.name], safe="")) for one in more if rng.random() < _BENIGN_SHARE]
    asked = "&".join(f"{name}={value}" for name, value in [*needed, *query])
    target = path_of(operation, good | dict(values or {})) + (f"?{asked}" if asked else "")
    headers, body = ((_JSON,), b"{}") if operation.body is not None else ((), None)
    return Request(kind, operation.method, target[:MOST_TARGET], role(rng, operation), headers, body)


def role(rng: Random, operation: Operation) -> Role | None:
    """Choose a key: mostly the weakest that is let in, at times one below, or none."""
    chance = rng.random()
    if chance < 0.85:
        return operation.role
    return None if chance < 0.9 else rng.choice([one for one in Role if one is not Role.SUPER_ADMIN])


def with_headers(request: Request, *headers: tuple[bytes, bytes]) -> Request:
    """Add headers."""
    return replace(request, headers=(*request.headers, *headers))

# SPDX-License-Identifier: Apache-2.0
"""The kinds of hostile requests, each a generator that is handed its chance, its ground and what it aims at."""

import gzip
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from ovpo.foundation.auth import Role
from tests.integration.services.hostile import bodies, texts
from tests.integration.services.hostile.ground import Ground
from tests.integration.services.hostile.operations import Operation
from tests.integration.services.hostile.requests import (
    MOST_TARGET,
    Request,
    base,
    encoded,
    hostile_value,
    with_headers,
)

Kind = Callable[[Random, Ground, Operation, int], Request]
_PLACES: Final = ("X-Tenant-Id", "X-Ovpo-Tenant", "X-Org-Id", "X-Forwarded-User", "X-User", "X-Role", "X-Api-Key",
                  "X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override", "X-Forwarded-Prefix")  # fmt: skip
_FORWARDED: Final = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via",
                     "True-Client-Ip", "Cf-Connecting-Ip", "Origin", "Referer")  # fmt: skip
_CONDITIONS: Final = (
    "*", "W/", 'W/""', '""', '"', "W/*", "*, *", "'", ",", '"a",' * 300, "W/\"" + "0" * 5_000 + '"', "x\tx",
    "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 GMT", "Sat, 21 Nov 2026 12:00:00 -2399", "Sat, 21 Nov 2026 12:00:00 +9999", "now", "0",
    "Sat, 21 Nov 99999999999 12:00:00 GMT", "2026-11-21", "1e9", "-1",
)  # fmt: skip
_RANGES: Final = (
    "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=0-", "bytes=9-1", "bytes=0-0,1-1", "bytes=" + "0-0," * 900 + "0-0",
    "bytes=" + "9" * 400 + "-", "bytes=-" + "9" * 4000, "bytes=a-b", "bytes=", "bytes", "items=0-1", "bytes=0--1",
    "bytes= 0 - 1", "bytes=0x0-0x1", "bytes=1e3-", "bytes=\u0660-\u0663", "bytes=0-1;drop", "BYTES=0-1",
    "bytes=0-99999999999999999999",
)  # fmt: skip
_TRICKS: Final = (
    "//", "/./", "/../", "/%2e/", "/%2e%2e/", "/%252e%252e/", ";/", "/;x=1/", "%2f", "%5c", "\\", "/%00/", "/%20/",
    "/ /",
    "/%0a/", "/%c0%af/", "/..;/", "/.%2e/", "/%ef%bc%8f/", "/.git/", "/~/", "/$/", "/@/", "/:/", "/%3f/", "/%23/",
    "/*/",
)  # fmt: skip


def ids(rng: Random, ground: Ground, operation: Operation, turn: int) -> Request:
    """Ask for things under ids that are nearly theirs, and under those of another tenant."""
    wanted = operation.of("path")
    chosen = wanted[turn % len(wanted)]
    kind = {"other_id": "trace_id"}.get(chosen.name, chosen.name)
    own = [ground.decoy] if chosen.name == "tenant_id" else ground.ours.ids.get(kind, [_object(ground.ours.name)])
    if rng.random() < 0.25 and chosen.name != "tenant_id":
        value = quote(rng.choice(ground.theirs.ids.get(kind, [_object(ground.theirs.name)])), safe="/")
    else:
        value = encoded(rng, texts.identifier(rng, own))
    return base(rng, ground, operation, "ids", values={chosen.name: value})


def cursors(rng: Random, ground: Ground, _operation: Operation, turn: int) -> Request:
    """Go on in a list, in each of its orders, from a place that this tenant was not given."""
    listed = ground.lists[turn % len(ground.lists)]
    spelled = encoded(rng, texts.cursor(rng, listed.ours, listed.theirs))
    query = listed.query if rng.random() < 0.9 else "order_by=status&"
    return Request("cursors", "GET", f"{listed.path}?{query}limit=2&cursor={spelled}"[:MOST_TARGET], listed.role)


def filters(rng: Random, ground: Ground, operation: Operation, turn: int) -> Request:
    """Give a filter a value that hopes to be read as something else."""
    offered = operation.of("query")
    chosen = [offered[turn % len(offered)], *rng.sample(offered, min(len(offered), rng.choice((0, 0, 1, 2))))]
    query = []
    for parameter in dict.fromkeys(one.name for one in chosen):
        [found] = [one for one in offered if one.name == parameter]
        query.append((parameter, encoded(rng, hostile_value(rng, ground, found))))
    match rng.randrange(12):
        case 0:
            query.append(rng.choice(query))
        case 1:
            query.append((encoded(rng, texts.text(rng)), encoded(rng, texts.text(rng))))
        case 2:
            query = [(rng.choice((f"{name}[]", f"{name}[$ne]", name.upper(), f"%20{name}")), it) for name, it in query]
        case 3:
            query += [(f"p{number}", "1") for number in range(rng.choice((40, 60, 500)))]
    return base(rng, ground, operation, "filters", query=query)


def tenants(rng: Random, ground: Ground, operation: Operation, _turn: int) -> Request:
    """Name another tenant wherever one might be looked for."""
    theirs = rng.choice((ground.theirs.name, ground.platform.name, "demo", "*", "%", f"{ground.theirs.name}' --"))
    request = base(rng, ground, operation, "tenants")
    match rng.randrange(4):
        case 0 | 1:
            name = rng.choice(
                ("tenant_id", "tenant", "tenantId", "TENANT_ID", "tenant_id[]", "%74enant_id", "app.current_tenant_id")
            )
            mark = "&" if "?" in request.target else "?"
            return replace(request, target=f"{request.target}{mark}{name}={quote(theirs)}")
        case 2:
            return with_headers(request, (rng.choice(_PLACES).encode(), theirs.encode()))
        case _:
            cookie = f"tenant_id={theirs}; tenant={theirs}; session=admin".encode()
            return with_headers(request, (b"Cookie", cookie), (b"X-Tenant-Id", theirs.encode()))


def headers(rng: Random, ground: Ground, operation: Operation, _turn: int) -> Request:
    """Send headers that are doubled, huge, of odd bytes, or that claim to be somebody."""
    request = base(rng, ground, operation, "headers")
    odd = rng.choice(
        (b"\xff\xfe", "é😀".encode(), b"%00", b"\x80" * 50, b"a" * 8_000, b"'; --", b"${jndi:x}", b"\t x \t", b"")
    )
    match rng.randrange(8):
        case 0 | 1:
            return replace(
                request, role=None, headers=(*request.headers, (b"Authorization", _credentials(rng, ground)))
            )
        case 2:
            more = _credentials(rng, ground)
            return with_headers(request, (b"Authorization", more))
        case 3:
            return with_headers(
                request, (rng.choice(_FORWARDED).encode(), rng.choice((odd, b"127.0.0.1", b"::1, 1.2.3.4")))
            )
        case 4:
            host = rng.choice(
                (b"evil.example", b"", b"127.0.0.1:99999", b"a" * 500, b"evil.example:80@x", b"[::1]", b"' or 1=1")
            )
            return replace(request, headers=(*request.headers, (b"Host", host)))
        case 5:
            many = tuple((b"X-Filler-%d" % number, b"y" * 20) for number in range(rng.choice((10, 100, 200))))
            return with_headers(request, *many)
        case 6:
            return with_headers(request, (b"X-Request-Id", rng.choice((odd, b"a" * 129, b"../x", b"id\t1", b"<b>"))))
        case _:
            name = rng.choice(
                (
                    b"User-Agent",
                    b"Accept",
                    b"Accept-Language",
                    b"Cookie",
                    b"Expect",
                    b"Upgrade",
                    b"Te",
                    b"X-" + b"n" * 300,
                )
            )
            return with_headers(request, (name, odd))


def _credentials(rng: Random, ground: Ground) -> bytes:
    """Give credentials that are nobody's, though parts of them are somebody's."""
    ours, theirs = ground.ours.keys[Role.ADMIN], ground.theirs.keys[Role.ADMIN]
    mixed = "_".join([*theirs.split("_")[:3], ours.split("_")[3]])
    return rng.choice((
        b"", b"Bearer", b"Bearer ", b"bearer x", b"Basic " + b"YTpi", b"Digest x", b"Bearer null", b"Bearer \xff\xfe",
        b"Bearer " + mixed.encode(), b"Bearer " + ours.upper().encode(), b"Bearer " + ours.encode() + b"x",
        b"Bearer " + ours[:-1].encode(), b"Bearer " + ours.encode() + b", Bearer " + ours.encode(), ours.encode(),
        b"Bearer  " + ours.encode() + b"\t!", b"Bearer ovpo_sk_%%%%%%%%_" + b"a" * 52, b"Bearer ovpo_sk_' or 1=1--_x",
        b"Bearer " + b"a" * 9_000, b"Bearer ovpo_sk_" + theirs.split("_")[2].encode() + b"_", b"Bearer " + b"_" * 100,
    ))  # fmt: skip


def methods(rng: Random, ground: Ground, operation: Operation, _turn: int) -> Request:
    """Use methods that a path does not offer, or that nobody does."""
    request = base(rng, ground, operation, "methods")
    known = ["OPTIONS", "TRACE", "PROPFIND", "HEAD"]
    if not operation.path.startswith(("/v1/tenants/", "/v1/keys/")):
        known += ["PUT", "PATCH", "POST"]
    odd = ("get", "GeT", "G" * 500, "SEARCH", "PURGE", "DEBUG", "QUERY", "X'--", "BREW", "LINK", "M-SEARCH", "%00")
    return replace(request, method=rng.choice(known if rng.random() < 0.6 else odd))


def wanted(rng: Random, ground: Ground, operation: Operation, _turn: int) -> Request:
    """Send bodies that are none, too much, or nearly right."""
    schema = operation.body or {}
    request = base(rng, ground, operation, "bodies")
    chance = rng.random()
    if chance < 0.3:
        return replace(request, body=bodies.raw(rng))
    return replace(
        request, body=bodies.near(rng, ground, schema) if chance < 0.7 else bodies.fitting(rng, ground, schema)
    )


def conditions(rng: Random, ground: Ground, operation: Operation, _turn: int) -> Request:
    """Ask for parts, or only for what changed, in words that are none."""
    if operation.path.startswith("/v1/objects/"):
        request = Request("conditions", operation.method, f"/{ground.ours.ids['link'][0]}")
    else:
        request = base(rng, ground, operation, "conditions")
    names = (b"If-None-Match", b"If-Match", b"If-Modified-Since", b"If-Unmodified-Since", b"If-Range")
    given = [(name, rng.choice(_CONDITIONS).encode()) for name in rng.sample(names, 2)]
    if rng.random() < 0.6:
        given.append((b"Range", rng.choice(_RANGES).encode()))
    return with_headers(request, *given)


def paths(rng: Random, ground: Ground, operation: Operation, _turn: int) -> Request:
    """Spell paths otherwise: with dots, doubled and escaped slashes, another case, more behind them."""
    request = base(rng, ground, operation, "paths")
    path, mark, query = request.target.partition("?")
    trick = rng.choice(_TRICKS).replace(" ", "%20").replace("\\", "%5c")
    parts = path.split("/")
    at = rng.randrange(1, len(parts))
    match rng.randrange(9):
        case 0 | 1:
            path = "/".join(parts[:at]) + trick + "/".join(parts[at:])
        case 2:
            path = path + rng.choice(
                ("/", "//", "/.", "/..", "%2f", "%00", ".json", ";", "%20", "%0a", "/%2e%2e/%2e%2e/", "~")
            )
        case 3:
            path = "/".join(part.swapcase() if number == at else part for number, part in enumerate(parts))
        case 4:
            path = "".join(f"%{ord(one):02X}" if one != "/" and rng.random() < 0.3 else one for one in path)
        case 5:
            steps = rng.choice(("../", "..%2f", "%2e%2e/", "..%5c", "..;/", "%252e%252e%252f")) * rng.randrange(1, 9)
            path = (
                rng.choice(("/v1/objects/", "/v1/files/", "/v1/", "/"))
                + steps
                + rng.choice(("etc/passwd", "secrets.toml", "v1/traces"))
            )
        case 6:
            path = rng.choice(
                (
                    "/admin",
                    "/.env",
                    "/debug",
                    "/docs",
                    "/redoc",
                    "/graphql",
                    "/v2/traces",
                    "/v1",
                    "/favicon.ico",
                    "/v1/traces/",
                )
            )
        case 7:
            path = "/v1/" + "a/" * rng.choice((10, 1_000, 4_000))
        case _:
            theirs = f"tenants/{ground.theirs.name}/pictures/{ground.theirs.mark}.webp"
            link = rng.choice((ground.ours.ids["link"][0], ground.theirs.ids["link"][0]))
            signed = link.partition("?")[2]
            bent = signed.replace(signed[-1], "0" if signed[-1] != "0" else "1")
            via = f"tenants/{ground.ours.name}/{rng.choice(('../', '%2e%2e/', './../'))}{ground.theirs.name}/x"
            path = rng.choice(
                (f"/v1/objects/{theirs}", f"/v1/files/{theirs}", f"/v1/objects//{theirs}", f"/v1/objects/{via}")
            )
            mark, query = (
                "?",
                rng.choice(
                    (bent, signed.replace("expires=", "expires=9"), ground.ours.ids["link"][0].partition("?")[2])
                ),
            )
            return Request("paths", rng.choice(("GET", "HEAD")), f"{path}?{query}")
    return replace(request, target=f"{path}{mark}{query}"[:MOST_TARGET])


def encodings(rng: Random, ground: Ground, operation: Operation, _turn: int) -> Request:
    """Send bodies in encodings and under types that are not theirs."""
    request = base(rng, ground, operation, "encodings")
    plain = rng.choice((b"{}", b"[" * 1_000, b" " * 2_000_000))
    body = rng.choice((plain[:1_000], gzip.compress(plain), zlib.compress(plain), gzip.compress(plain)[:-4], b""))
    kind = rng.choice((b"application/json", b"text/plain", b"application/x-www-form-urlencoded",
    b"multipart/form-data", b"application/xml",
                       b"application/json; charset=utf-16", b"application/json;" * 100, b"*/*", b"", b"\xff",
                       b"application/vnd.x+json",
                       b"multipart/form-data; boundary=" + b"x" * 3_000))  # fmt: skip
    packed = rng.choice((b"gzip", b"br", b"deflate", b"zstd", b"identity", b"gzip, gzip", b"x" * 500, b""))
    more = ((b"Content-Type", kind), (b"Content-Encoding", packed), (b"Accept-Encoding", packed), (b"Accept", kind))
    if rng.random() < 0.3:
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:500], body[500:1_000]) if part)
        return replace(request, headers=(*more, (b"Transfer-Encoding", b"chunked")), body=chunks + b"0\r\n\r\n")
    return replace(request, headers=more, body=body)


def live(rng: Random, ground: Ground, count: int) -> list[Request]:
    """Ask to follow live traces, from an event that nobody was given, with headers and questions that are hostile."""
    made = []
    for _ in range(count):
        last = rng.choice(
            (
                *_CONDITIONS,
                *texts.NUMBERS,
                "0-0",
                "1-",
                "-",
                "0-0-0",
                "9" * 19 + "-0",
                "$",
                ">",
                "+",
                "* STREAMS",
                "0-1",
                "1-1",
                "9999999999999-0",
            )
        )
        given = [(b"Last-Event-Id", last.encode())] if rng.random() < 0.8 else []
        if rng.random() < 0.3:
            given.append((rng.choice(_PLACES).encode(), ground.theirs.name.encode()))
        asked = (
            f"?{rng.choice(('tenant_id', 'x', 'last-event-id'))}={encoded(rng, texts.text(rng))}"
            if rng.random() < 0.3
            else ""
        )
        role = rng.choice((Role.VIEWER, Role.VIEWER, Role.ADMIN, None))
        made.append(Request("live", "GET", f"/v1/live/traces{asked}"[:MOST_TARGET], role, tuple(given)))
    return made


def _object(tenant: str) -> str:
    return f"tenants/{tenant}/pictures/x.webp"


KINDS: Final[Mapping[str, tuple[Kind, Callable[[Operation], bool]]]] = MappingProxyType(
    {
        "ids": (ids, lambda one: bool(one.of("path"))),
        "cursors": (cursors, lambda one: one.name == "list_traces"),
        "filters": (filters, lambda one: bool(one.of("query"))),
        "tenants": (tenants, lambda _: True),
        "headers": (headers, lambda _: True),
        "methods": (methods, lambda _: True),
        "bodies": (wanted, lambda one: one.body is not None),
        "conditions": (conditions, lambda one: one.method in {"GET", "HEAD", "PATCH"}),
        "paths": (paths, lambda _: True),
        "encodings": (encodings, lambda one: one.method != "HEAD"),
    }
)
"""By name: how such a request is made, and which operations it may aim at."""
SHARES: Final[Mapping[str, int]] = MappingProxyType(
    {"ids": 15, "cursors": 11, "filters": 25, "tenants": 6, "headers": 9, "methods": 4, "bodies": 15, "conditions": 5,
     "paths": 8, "encodings": 3}
)  # fmt: skip
"""How many of a hundred are of each kind, rounded up."""


def drawn(rng: Random, ground: Ground, targets: list[Operation], count: int) -> list[Request]:
    """Draw at least so many requests; each kind goes round all operations that it may aim at."""
    made = []
    for name, share in SHARES.items():
        make, aims = KINDS[name]
        aimed = [one for one in targets if aims(one)]
        for turn in range(-(-count * share // sum(SHARES.values()))):
            operation = aimed[turn % len(aimed)]
            made.append(make(rng, ground, operation, turn // len(aimed)))
    rng.shuffle(made)
    return made

# SPDX-License-Identifier: Apache-2.0
"""Bytes on the bare connection: what is no HTTP, nearly HTTP, several requests at once, or another protocol."""

import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Final

from ovpo.foundation.auth import Role
from ovpo.foundation.settings.tree import LOOPBACK
from tests.integration.services.hostile.assault import AT_ONCE, BARE, UNANSWERED, Outcome
from tests.integration.services.hostile.ground import Ground
from tests.integration.services.hostile.judging import BARE as BARE_STATUSES
from tests.integration.services.hostile.judging import TELLS
from tests.integration.services.hostile.operations import Operation
from tests.integration.services.hostile.requests import base

KIND: Final = "wire"
QUIET_SECONDS: Final = 0.4
"""A server that says nothing for so long waits for more of what it takes for a request."""
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_FIRST_FAULT: Final = 500
_HOST: Final = b"Host: 127.0.0.1\r\n"
_GET: Final = b"GET /v1/whoami HTTP/1.1\r\n" + _HOST
_POST: Final = b"POST /v1/views HTTP/1.1\r\n" + _HOST
_CHUNKED: Final = b"Transfer-Encoding: chunked\r\n\r\n"
_UPGRADE: Final = b"GET /v1/live/traces HTTP/1.1\r\n" + _HOST + b"Connection: Upgrade, HTTP2-Settings\r\n"

PROTOCOL: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda _: b"\r\n\r\n\r\n\r\n",
    lambda _: b"\x00" * 500,
    lambda _: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 500,
    lambda _: b"SSH-2.0-x\r\n",
    lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64,
    lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" * 40,
    lambda _: b"GET /v1/whoami\r\n\r\n",
    lambda _: b"GET /v1/whoami HTTP/0.9\r\n\r\n",
    lambda _: b"GET /v1/whoami HTTP/1.0\r\n\r\n",
    lambda _: b"GET /v1/whoami HTTP/9.9\r\n" + _HOST + b"\r\n",
    lambda _: b"GET /v1/whoami HTTP/1.1\r\n\r\n",
    lambda _: b"GET /v1/whoami HTTP/1.1\n" + b"Host: x\n\n",
    lambda _: b"GET  /v1/whoami  HTTP/1.1\r\n" + _HOST + b"\r\n",
    lambda _: b"GET /v1/who ami HTTP/1.1\r\n" + _HOST + b"\r\n",
    lambda _: "GET /v1/whoami?é HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    lambda _: b"GET http://evil.example/v1/whoami HTTP/1.1\r\n" + _HOST + b"\r\n",
    lambda _: b"GET //evil.example/v1/whoami HTTP/1.1\r\n" + _HOST + b"\r\n",
    lambda _: b"CONNECT evil.example:443 HTTP/1.1\r\n" + _HOST + b"\r\n",
    lambda _: b"OPTIONS * HTTP/1.1\r\n" + _HOST + b"\r\n",
    lambda _: b"GET * HTTP/1.1\r\n" + _HOST + b"\r\n",
    lambda _: b"GET ? HTTP/1.1\r\n" + _HOST + b"\r\n",
    lambda _: b"G" * 20_000 + b" / HTTP/1.1\r\n" + _HOST + b"\r\n",
    lambda _: b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\n" + _HOST + b"\r\n",
    lambda key: _GET + key + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
    lambda key: _GET + key + b"X: y\r\n" * 5_000 + b"\r\n",
    lambda key: _GET + _HOST + key + b"\r\n",
    lambda key: _GET + b" " + key + b"\r\n",
    lambda key: _GET + b"X-A : b\r\n" + key + b"\r\n",
    lambda key: _GET + b"X-A: b\rX-B: c\r\n" + key + b"\r\n",
    lambda key: _GET + b"X-A: \x00\r\n" + key + b"\r\n",
    lambda key: _GET + b": nameless\r\n" + key + b"\r\n",
    lambda key: _GET + b"X-Request-Id: a\r\n folded\r\n" + key + b"\r\n",
    lambda key: _POST + key + b"Content-Length: -1\r\n\r\n{}",
    lambda key: _POST + key + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}}",
    lambda key: _POST + key + b"Content-Length: 99999999999999999999\r\n\r\n{}",
    lambda key: _POST + key + b"Content-Length: 0x2\r\n\r\n{}",
    lambda key: _POST + key + b"Content-Length: 500\r\n\r\n{}",
    lambda key: _POST + key + b"Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n",
    lambda key: _POST + key + _CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
    lambda key: _POST + key + _CHUNKED + b"ffffffffffffffffff\r\n{}",
    lambda key: _POST + key + _CHUNKED + b"2;" + b"x" * 30_000 + b"\r\n{}",
    lambda key: _POST + key + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    lambda key: _POST + key + b"Transfer-Encoding: x\r\n\r\n{}",
    lambda key: _POST + key + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
    lambda key: _GET + key + b"\r\n" + b"\xff\xfe garbage \x00" * 50,
    lambda key: (_GET + key + b"\r\n") * 30,
    lambda key: (_GET + key + b"\r\n") + _GET + b"\r\n",
    lambda key: _GET + key + b"Content-Length: 40\r\n\r\nGET /v1/keys HTTP/1.1\r\nHost: x\r\n\r\n" + b"z" * 10,
    lambda key: b"GET /v1/live/traces HTTP/1.1\r\n" + _HOST + key + b"\r\n" + b"GET /v1/whoami HTTP/1.1\r\n\r\n",
    lambda key: _UPGRADE + key + b"Upgrade: h2c\r\nHTTP2-Settings: %%\r\n\r\n",
    lambda key: _UPGRADE + key + b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    lambda key: b"GET /v1/live/traces HTTP/1.1\r\n" + _HOST + key + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\xfe\xff\xff",
    lambda key: b"GET /v1/traces HTTP/1.1\r\n" + _HOST + key + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    lambda key: b"GET /v1/traces HTTP/1.1\r\n" + _HOST + key + b"Connection: Upgrade\r\nUpgrade: \xff\r\n\r\n",
)  # fmt: skip


def talks(rng: Random, ground: Ground, targets: list[Operation], count: int) -> Iterator[bytes]:
    """Give so many openings of a talk: each of those that are written down, then good requests with bytes changed."""
    key = b"Authorization: Bearer " + ground.key(Role.VIEWER).encode() + b"\r\n"
    written = [make(key) for make in PROTOCOL]
    yield from written[:count]
    aimed = [one for one in targets if one.role is not Role.SUPER_ADMIN and one.name != "readyz"]
    for _ in range(count - len(written)):
        raw = bytearray(base(rng, ground, rng.choice(aimed), KIND).raw(ground))
        for _ in range(rng.randrange(1, 5)):
            at = rng.randrange(len(raw))
            match rng.randrange(4):
                case 0:
                    raw[at] = rng.randrange(256)
                case 1:
                    del raw[at : at + rng.randrange(1, 20)]
                case 2:
                    raw[at:at] = rng.choice((b"\r\n", b"\x00", b" ", b":", b"\r\n\r\n", b"\xff" * 9, rng.randbytes(9)))
                case _:
                    raw += rng.choice((bytes(raw), b"\r\n", rng.randbytes(50)))
        yield bytes(raw)


def converse(ground: Ground, openings: Iterable[bytes]) -> Outcome:
    """Send each over a connection of its own, and judge all that came back before the server hung up or fell silent."""
    outcome = Outcome()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for raw, came in pool.map(lambda raw: (raw, _talk(ground.port, raw)), openings):
            _judge(ground, outcome, raw, came)
    return outcome


def _judge(ground: Ground, outcome: Outcome, raw: bytes, came: bytes) -> None:
    statuses = [int(found) for found in _STATUS.findall(came)]
    faults = [f"status {status}" for status in statuses if status >= _FIRST_FAULT and status not in BARE_STATUSES]
    shown, said = came.decode(errors="replace"), raw.decode(errors="replace")
    held = (*TELLS, ground.home, ground.theirs.mark)
    faults += [f"tells {word!r}" for word in held if word in shown and word not in said]
    is_servers = len(statuses) == 1 and b"x-request-id" not in came.lower()
    outcome.note(KIND, UNANSWERED if not statuses else BARE if is_servers else statuses[0], faults, repr(raw[:600]))


def _talk(port: int, raw: bytes) -> bytes:
    with socket.create_connection((LOOPBACK, port), QUIET_SECONDS) as opened:
        came = b""
        end = time.monotonic() + 10 * QUIET_SECONDS
        try:
            opened.sendall(raw)
            while time.monotonic() < end and (part := opened.recv(65_536)):
                came += part
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            return came
        return came

# SPDX-License-Identifier: Apache-2.0
"""The query API as the command calls it: one connection, one key, an answer or one line that says why there is none.

What is asked and how answers look belongs to the commands. Redirects are not followed: they would carry the key away.
"""

import http.client
import json
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final, Self, TypeAlias, TypeVar
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import msgspec

from ovpo.cli.exits import CommandError, Exit
from ovpo.cli.words import printable
from ovpo.foundation.observability.redact import redact_text

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 60.0
MOST_BYTES: Final = 256 * 1024 * 1024
MOST_SAID: Final = 500
HOW_TO_GET_A_KEY: Final = (
    "`ovpo up` printed the first key, `ovpo keys create --console` enters another; export it as OVPO_KEY"
)
HOW_TO_FIND_A_SERVER: Final = "start one with `ovpo up`, or name it with --server or OVPO_SERVER"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,512}")
_FIELD: Final = re.compile(r"^(?:query|body|path)\.([a-z_]+)(?:\.\d+)?(?=[.:])")
_OPTIONS: Final = {
    "start_date": "--since",
    "end_date": "--until",
    "tags": "--tag",
    "trace_id": "ID",
    "trace_ids": "ID",
    "alert_id": "ID",
    "prefix": "PREFIX",
    "tenant_id": "TENANT",
    "expires_at": "--expires",
    "overlap_seconds": "--overlap",
    "pricing_profile": "--profile",
    "hardware_profile": "--hardware",
    "legal_hold_default": "--legal-hold",
    "from_index": "--from-frame",
    "to_index": "--to-frame",
}
_CODES: Final[dict[int, Exit]] = {
    HTTPStatus.UNAUTHORIZED: Exit.REFUSED,
    HTTPStatus.FORBIDDEN: Exit.REFUSED,
    HTTPStatus.TOO_MANY_REQUESTS: Exit.REFUSED,
    HTTPStatus.NOT_FOUND: Exit.NOT_FOUND,
    HTTPStatus.CONFLICT: Exit.FAILED,
    HTTPStatus.BAD_GATEWAY: Exit.AWAY,
    HTTPStatus.SERVICE_UNAVAILABLE: Exit.AWAY,
    HTTPStatus.GATEWAY_TIMEOUT: Exit.AWAY,
}
Query: TypeAlias = Mapping[str, str | int | float | None]
Shape = TypeVar("Shape")


class ApiRefusalError(CommandError):
    """The API's own error, with the seconds after which the same may be asked again where it told them."""

    def __init__(self, message: str, code: Exit, status: int, retry_after: int | None) -> None:
        super().__init__(message, code)
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the body as it came."""

    status: int
    raw: bytes = field(repr=False)

    def read(self, shape: type[Shape]) -> Shape:
        """Give the body as a typed object."""
        return parsed(self.raw, shape)


def parsed(raw: bytes | msgspec.Raw, shape: type[Shape]) -> Shape:
    """Read JSON of the API; what does not fit comes from something else, or from another version."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CommandError(
            "the server's answer is none that this version of ovpo knows; is --server right, and of the same version?"
        ) from None


def path(*parts: str) -> str:
    """Join the parts of a path, each of which stays one part whatever is in it."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


class Client:
    """A connection to one server with one key."""

    def __init__(self, server: str, key: str | None) -> None:
        self._server = _address(server)
        self._key = key
        self._connection: http.client.HTTPConnection | None = None

    @property
    def server(self) -> str:
        """The server's address."""
        return self._server.geturl()

    @property
    def has_key(self) -> bool:
        """Whether there is a key to ask with."""
        return self._key is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def get(self, at: str, query: Query | None = None) -> Answer:
        """Ask for something."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self._answered("GET", f"{at}?{urlencode(given)}" if given else at, None)

    def post(self, at: str, body: Any) -> Answer:
        """Have something made or counted."""
        return self._answered("POST", at, body)

    def patch(self, at: str, body: Any) -> Answer:
        """Have something changed."""
        return self._answered("PATCH", at, body)

    def delete(self, at: str) -> Answer:
        """Have something ended."""
        return self._answered("DELETE", at, None)

    def probe(self, at: str) -> Answer:
        """Ask without a key, and take any answer that is no redirect."""
        return self._exchange("GET", at, None, {})[0]

    def _answered(self, method: str, at: str, body: Any) -> Answer:
        if self._key is None:
            raise CommandError(f"there is no API key to ask {self.server} with: {HOW_TO_GET_A_KEY}", Exit.REFUSED)
        answer, retry_after = self._exchange(method, at, body, {"Authorization": f"Bearer {self._key}"})
        if answer.status < HTTPStatus.BAD_REQUEST:
            return answer
        raise self._refusal(answer, retry_after)

    def _exchange(self, method: str, at: str, body: Any, headers: Mapping[str, str]) -> tuple[Answer, int | None]:
        sent = {"Accept": "application/json", "User-Agent": f"ovpo-cli/{version('ovpo')}", **headers}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        response, raw = self._sent(method, self._server.path + at, content, sent)
        if HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST:
            where = printable(response.getheader("Location") or "elsewhere")[:MOST_SAID]
            raise CommandError(
                f"{self.server} sends on to {where}, and ovpo does not follow; name the right one with --server",
                Exit.USAGE,
            )
        wait = response.getheader("Retry-After") or ""
        return Answer(response.status, raw), int(wait) if re.fullmatch(r"[0-9]{1,6}", wait) else None

    def _sent(
        self, method: str, at: str, content: bytes | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Send a request; once more where a kept connection turns out to be closed and asking twice does no harm."""
        kept = self._connection is not None
        try:
            return self._tried(method, at, content, headers)
        except (ConnectionError, http.client.HTTPException) as error:
            self._forget()
            if not kept or method != "GET":
                raise self._away(error) from None
        except OSError as error:
            self._forget()
            raise self._away(error) from None
        try:
            return self._tried(method, at, content, headers)
        except (OSError, http.client.HTTPException) as error:
            self._forget()
            raise self._away(error) from None

    def _tried(
        self, method: str, at: str, content: bytes | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        if self._connection is None:
            self._connection = self._connected()
        self._connection.request(method, at, content, headers)
        response = self._connection.getresponse()
        raw = response.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            self._forget()
            raise CommandError(f"{self.server} answers with more than {MOST_BYTES // 1024**2} MiB; ask for less")
        if response.length:
            raise http.client.IncompleteRead(raw, response.length)
        return response, raw

    def _connected(self) -> http.client.HTTPConnection:
        host, port = self._server.hostname or "", self._server.port
        made: http.client.HTTPConnection
        if self._server.scheme == "https":
            context = ssl.create_default_context()
            made = http.client.HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=context)
        else:
            made = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
        made.connect()
        made.sock.settimeout(ANSWER_SECONDS)
        return made

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _away(self, error: Exception) -> CommandError:
        if isinstance(error, http.client.IncompleteRead):
            return CommandError(f"the answer of {self.server} broke off; ask again", Exit.AWAY)
        if isinstance(error, http.client.HTTPException) and not isinstance(error, ConnectionError):
            return CommandError(f"what listens at {self.server} does not speak HTTP; {HOW_TO_FIND_A_SERVER}", Exit.AWAY)
        reason = "no answer in time" if isinstance(error, TimeoutError) else _reason(error)
        return CommandError(f"{self.server} does not answer ({reason}); {HOW_TO_FIND_A_SERVER}", Exit.AWAY)

    def _refusal(self, answer: Answer, retry_after: int | None) -> ApiRefusalError:
        """Say the API's error in one line, in the words of the command's options."""
        server_failed = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        code = _CODES.get(answer.status, Exit.FAILED if server_failed else Exit.USAGE)
        try:
            told = msgspec.json.decode(answer.raw, type=_Told).error
        except (msgspec.DecodeError, UnicodeDecodeError):
            said, request = f"{self.server} answered {answer.status}, and not as OVPO does", ""
        else:
            said, request = self._clean(told.message), self._clean(told.request_id)
            retry_after = told.retry_after if retry_after is None else retry_after
        remedy = f"; {HOW_TO_GET_A_KEY}" if answer.status == HTTPStatus.UNAUTHORIZED else ""
        again = f"; try again in {retry_after} s" if retry_after is not None else ""
        quoted = f" [request {request}]" if request else ""
        return ApiRefusalError(f"{_in_options(said)}{remedy}{again}{quoted}", code, answer.status, retry_after)

    def _clean(self, text: str) -> str:
        """Take out what no terminal and no log should get: the key, and anything that is no plain text."""
        shown = printable(redact_text(text))[:MOST_SAID]
        return shown.replace(self._key, "***") if self._key else shown


class _Error(msgspec.Struct, frozen=True):
    message: str
    request_id: str = ""
    retry_after: int | None = None


class _Told(msgspec.Struct, frozen=True):
    error: _Error


@contextmanager
def calling(server: str, key: str | None) -> Iterator[Client]:
    """Lend a client of a server; the key is checked for what no key can hold, before any of it is sent."""
    plain = (key or "").strip() or None
    if plain is not None and not _KEY.fullmatch(plain):
        raise CommandError(f"OVPO_KEY or --key holds what is no API key; {HOW_TO_GET_A_KEY}", Exit.REFUSED)
    with Client(server, plain) as client:
        yield client


def _address(server: str) -> SplitResult:
    """Read the server's address; what is in it beside host, port and path is refused, and never repeated."""
    try:
        found = urlsplit(server.strip().rstrip("/"))
        sound = (
            found.scheme in {"http", "https"}
            and bool(found.hostname)
            and found.port != 0
            and not (found.username or found.password or found.query or found.fragment)
            and re.fullmatch(r"[\x21-\x7e]*", found.path) is not None
        )
    except ValueError:
        sound = False
    if not sound:
        raise CommandError("--server (OVPO_SERVER) takes an address such as http://127.0.0.1:8000", Exit.USAGE)
    return found


def _reason(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return printable(str(reason))[:MOST_SAID].lower()


def _in_options(message: str) -> str:
    """Name the option of the command where the API names its parameter."""
    found = _FIELD.match(message)
    if found is None:
        return message
    name = _OPTIONS.get(found[1], f"--{found[1].replace('_', '-')}")
    return name + message[found.end() :]

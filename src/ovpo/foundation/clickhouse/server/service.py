# SPDX-License-Identifier: Apache-2.0
"""The life of a query: admitted, read, parsed, placed, run, delivered, counted.

Asynchronous at the socket, threads at the engine. A query outlives its connection until the engine lets go of it.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import IO, ParamSpec, TypeVar

from starlette.types import Receive, Scope, Send

from ovpo.foundation.clickhouse.server import delivery, encoding, execution, guard
from ovpo.foundation.clickhouse.server.engine import ENGINE_FAULTS, Connection, Engine
from ovpo.foundation.clickhouse.server.errors import (
    QueryError,
    authentication_failed,
    bad_arguments,
    query_id_taken,
    stopping,
    too_large,
)
from ovpo.foundation.clickhouse.server.exchange import Exchange
from ovpo.foundation.clickhouse.server.gate import Gate
from ovpo.foundation.clickhouse.server.intake import Intake
from ovpo.foundation.clickhouse.server.metrics import Metrics
from ovpo.foundation.clickhouse.server.protocol import Account, Query, Session, credentials, form_fields, parse_query
from ovpo.foundation.clickhouse.server.sessions import Held, Sessions, changes_session
from ovpo.foundation.clickhouse.server.spool import CHUNK, Spool, disk_errors
from ovpo.foundation.clickhouse.server.statements import Command, Insert, Rows, Statement

_DEFAULT_FORMAT = "TabSeparated"
_KILL_EVERY_SECONDS = 0.5
_LET_GO_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.005
_P = ParamSpec("_P")
_T = TypeVar("_T")
_log = logging.getLogger("ovpo.clickhouse")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the server takes on."""

    running: int
    waiting: int
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Job:
    """A query with its statement and the body that carries its rows."""

    query: Query
    statement: Statement
    intake: Intake


@dataclass(frozen=True, slots=True)
class Run:
    """A statement that runs, and the first of its rows where they go out as they come."""

    connection: Connection
    source: execution.Source
    first: bytes | None


class Service:
    """Everything that answers queries over one engine."""

    def __init__(self, engine: Engine, spool: Spool, account: Account, limits: Limits) -> None:
        self._engine = engine
        self._spool = spool
        self._account = account
        self._limits = limits
        self._gate = Gate(limits.running, limits.waiting)
        self._sessions = Sessions(monotonic)
        self._workers = ThreadPoolExecutor(limits.running, "query")
        self._helpers = ThreadPoolExecutor(4, "control")
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: set[str] = set()
        self._stopping = False
        self._killing = False
        self.metrics = Metrics()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request for `/` in a task of the service's own: a lost connection never tears at the engine."""
        task = asyncio.create_task(self._answer(Exchange(scope, receive, send)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    async def alive(self) -> bool:
        """Whether the engine answers and the service takes queries."""
        try:
            return not self._stopping and await self._helped(self._engine.alive)
        except ENGINE_FAULTS:
            return False

    def page(self) -> bytes:
        """The metrics, with the gauges as they are now."""
        self.metrics.running.set(self._gate.running)
        self.metrics.waiting.set(self._gate.waiting)
        self.metrics.sessions.set(len(self._sessions))
        return self.metrics.page()

    async def stop(self, grace: float, last: float) -> bool:
        """Refuse new queries, let the running ones end, stop the rest; whether all of them ended."""
        self._stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        self._killing = True
        deadline = monotonic() + last
        while self._tasks and monotonic() < deadline:
            for query_id in tuple(self._running):
                await self._helped(self._engine.kill, query_id)
            await asyncio.wait(self._tasks, timeout=_KILL_EVERY_SECONDS)
        if self._running:
            return False
        self._sessions.close()
        self._workers.shutdown()
        self._helpers.shutdown()
        return True

    async def _answer(self, exchange: Exchange) -> None:
        started = monotonic()
        kind, outcome, query_id = "NONE", "ok", ""
        try:
            self._admit(exchange)
            query = parse_query(exchange.method, exchange.headers, exchange.pairs)
            query_id = query.query_id
            job = await self._read(exchange, query)
            try:
                kind = job.statement.kind
                await self._place(exchange, job, started)
            finally:
                job.intake.close()
            await exchange.end()
        except QueryError as error:
            outcome = "error"
            self._report(error, kind, query_id, monotonic() - started)
            await self._refuse(exchange, error, query_id)
        except Exception as fault:  # noqa: BLE001 - the client is owed an answer whatever broke
            outcome = "error"
            _log.exception("query_broke", extra={"fields": {"query_id": query_id, "kind": kind}})
            message = f"The server failed with {type(fault).__name__}; its log has more."
            await self._refuse(exchange, QueryError(49, "LOGICAL_ERROR", message), query_id)
        self.metrics.done(kind, "gone" if exchange.gone else outcome, monotonic() - started)

    def _admit(self, exchange: Exchange) -> None:
        if not self._account.admits(*credentials(exchange.headers, exchange.pairs)):
            raise authentication_failed()
        if self._stopping:
            raise stopping()

    async def _read(self, exchange: Exchange, query: Query) -> Job:
        length = exchange.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._limits.body_bytes:
            raise too_large(self._limits.body_bytes)
        form = exchange.headers.get("content-type", "").lower().startswith("multipart/form-data")
        prefix = b"" if form else query.sql
        intake = Intake(self._spool, encoding.decoder(query.body_coding), prefix, self._limits.body_bytes)
        try:
            rest = await self._fill(exchange, intake)
            if form:
                await self._helped(intake.write, rest)
                return self._form(exchange, query, intake)
            return Job(query, await self._helped(_finish, intake, rest), intake)
        except BaseException:
            intake.close()
            raise

    async def _fill(self, exchange: Exchange, intake: Intake) -> bytes:
        """Take the body in; give its last bytes, less than a chunk, which are still to be written."""
        held: list[bytes] = []
        size = 0
        async for chunk in exchange.body():
            held.append(chunk)
            size += len(chunk)
            if size >= CHUNK:
                await self._helped(intake.write, b"".join(held))
                held, size = [], 0
        if exchange.gone:
            raise QueryError(210, "NETWORK_ERROR", "The client went away before its request was complete.")
        return b"".join(held)

    def _form(self, exchange: Exchange, query: Query, intake: Intake) -> Job:
        try:
            fields = form_fields(exchange.headers["content-type"], intake.raw())
        except UnicodeDecodeError as error:
            raise bad_arguments("A field of the multipart form is no UTF-8. Encode it so.") from error
        whole = parse_query(exchange.method, exchange.headers, [*exchange.pairs, *fields])
        alone = Intake(self._spool, encoding.decoder(""), whole.sql, 0)
        return Job(replace(whole, query_id=query.query_id), alone.finish(), alone)

    async def _place(self, exchange: Exchange, job: Job, started: float) -> None:
        breach = guard.breach(job.statement.tokens)
        if breach is not None:
            raise breach
        if job.query.read_only and not isinstance(job.statement, Rows):
            message = "Cannot execute query in readonly mode: method GET only reads. Send it with POST."
            raise QueryError(164, "READONLY", message)
        async with self._gate.place():
            if self._killing:
                raise stopping()
            if job.query.query_id in self._running:
                raise query_id_taken(job.query.query_id)
            self._running.add(job.query.query_id)
            watch = asyncio.create_task(self._watch(exchange, job))
            try:
                await self._connected(exchange, job, started)
            finally:
                self._running.discard(job.query.query_id)
                watch.cancel()
                with suppress(asyncio.CancelledError):
                    await watch

    async def _watch(self, exchange: Exchange, job: Job) -> None:
        """Stop a reading query whose client went away; a writing one goes on, as on a ClickHouse server."""
        await exchange.until_gone()
        while isinstance(job.statement, Rows):
            with suppress(QueryError):
                await self._helped(self._engine.kill, job.query.query_id)
            await asyncio.sleep(_KILL_EVERY_SECONDS)

    async def _connected(self, exchange: Exchange, job: Job, started: float) -> None:
        session = job.query.session
        held = await self._taken(session) if session is not None else Held()
        try:
            run = await self._worked(_begin, self._engine, held, job, self._spool)
            try:
                await self._run(exchange, job, run, started)
                if session is not None and changes_session(job.statement):
                    held.connection = run.connection
            finally:
                await self._worked(_end, run, held)
        finally:
            if session is not None:
                self._sessions.give_back(session)

    async def _taken(self, session: Session) -> Held:
        """Lock a session; one whose last answer has just ended is waited for, as its client may be faster than we."""
        end = monotonic() + _LET_GO_SECONDS
        while self._sessions.is_busy(session) and monotonic() < end:  # noqa: ASYNC110 - a matter of milliseconds
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        return self._sessions.take(session)

    async def _run(self, exchange: Exchange, job: Job, run: Run, started: float) -> None:
        query = job.query
        self.metrics.wrote(run.source.counts)
        answered = (_format(job) or _DEFAULT_FORMAT) if isinstance(job.statement, Rows) else None
        top = {
            **delivery.headers(self._engine.identity, query.query_id),
            **delivery.result_headers(answered, query.answer_coding),
        }
        encoder = encoding.encoder(query.answer_coding)
        if run.first is None:
            await self._deliver_whole(exchange, run.source, encoder, top, started)
        else:
            await self._deliver_streamed(exchange, run.source, run.first, encoder, top, started)

    async def _deliver_whole(
        self,
        exchange: Exchange,
        source: execution.Source,
        encoder: encoding.Encoder,
        top: dict[str, str],
        started: float,
    ) -> None:
        buffer, size = await self._worked(
            _collect, source, encoder, self._spool, lambda: self._killing or exchange.gone
        )
        with buffer:
            done = delivery.summary(source.counts, monotonic() - started)
            await exchange.start(200, {**top, **done, "Content-Length": str(size)})
            while not exchange.gone and (chunk := await self._worked(buffer.read, CHUNK)):
                if buffer.tell() == size:
                    exchange.keep(chunk)
                else:
                    await exchange.write(chunk)

    async def _deliver_streamed(
        self,
        exchange: Exchange,
        source: execution.Source,
        chunk: bytes,
        encoder: encoding.Encoder,
        top: dict[str, str],
        started: float,
    ) -> None:
        mark = delivery.tag()
        done = delivery.summary(source.counts, monotonic() - started)
        await exchange.start(200, {**top, **done, "X-ClickHouse-Exception-Tag": mark})
        try:
            while chunk and not exchange.gone:
                await exchange.write(await self._encoded(encoder, chunk))
                chunk = await self._worked(source.read)
        except QueryError as error:
            text = delivery.late_error(error.text(self._engine.identity.version), mark)
            await exchange.write(encoder.feed(text) + encoder.finish())
            raise
        exchange.keep(encoder.finish())

    async def _encoded(self, encoder: encoding.Encoder, chunk: bytes) -> bytes:
        if isinstance(encoder, encoding.PlainEncoder):
            return chunk
        return await self._worked(encoder.feed, chunk)

    async def _refuse(self, exchange: Exchange, error: QueryError, query_id: str) -> None:
        if exchange.started:
            return
        top = {**delivery.headers(self._engine.identity, query_id), **delivery.error_headers(error)}
        text = error.text(self._engine.identity.version) + "\n"
        await exchange.respond(error.status, top, text.encode())

    def _report(self, error: QueryError, kind: str, query_id: str, seconds: float) -> None:
        fields = {"query_id": query_id, "kind": kind, "code": error.code, "name": error.name, "status": error.status}
        _log.warning("query_failed", extra={"fields": {**fields, "seconds": round(seconds, 4)}})

    async def _worked(self, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._workers, partial(call, *args, **kwargs))

    async def _helped(self, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._helpers, partial(call, *args, **kwargs))


def _format(job: Job) -> str | None:
    """The format of the rows that go in or out, where one is known."""
    named = None if isinstance(job.statement, Command) else job.statement.format
    return named or job.query.default_format


def _finish(intake: Intake, rest: bytes) -> Statement:
    if rest:
        intake.write(rest)
    return intake.finish()


def _begin(engine: Engine, held: Held, job: Job, spool: Spool) -> Run:
    """Start a statement, from its connection to its first rows, without changing threads in between."""
    connection = held.connection if held.connection is not None else engine.connect()
    source = None
    try:
        _prepare(connection, job, held.stale(job.query.settings))
        held.request_settings = frozenset(job.query.settings)
        source = _execute(connection, job, spool)
        streamed = isinstance(source, execution.Streamed | execution.Filed) and not job.query.waits_for_end
        return Run(connection, source, source.read() if streamed else None)
    except BaseException:
        if source is not None:
            source.close()
        if held.connection is not connection:
            connection.close()
        raise


def _end(run: Run, held: Held) -> None:
    """Let go of a statement; its connection stays where the session keeps it."""
    run.source.close()
    if held.connection is not run.connection:
        run.connection.close()


def _prepare(connection: Connection, job: Job, stale: list[str]) -> None:
    settings = {"log_comment": job.query.query_id, **job.query.settings}
    execution.forget(connection, stale)
    execution.apply(connection, settings, job.query.database)


def _execute(connection: Connection, job: Job, spool: Spool) -> execution.Source:
    parameters = job.query.parameters
    match job.statement:
        case Rows():
            return execution.rows(connection, job.statement, _format(job) or _DEFAULT_FORMAT, parameters, spool)
        case Insert():
            into = job.intake
            return execution.insert(connection, job.statement, _format(job), parameters, into.rows, into.rows_size)
        case Command():
            return execution.command(connection, job.statement, parameters)


def _collect(
    source: execution.Source, encoder: encoding.Encoder, spool: Spool, stopped: Callable[[], bool]
) -> tuple[IO[bytes], int]:
    """A whole result in a buffer that moves to the disk when it grows."""
    buffer = spool.buffer()
    try:
        with disk_errors():
            while (chunk := source.read()) and not stopped():
                buffer.write(encoder.feed(chunk))
            buffer.write(encoder.finish())
            size = buffer.tell()
            buffer.seek(0)
    except BaseException:
        buffer.close()
        raise
    return buffer, size

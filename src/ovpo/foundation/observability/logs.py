# SPDX-License-Identifier: Apache-2.0
"""How the process logs: one line per event, through one pipeline, whoever logged it; nothing leaves it unredacted.

`structlog.contextvars` carries request_id, tenant_id and trace_id into every line. What a line says is the caller's.
"""

import json
import logging
import sys
from typing import Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ovpo.foundation.observability.redact import redact
from ovpo.foundation.settings.tree import Log, LogFormat

_SERVERS: Final = ("hypercorn.error", "hypercorn.access", "uvicorn", "uvicorn.error", "uvicorn.access")


def configure(log: Log, service: str) -> None:
    """Send every log line of this process to standard error in the format that the settings ask for."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _Named(service),
                structlog.processors.format_exc_info,
                _redacted,
                _renderer(log.format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(log.level.value.upper())
    logging.captureWarnings(capture=True)
    for name in _SERVERS:
        server = logging.getLogger(name)
        server.handlers, server.propagate = [], True
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _Named:
    """Adds the service's name to each line."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        del logger, method
        event["service"] = self._service
        return event


def _redacted(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    del logger, method
    plain = redact(event)
    return plain if isinstance(plain, dict) else event


def _renderer(wanted: LogFormat) -> Processor:
    if wanted is LogFormat.JSON:
        return structlog.processors.JSONRenderer(serializer=json.dumps)
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, sort_keys=False
    )

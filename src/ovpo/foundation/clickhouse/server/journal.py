# SPDX-License-Identifier: Apache-2.0
"""The server's log: one JSON line an event, on standard error; no statement, parameter or row is ever in it."""

import json
import logging
import sys
from datetime import UTC, datetime
from traceback import format_tb

_log = logging.getLogger("ovpo.clickhouse")


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"timestamp": moment, "level": record.levelname.lower(), "event": record.getMessage()}
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            kind, _, trace = record.exc_info
            line["exception"] = kind.__name__ if kind else ""
            line["where"] = "".join(format_tb(trace))
        return json.dumps(line, default=str)


def configure() -> None:
    """Send this server's events, and what its HTTP layer has to say, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _log.setLevel(logging.INFO)


def note(event: str, **fields: object) -> None:
    """Log an event of the process's own life."""
    _log.info(event, extra={"fields": fields})

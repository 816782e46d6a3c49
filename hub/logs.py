"""Logs for people or machines; no bodies, no query strings, no addresses of residents."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final

from hub.core.settings import Settings

# Told of at length, and with what people wrote, by those that make them.
NOISY: Final = ("httpx2", "httpcore2", "uvicorn.error", "alembic", "aiosqlite")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


DETAIL: Final = re.compile(r"^DETAIL: .*$", re.MULTILINE)  # PostgreSQL quotes the row there


class WithoutRows(logging.Formatter):
    """Tells of errors without what people wrote."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        """The traceback, without the values that a database quotes."""
        return DETAIL.sub("DETAIL: (left out)", super().formatException(ei))


class JsonLines(WithoutRows):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; control characters are escaped by it."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


class Lines(WithoutRows):
    """One line for each record; control characters in it are written as escapes."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, whatever another formatter kept of its error."""
        record.exc_text = None
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The record as a line."""
        record.message = CONTROL.sub(lambda found: ascii(found[0])[1:-1], record.message)
        return super().formatMessage(record)


def configure(settings: Settings) -> None:
    """Send every log of the process to stderr, in the format and from the level set."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(Lines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.root.level))

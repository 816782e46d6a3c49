"""A source, read in a process of its own: it may be big or crafted, and can be stopped.

`python -m hub.feeds.reading KIND` takes the file on its standard input and gives rows as JSON.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

import orjson

from hub.core.errors import Invalid, TooBig
from hub.core.words import filled, packed, unpacked
from hub.feeds import calendars, rows, spreadsheets
from hub.feeds.repeating import Window
from hub.feeds.rows import Row

Kind = Literal["ics", "csv"]

MAX_BYTES: Final = 10_000_000
MAX_SECONDS: Final = 120  # 5,000 events take about 15
MAX_MEMORY: Final = 1 << 30
ROOT: Final = Path(__file__).parents[2]  # where the package `hub` lies

READERS: Final[dict[str, Callable[[bytes, str, Window], list[Row]]]] = {
    "ics": calendars.rows_of,
    "csv": spreadsheets.rows_of,
}
log = logging.getLogger(__name__)


def window_of(now: datetime, timezone: str, horizon: timedelta) -> Window:
    """From today's midnight on the hub's clock as far as the hub makes dates."""
    local = now.astimezone(ZoneInfo(timezone))
    today = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(now, today, now + horizon)


async def read(kind: str, data: bytes, timezone: str, window: Window) -> list[Row]:
    """The rows of a file.

    Raises:
        Invalid: it cannot be read, or is not what it should be.
        TooBig: it has more than 10 MB.
    """
    if kind not in READERS:
        raise Invalid(filled("“{kind}” cannot be imported; ics and csv can.", kind=kind))
    if len(data) > MAX_BYTES:
        raise TooBig(filled("This file has more than {most} MB.", most=MAX_BYTES // 1_000_000))
    moments = (window.now, window.today, window.until)
    command = (kind, timezone, *(moment.isoformat() for moment in moments))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub.feeds.reading", *command),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(MAX_SECONDS):
            out, told = await process.communicate(data)
    except TimeoutError:
        raise Invalid("This file takes too long to read. Import it in parts.") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        log.warning("reading a %s file ended in: %s", kind, told[-2000:].decode(errors="replace"))
        raise Invalid("This file is damaged in a way that we cannot read.")
    answer = orjson.loads(out)
    if (refusal := answer.get("refusal")) is not None:
        raise Invalid(unpacked(refusal))
    return rows.loads(answer)


def main(arguments: list[str], data: bytes) -> bytes:
    """What the process of its own answers."""
    kind, timezone, *moments = arguments
    window = Window(*(datetime.fromisoformat(moment) for moment in moments))
    try:
        return rows.dumps(READERS[kind](data, timezone, window))
    except Invalid as refusal:
        return orjson.dumps({"refusal": packed(str(refusal))})


def _confine() -> None:
    """Give this process an end, whatever it is fed."""
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _confine()
    sys.stdout.buffer.write(main(sys.argv[1:], sys.stdin.buffer.read(MAX_BYTES)))

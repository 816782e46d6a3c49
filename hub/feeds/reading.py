"""A source, read in a process of its own: it may be big or crafted, and can be stopped.

`python -m hub.feeds.reading KIND` takes the file on its standard input and gives rows as JSON.
"""

from __future__ import annotations

import asyncio
import logging
import re
import resource
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import orjson

from hub.core.errors import Invalid, TooBig
from hub.core.words import filled, packed, unpacked
from hub.directory.schemas import FOLDERS
from hub.feeds import calendars, extracts, rows, spreadsheets
from hub.feeds.repeating import Window
from hub.feeds.rows import Row
from hub.maps.earth import Box

Kind = Literal["ics", "csv", "places", "organisations", "osm"]
How = Mapping[str, Any]

MAX_BYTES: Final = 10_000_000
MAX_EXTRACT_BYTES: Final = 20_000_000  # bytes: of a town of some 300,000
HEADINGS: Final = "headings"
MAX_SECONDS: Final = 120  # 5,000 events take about 15
MAX_MEMORY: Final = 1 << 30
ROOT: Final = Path(__file__).parents[2]  # where the package `hub` lies


def _listed(sort: str, data: bytes, timezone: str, window: Window, chosen: How | None) -> list[Row]:
    return spreadsheets.rows_of(data, timezone, window, sort, chosen)


def _extracted(data: bytes, _timezone: str, _window: Window, chosen: How | None) -> list[Row]:
    how = chosen or {}
    box = Box.read(how["box"]) if how.get("box") else None
    return extracts.rows_of(data, how.get("kinds") or extracts.USUAL, box)


Reader = Callable[[bytes, str, Window, How | None], list[Row]]
READERS: Final[dict[str, Reader]] = {
    "ics": lambda data, zone, window, _: calendars.rows_of(data, zone, window),
    "csv": lambda data, zone, window, chosen: spreadsheets.rows_of(
        data, zone, window, chosen=chosen
    ),
    **{folder: partial(_listed, sort) for folder, sort in FOLDERS.items()},
    "osm": _extracted,
}
log = logging.getLogger(__name__)


def window_of(now: datetime, timezone: str, horizon: timedelta) -> Window:
    """From today's midnight on the hub's clock as far as the hub makes dates."""
    local = now.astimezone(ZoneInfo(timezone))
    today = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(now, today, now + horizon)


async def read(
    kind: str,
    data: bytes,
    timezone: str,
    window: Window,
    chosen: How | None = None,
) -> list[Row]:
    """The rows of a file; `chosen` says which column of a table holds what.

    Of an extract it says which `kinds` are wanted, and the `box` in which they lie.

    Raises:
        Invalid: it cannot be read, or is not what it should be.
        TooBig: it has more than 10 MB, an extract more than 20.
    """
    if kind not in READERS:
        raise Invalid(filled("“{kind}” cannot be imported; ics, csv and osm can.", kind=kind))
    moments = (window.now, window.today, window.until)
    columns = orjson.dumps(dict(chosen)).decode() if chosen is not None else ""
    answer = await _answer(
        *(data, kind, columns, timezone),
        *(moment.isoformat() for moment in moments),
        most=MAX_EXTRACT_BYTES if kind == "osm" else MAX_BYTES,
    )
    return rows.loads(answer)


async def headings(data: bytes) -> tuple[list[str], dict[str, int]]:
    """What stands over the columns of a table of the directory, and what each is taken for.

    Raises:
        Invalid: it cannot be read.
        TooBig: it has more than 10 MB.
    """
    heading, guessed = await _answer(data, HEADINGS)
    return heading, guessed


async def _answer(data: bytes, *command: str, most: int = MAX_BYTES) -> Any:
    """What a process of its own makes of a file.

    Raises:
        Invalid: it cannot be read.
        TooBig: it has more than `most` bytes.
    """
    if len(data) > most:
        raise TooBig(filled("This file has more than {most} MB.", most=most // 1_000_000))
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
        # Only where, and what sort of error: its words may be those of the file.
        where = re.findall(rb"line \d+, in \w+|^\w[\w.]*(?=:)", told, re.MULTILINE)[-2:]
        log.warning("reading a %s file ended in: %s", command[0], b" ".join(where).decode())
        raise Invalid("This file is damaged in a way that we cannot read.")
    answer = orjson.loads(out)
    if isinstance(answer, dict) and (refusal := answer.get("refusal")) is not None:
        raise Invalid(unpacked(refusal))
    return answer


def main(arguments: list[str], data: bytes) -> bytes:
    """What the process of its own answers."""
    try:
        if arguments == [HEADINGS]:
            return orjson.dumps(spreadsheets.headings(data))
        kind, columns, timezone, *moments = arguments
        window = Window(*(datetime.fromisoformat(moment) for moment in moments))
        chosen = orjson.loads(columns) if columns else None
        return rows.dumps(READERS[kind](data, timezone, window, chosen))
    except Invalid as refusal:
        return orjson.dumps({"refusal": packed(str(refusal))})


def _confine() -> None:
    """Give this process an end, whatever it is fed."""
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _confine()
    sys.stdout.buffer.write(main(sys.argv[1:], sys.stdin.buffer.read(MAX_EXTRACT_BYTES)))

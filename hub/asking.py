"""The command line's side of the command socket: ask a running hub, line by line.

SQLite has one writer, and the running hub is it: it holds `hub.lock` and listens on `hub.sock`,
both in the data folder and for their owner alone. One line of JSON in, lines of JSON out. This
file imports nothing of the hub, so that a command costs little where a hub is running.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LONGEST_LINE = 32 * 1024 * 1024  # an imported file of 10 MB, encoded, fits
Line = dict[str, Any]


@contextmanager
def address(data_dir: Path) -> Iterator[str]:
    """A short name for the socket: its real path may be longer than a socket's may be."""
    folder = os.open(data_dir, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/hub.sock"
    finally:
        os.close(folder)


async def ask(data_dir: Path, name: str, arguments: dict[str, Any]) -> AsyncIterator[Line]:
    """The lines of a command that the running hub carries out.

    Raises:
        ConnectionError: no hub is running in this folder.
    """
    if not (data_dir / "hub.sock").exists():
        raise ConnectionRefusedError
    with address(data_dir) as path:
        reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
    try:
        writer.write(json.dumps({"command": name, "arguments": arguments}).encode() + b"\n")
        await writer.drain()
        while line := await reader.readline():
            yield json.loads(line)
    finally:
        writer.close()

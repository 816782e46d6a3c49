"""How the command line speaks to a running hub, and does the work itself when none runs.

SQLite has one writer, and the running hub is it: it holds `hub.lock` and listens on `hub.sock`,
both in the data folder and for their owner alone. One line of JSON in, lines of JSON out.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from hub.commands import COMMANDS
from hub.core.errors import CommandFailed, HubError
from hub.core.services import Services

log = logging.getLogger(__name__)

LONGEST_LINE = 32 * 1024 * 1024  # an imported file of 10 MB, encoded, fits
Line = dict[str, Any]


@contextmanager
def lock(data_dir: Path) -> Iterator[None]:
    """Hold the data folder: no other hub may write to its database.

    Raises:
        CommandFailed: another one holds it.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "hub.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandFailed(
                f"A hub is running in {data_dir} already, or is just stopping."
            ) from None
        yield


@contextmanager
def _address(data_dir: Path) -> Iterator[str]:
    """A short name for the socket: its real path may be longer than a socket's may be."""
    folder = os.open(data_dir, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/hub.sock"
    finally:
        os.close(folder)


@asynccontextmanager
async def listening(services: Services) -> AsyncIterator[None]:
    """Take commands for as long as the block lasts; the caller holds the lock."""
    data_dir = services.settings.data_dir
    (data_dir / "hub.sock").unlink(missing_ok=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            async for line in run(services, request["command"], request["arguments"]):
                writer.write(json.dumps(line).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, KeyError):
            log.warning("a command was broken off")
        finally:
            writer.close()

    with _address(data_dir) as address:
        mask = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(serve, address, limit=LONGEST_LINE)
        finally:
            os.umask(mask)
    async with server:
        yield
    (data_dir / "hub.sock").unlink(missing_ok=True)


async def run(services: Services, name: str, arguments: dict[str, Any]) -> AsyncIterator[Line]:
    """The lines of a command; the last says whether it went well."""
    try:
        async for line in COMMANDS[name](services, **arguments):
            yield line
    except HubError as error:
        yield {"failed": str(error)}
    except Exception as error:
        # Whatever it was, the one who asked must not be left without an answer.
        log.exception("command %s failed", name)
        yield {"failed": f"{name} failed: {type(error).__name__}: {error}"}
    else:
        yield {"done": True}


async def ask(data_dir: Path, name: str, arguments: dict[str, Any]) -> AsyncIterator[Line]:
    """The lines of a command that the running hub carries out.

    Raises:
        ConnectionError: no hub is running in this folder.
    """
    if not (data_dir / "hub.sock").exists():
        raise ConnectionRefusedError
    with _address(data_dir) as address:
        reader, writer = await asyncio.open_unix_connection(address, limit=LONGEST_LINE)
    try:
        writer.write(json.dumps({"command": name, "arguments": arguments}).encode() + b"\n")
        await writer.drain()
        while line := await reader.readline():
            yield json.loads(line)
    finally:
        writer.close()

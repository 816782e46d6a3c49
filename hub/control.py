"""The hub's side of the command socket, and the lock on its data folder (see `asking`)."""

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

from hub.asking import LONGEST_LINE, Line, address
from hub.audit import log as audit
from hub.commands import BARE, COMMANDS
from hub.core.errors import CommandFailed, HubError
from hub.core.files import make_folder
from hub.core.services import Services
from hub.core.settings import Settings

log = logging.getLogger(__name__)


@contextmanager
def lock(data_dir: Path) -> Iterator[None]:
    """Hold the data folder: no other hub may write to its database.

    Raises:
        CommandFailed: another one holds it.
    """
    make_folder(data_dir)
    with (data_dir / "hub.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandFailed(
                f"A hub is running in {data_dir} already, or is just stopping."
            ) from None
        yield


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

    with address(data_dir) as path:
        mask = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(serve, path, limit=LONGEST_LINE)
        finally:
            os.umask(mask)
    async with server:
        yield
    (data_dir / "hub.sock").unlink(missing_ok=True)


async def run(
    services: Services | Settings, name: str, arguments: dict[str, Any]
) -> AsyncIterator[Line]:
    """The lines of a command; the last says whether it went well. A bare one needs no services."""
    audit.doing(None, "command")
    given = services.settings if name in BARE and isinstance(services, Services) else services
    try:
        async for line in COMMANDS[name](given, **arguments):
            yield line
    except HubError as error:
        yield {"failed": str(error)}
    except Exception as error:
        # Whatever it was, the one who asked must not be left without an answer.
        log.exception("command %s failed", name)
        yield {"failed": f"{name} failed: {type(error).__name__}: {error}"}
    else:
        yield {"done": True}

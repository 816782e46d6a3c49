"""Running a hub: web server, worker and command socket in one process, or apart."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import uvicorn

from hub import control, logs, memory
from hub.app import create_app
from hub.asking import Line
from hub.bootstrap import Hub, opened
from hub.commands import BARE
from hub.core.errors import CommandFailed
from hub.core.services import Services
from hub.core.settings import Settings
from hub.keeping import phrase, restoring, upgrading
from hub.keeping.archive import Manifest
from hub.keeping.restoring import Restored
from hub.people import service as people
from hub.web.deadlines import Deadlines
from hub.worker import Worker

log = logging.getLogger(__name__)

GRACE_S = 25  # how long requests may take to finish once the hub is told to stop (R18)
KEEP_ALIVE_S = 15  # how long an idle connection is kept (SECURITY B11)
MOST_CONNECTIONS = 1000


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run the hub on uvloop, the whole process; on asyncio's own loop where there is none."""
    if sys.platform == "win32":
        asyncio.run(work)
    else:
        import_module("uvloop").run(work)  # there is none for Windows


async def serve(settings: Settings, *, with_worker: bool) -> None:
    """Serve until told to stop.

    Raises:
        CommandFailed: another hub holds the data folder, or the settings do not fit it.
    """
    logs.configure(settings)
    await _find_free(settings)
    async with AsyncExitStack() as stack:
        if settings.database.startswith("sqlite"):
            if not with_worker:
                raise CommandFailed("SQLite has one process: --no-worker needs PostgreSQL.")
            stack.enter_context(control.lock(settings.data_dir))
        await upgrading.upgrade(settings)
        hub = await stack.enter_async_context(opened(settings))
        if hub.services.db.is_sqlite:
            await stack.enter_async_context(control.listening(hub.services))
        if with_worker:
            await stack.enter_async_context(Worker(hub.services, hub.handlers).running())
        await _welcome(hub)
        await _web(hub)


async def work(settings: Settings) -> None:
    """One more worker beside `hub serve`, on PostgreSQL.

    Raises:
        CommandFailed: the database is SQLite.
    """
    logs.configure(settings)
    if settings.database.startswith("sqlite"):
        raise CommandFailed("SQLite has one process: `hub work` needs PostgreSQL.")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with opened(settings) as hub, Worker(hub.services, hub.handlers).running():
        memory.settle()
        await stop.wait()


async def _find_free(settings: Settings) -> None:
    """Return when there is a place to listen at, before anything is made or printed.

    Raises:
        CommandFailed: there is none.
    """
    if settings.socket is not None:
        if not settings.socket.parent.is_dir():
            raise CommandFailed(f"There is no folder {settings.socket.parent} for the socket.")
        return
    place = f"port {settings.port} on {settings.host}"
    try:
        (await asyncio.start_server(_hang_up, settings.host, settings.port)).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandFailed(
                f"Another program uses {place} already. Choose another with HUB_PORT."
            ) from None
        raise CommandFailed(f"The hub cannot listen at {place}: {error}.") from None


def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _welcome(hub: Hub) -> None:
    """Say where the hub is; while it has no steward, print the link that makes one."""
    settings = hub.services.settings
    print(f"{settings.name} is at {settings.url}", flush=True)  # noqa: T201
    async with hub.services.db.write() as session:
        if await people.has_steward(session):
            return
        link = await people.make_link(session, settings.url, "steward")
    print("Open this link once to become its steward:", flush=True)  # noqa: T201
    print(f"  {link}", flush=True)  # noqa: T201


class _Server(uvicorn.Server):
    """A web server that tells who started it once it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        if self.started:
            _say_ready()


def _say_ready() -> None:
    """Tell systemd, if that started the hub, that it answers: `sd_notify(3)`."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        line.sendall(b"READY=1")


async def _web(hub: Hub) -> None:
    settings = hub.services.settings
    config = uvicorn.Config(
        create_app(hub),
        host=settings.host,
        port=settings.port,
        uds=str(settings.socket) if settings.socket else None,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        http=Deadlines,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        limit_concurrency=MOST_CONNECTIONS,
        server_header=False,
        access_log=False,
        lifespan="off",
        log_config=None,
    )
    memory.settle()
    server = _Server(config)
    # Once it has stopped, uvicorn raises the signal anew; that would end the process before the
    # worker has put its things in order.
    signal.signal(signal.SIGTERM, lambda *_: None)
    await server.serve()


async def migrate(settings: Settings, to: str) -> None:
    """Bring the tables to what this version needs, or back to those of migration `to`, if given.

    Raises:
        CommandFailed: they could not be saved or changed; or a hub is running here.
    """
    if not to:
        await upgrading.upgrade(settings)
        return
    with ExitStack() as stack:
        if settings.database.startswith("sqlite"):
            stack.enter_context(control.lock(settings.data_dir))
        await upgrading.take_back(settings, to)


async def alone(settings: Settings, command: str, arguments: dict[str, Any]) -> AsyncIterator[Line]:
    """The lines of a command, carried out here while no hub is running.

    Raises:
        CommandFailed: another process holds the data folder.
    """
    async with AsyncExitStack() as stack:
        if settings.database.startswith("sqlite"):
            stack.enter_context(control.lock(settings.data_dir))
        given: Services | Settings = settings
        if command not in BARE:
            await upgrading.upgrade(settings)
            given = (await stack.enter_async_context(opened(settings))).services
        async for line in control.run(given, command, arguments):
            yield line


async def restore(
    settings: Settings,
    path: Path,
    *,
    verify: bool,
    key_file: Path | None = None,
    phrase_file: Path | None = None,
    ask: Callable[[], str] | None = None,
) -> Restored:
    """Make the hub of a backup here; `verify`: only try it out where there is one already.

    `key_file` holds its master key, `phrase_file` its recovery phrase; `ask` asks for that.

    Raises:
        CommandFailed: it cannot be; or a hub is running here.
    """

    def key(manifest: Manifest) -> bytes:
        return phrase.master_key(
            manifest.recovery,
            settings.data_dir,
            key_file_given=key_file,
            phrase_file=phrase_file,
            ask=ask,
        )

    with ExitStack() as stack:
        if settings.database.startswith("sqlite") and await restoring.is_empty(settings.database):
            stack.enter_context(control.lock(settings.data_dir))
        return await restoring.restore(settings, path, key, only_try=verify)

"""The worker: three loops that look for work, do it, and sleep until the bell rings.

The same in one process with the web server (`hub serve`) and alone (`hub work`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from sqlalchemy import select

from federation.inbox import Inbox
from hub.core.clock import now
from hub.core.services import Services
from hub.fediverse.delivery import Carrier
from hub.fediverse.fanout import expand
from hub.fediverse.inbox import Processor
from hub.fediverse.models import InboxActivity, OutboxActivity, Peer
from hub.fediverse.received import Received
from hub.jobs.models import Job
from hub.jobs.queue import leaseholders, release
from hub.jobs.registry import known
from hub.jobs.running import Runner, run_due, start_timers

log = logging.getLogger(__name__)

PAUSE_S = 1.0  # how long work may go unnoticed when no bell rang (another process wrote it)
BREATH_S = 0.02  # after a bell: whoever rang it gets their answer first
FAREWELL_S = 5.0  # what is on its way when the hub stops may take this long; peers may be slow
TROUBLE_S = 2.0  # how long to wait after a round that failed, as when the database is away


def worker_name() -> str:
    """Who leases: this machine and process, so that a restart knows its own leases."""
    return f"{machine()}{os.getpid()}"


def machine() -> str:
    """The prefix of every worker's name on this machine."""
    return f"{socket.gethostname()}/"


class Worker:
    """Takes up what is due until it is stopped."""

    def __init__(self, services: Services, handlers: Inbox[Received]) -> None:
        self._services = services
        self._name = worker_name()
        self._processor = Processor(services, handlers, self._name)
        self._carrier = Carrier(services, self._name)
        self._runner = Runner(services, self._name)

    async def step(self) -> int:
        """One look at everything; how much was done. For tests and small commands."""
        done = await self._processor.process()
        await self._processor.settle()
        done += await expand(self._services)
        done += await self._carrier.send_due()
        await self._carrier.settle()
        return done + await run_due(self._services, self._name)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The loops, for as long as the block lasts; what is on its way then has a few seconds."""
        await self._take_over()
        await start_timers(self._services)
        loops = [
            asyncio.create_task(self._loop(self._take_in), name="inbox"),
            asyncio.create_task(self._loop(self._send_out), name="outbox"),
            asyncio.create_task(self._loop(self._do_jobs), name="jobs"),
        ]
        try:
            yield
        finally:
            for task in loops:
                task.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            self._processor.close()
            self._runner.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await self._carrier.settle()
            self._carrier.close()

    async def _take_over(self) -> None:
        """End the leases of workers of this machine that died; SQLite has never another one."""
        tables = (Job, InboxActivity, Peer)
        async with self._services.db.write() as session:
            names = await leaseholders(session, tables)
            dead = {each for each in names if self._services.db.is_sqlite or _is_dead(each)}
            await release(session, tables, dead)

    async def _take_in(self) -> int:
        if not await self._due(InboxActivity.id, InboxActivity.run_at):
            return 0
        return await self._processor.process()

    async def _send_out(self) -> int:
        done = 0
        unexpanded = OutboxActivity.expanded_at.is_(None)
        if await self._due(OutboxActivity.id, OutboxActivity.run_at, unexpanded):
            done += await expand(self._services)
        if await self._due(Peer.host, Peer.run_at):
            done += await self._carrier.send_due()
        return done

    async def _do_jobs(self) -> int:
        if not await self._due(Job.id, Job.run_at, known()):
            return 0
        return await self._runner.start_due()

    async def _due(self, key: object, run_at: object, *more: object) -> bool:
        """A look that takes no lock: an idle hub writes nothing."""
        due = run_at <= now()  # type: ignore[operator]
        async with self._services.db.read() as session:
            found = await session.scalar(select(key).where(due, *more).limit(1))  # type: ignore[call-overload]
        return found is not None

    async def _loop(self, step: Callable[[], Awaitable[int]]) -> None:
        with self._services.wake.listen() as bell:
            while True:
                bell.clear()
                try:
                    done = await step()
                except Exception:
                    # Whatever it was, the next round may be without it; a loop that ended would
                    # leave the hub answering, and doing nothing more until it is started again.
                    log.exception("a round of the worker failed")
                    await asyncio.sleep(TROUBLE_S)
                    continue
                if done == 0:
                    await _ring_or_timeout(bell)
                    await asyncio.sleep(BREATH_S)


def _is_dead(worker: str) -> bool:
    """Whether this worker ran on this machine and does no more; ours is a namesake, long gone."""
    if not worker.startswith(machine()):
        return False
    number = int(worker.removeprefix(machine()))
    if number == os.getpid():
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


async def _ring_or_timeout(bell: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(PAUSE_S):
            await bell.wait()
    except TimeoutError:
        return

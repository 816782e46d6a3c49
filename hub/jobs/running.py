"""Running jobs: a few at once, each by itself; what failed is put back."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from hub.core.clock import now
from hub.core.services import Services
from hub.jobs.models import Job
from hub.jobs.queue import claim, enqueue
from hub.jobs.registry import KINDS, JobKind, LeaseLost, Run, known

log = logging.getLogger(__name__)

TRIES = 5  # after that a job is given up and stays to be looked at (R14)
AT_ONCE = 10
OF_A_KIND = 4
FIRST_PAUSE = timedelta(seconds=30)


class Runner:
    """Runs what is due; one per worker process.

    A job that waits for a slow server holds up no other: at most AT_ONCE run beside each other,
    and at most OF_A_KIND of one kind, however many a stranger's mail asks for.
    """

    def __init__(self, services: Services, worker: str) -> None:
        self._services = services
        self._worker = worker
        self._running: dict[asyncio.Task[None], str] = {}

    async def start_due(self) -> int:
        """How many jobs were taken up; they go on beside the caller."""
        begun = 0
        while len(self._running) < AT_ONCE and (row := await self._claim()) is not None:
            task = asyncio.create_task(_run(self._services, row), name=row.name)
            self._running[task] = row.name
            task.add_done_callback(self._done)
            begun += 1
        return begun

    async def _claim(self) -> Job | None:
        counts = Counter(self._running.values())
        full = [name for name, count in counts.items() if count >= OF_A_KIND]
        async with self._services.db.write() as session:
            does = (known(), Job.name.not_in(full))
            rows = await claim(session, Job, self._worker, *does, limit=1)
        return rows[0] if rows else None

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            # The lease runs out by itself, and the job is tried again.
            log.error("a job was left", exc_info=error)
        self._services.wake.ring()

    async def settle(self) -> None:
        """Wait for everything that runs."""
        while self._running:
            await asyncio.wait(self._running)

    def close(self) -> None:
        """Leave what still runs; its leases end by themselves."""
        for task in self._running:
            task.cancel()


async def run_due(services: Services, worker: str) -> int:
    """How many due jobs were run to their end, well or badly, in one go."""
    runner = Runner(services, worker)
    begun = await runner.start_due()
    await runner.settle()
    return begun


async def start_timers(services: Services) -> None:
    """Make sure that every repeating job is asked for."""
    async with services.db.write() as session:
        for kind in KINDS.values():
            if kind.every is not None:
                await enqueue(session, kind, key=f"timer:{kind.name}")


async def _run(services: Services, row: Job) -> None:
    kind = KINDS[row.name]
    try:
        await kind.function(Run(services, row.id, row.fence), **row.arguments)
    except LeaseLost:
        log.warning("job %s %s was taken over by another worker", row.id, row.name)
        return
    except Exception as error:
        # The one place that catches everything: a job must never stop the worker.
        log.exception("job %s %s failed", row.id, row.name)
        await _put_back(services, row, f"{type(error).__name__}: {error}")
    await _again(services, kind)


async def _put_back(services: Services, row: Job, reason: str) -> None:
    attempts = row.attempts + 1
    given_up = attempts >= TRIES
    async with services.db.write() as session:
        await session.execute(
            update(Job)
            .where(Job.id == row.id, Job.fence == row.fence)
            .values(
                attempts=attempts,
                last_error=reason[:500],
                lease_until=None,
                leased_by=None,
                run_at=None if given_up else now() + FIRST_PAUSE * 4 ** (attempts - 1),
                failed_at=now() if given_up else None,
                key=None if given_up else row.key,
            )
        )


async def _again(services: Services, kind: JobKind[Any]) -> None:
    if kind.every is None:
        return
    async with services.db.write() as session:
        waiting = await session.scalar(select(Job.id).where(Job.key == f"timer:{kind.name}"))
        if waiting is None:
            await enqueue(session, kind, key=f"timer:{kind.name}", run_at=now() + kind.every)

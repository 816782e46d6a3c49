"""Running jobs: claim a batch, run each, put back what failed."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from hub.core.clock import now
from hub.core.services import Services
from hub.jobs.models import Job
from hub.jobs.queue import claim, enqueue
from hub.jobs.registry import KINDS, JobKind, LeaseLost, Run

log = logging.getLogger(__name__)

TRIES = 5  # after that a job is given up and stays to be looked at (R14)
FIRST_PAUSE = timedelta(seconds=30)


async def run_due(services: Services, worker: str, *, limit: int = 10) -> int:
    """How many due jobs were run, well or badly."""
    async with services.db.write() as session:
        jobs = await claim(session, Job, worker, limit=limit)
    for row in jobs:
        await _run(services, row)
    return len(jobs)


async def start_timers(services: Services) -> None:
    """Make sure that every repeating job is asked for."""
    async with services.db.write() as session:
        for kind in KINDS.values():
            if kind.every is not None:
                await enqueue(session, kind, key=f"timer:{kind.name}")


async def _run(services: Services, row: Job) -> None:
    kind = KINDS.get(row.name)
    try:
        if kind is None:
            raise LookupError(f"no job is called {row.name}")
        await kind.function(Run(services, row.id, row.fence), **row.arguments)
    except LeaseLost:
        log.warning("job %s %s was taken over by another worker", row.id, row.name)
        return
    except Exception as error:
        # The one place that catches everything: a job must never stop the worker.
        log.exception("job %s %s failed", row.id, row.name)
        await _put_back(services, row, f"{type(error).__name__}: {error}")
    if kind is not None and kind.every is not None:
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

"""What is kept for how long: one table of clocks, and the one job that lets go of what is over.

A room declares a clock where its rows are (`@clock`). Four times a day all of them run, one after
the other, in small transactions with pauses between; `docs/retention.md` is written from here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, select, tuple_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.services import Services
from hub.jobs.models import ClockRun, Job
from hub.jobs.registry import Run, job, known

log = logging.getLogger(__name__)

AT_ONCE: Final = 500  # rows that one transaction deletes, so that others can write between
PAUSE_S: Final = 0.05
EVERY: Final = timedelta(hours=6)
FAILED_FOR: Final = timedelta(days=30)
UNKNOWN_FOR: Final = timedelta(days=1)  # a newer version beside this one has done it by then

Forget = Callable[[Services], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Clock:
    """One rule: `what` is kept for `kept`, counted from `since`; `forget` says how many went."""

    name: str
    what: str
    kept: timedelta
    since: str
    forget: Forget


CLOCKS: dict[str, Clock] = {}


def clock(name: str, what: str, *, kept: timedelta, since: str) -> Callable[[Forget], Forget]:
    """Makes a clock of `async def f(services) -> int`; it may run at any time, and again.

    Raises:
        ValueError: the name is taken.
    """

    def register(function: Forget) -> Forget:
        if name in CLOCKS:
            raise ValueError(f"two clocks are called {name}")
        CLOCKS[name] = Clock(name, what, kept, since, function)
        return function

    return register


async def let_go(services: Services, table: type[Any], *conditions: ColumnElement[bool]) -> int:
    """Delete the rows that meet the conditions, a few at a time; how many they were."""
    keys = tuple_(*table.__mapper__.primary_key)
    some = select(*table.__mapper__.primary_key).where(*conditions).limit(AT_ONCE)
    statement = delete(table).where(keys.in_(some)).execution_options(synchronize_session=False)
    total = 0
    while True:
        async with services.db.write() as session:
            gone = int((await session.execute(statement)).rowcount)  # type: ignore[attr-defined]
        total += gone
        if gone < AT_ONCE:
            return total
        await asyncio.sleep(PAUSE_S)


@clock(
    "jobs.given_up",
    "work that failed five times, and what it was about",
    kept=FAILED_FOR,
    since="it was given up",
)
async def forget_failed(services: Services) -> int:
    """Work that a steward could look at for long enough."""
    return await let_go(services, Job, Job.failed_at < now() - FAILED_FOR)


@clock(
    "jobs.unknown",
    "work that an older version asked for, and this one does not know",
    kept=UNKNOWN_FOR,
    since="it was due",
)
async def forget_unknown(services: Services) -> int:
    """Work whose name is gone, such as timers of before an upgrade."""
    over = (~known(), Job.run_at < now() - UNKNOWN_FOR)
    async with services.db.read() as session:
        names = (await session.scalars(select(Job.name).where(*over).distinct())).all()
    if not names:
        return 0
    log.info("dropped what this version does not know: %s", ", ".join(sorted(names)))
    return await let_go(services, Job, *over)


@job("retention.forget", every=EVERY)
async def forget(run: Run) -> None:
    """Run every clock; one that fails holds up no other, and is seen on Today.

    The job is done before it begins: all of them may take longer than a lease.
    """
    async with run.finish():
        pass
    for each in CLOCKS.values():
        try:
            gone = await each.forget(run.services)
        except SQLAlchemyError:
            log.exception("%s was not cleared", each.name)
            continue
        async with run.services.db.write() as session:
            values = {"name": each.name, "ran_at": now(), "gone": gone}
            statement = insert_for(session, ClockRun).values(values)
            await session.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_=values)
            )


async def last_run(session: AsyncSession) -> datetime | None:
    """When every clock had last run; None while one of them never did."""
    query = select(func.count(), func.min(ClockRun.ran_at)).where(ClockRun.name.in_(CLOCKS))
    count, oldest = (await session.execute(query)).one()
    return oldest if count == len(CLOCKS) else None

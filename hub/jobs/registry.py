"""Functions that run later, by name.

A job's function does its slow work first, and ends with `async with run.finish() as session`:
what it writes there and the disappearance of its row are one transaction. It may run twice (a
crash between the two), so it must be able to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, ParamSpec

from sqlalchemy import ColumnElement, delete
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.errors import HubError
from hub.core.services import Services
from hub.jobs.models import Job

P = ParamSpec("P")


class LeaseLost(HubError):
    """Another worker took the job over; what this one did is undone."""


@dataclass(frozen=True)
class Run:
    """One run of one job."""

    services: Services
    id: int
    fence: int

    @asynccontextmanager
    async def finish(self) -> AsyncIterator[AsyncSession]:
        """The last transaction of a job.

        Raises:
            LeaseLost: another worker holds the job by now; nothing is kept.
        """
        async with self.services.db.write() as session:
            gone = await session.execute(
                delete(Job).where(Job.id == self.id, Job.fence == self.fence).returning(Job.id)
            )
            if gone.scalar_one_or_none() is None:
                raise LeaseLost(f"job {self.id} was taken over")
            yield session


@dataclass(frozen=True)
class JobKind(Generic[P]):
    """A function that can be enqueued; `every` makes it start again by itself."""

    name: str
    function: Callable[..., Awaitable[None]]
    every: timedelta | None = None


KINDS: dict[str, JobKind[Any]] = {}


def known() -> ColumnElement[bool]:
    """Of rows of `job`, those that this version can do; a newer one beside it may do the rest."""
    return Job.name.in_(sorted(KINDS))


def job(
    name: str, *, every: timedelta | None = None
) -> Callable[[Callable[..., Awaitable[None]]], JobKind[Any]]:
    """Makes a job of `async def f(run: Run, **arguments)`; arguments must be JSON.

    Raises:
        ValueError: the name is taken.
    """

    def register(function: Callable[..., Awaitable[None]]) -> JobKind[Any]:
        if name in KINDS:
            raise ValueError(f"two jobs are called {name}")
        KINDS[name] = JobKind(name, function, every)
        return KINDS[name]

    return register

"""Housekeeping: what ran out is forgotten."""

from __future__ import annotations

from datetime import timedelta

from hub.jobs.registry import Run, job
from hub.people import service


@job("people.forget_old", every=timedelta(hours=6))
async def forget_old(run: Run) -> None:
    """Sessions, links and kept answers that ran out are deleted."""
    async with run.finish() as session:
        await service.forget_old(session)

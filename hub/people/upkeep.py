"""Housekeeping: what ran out is forgotten."""

from __future__ import annotations

from datetime import timedelta

from hub.jobs.registry import Run, job
from hub.people import begun, mastodon, notices, searches, sendings, service, submissions


@job("people.forget_old", every=timedelta(hours=6))
async def forget_old(run: Run) -> None:
    """Sessions, links, kept answers, drafts, old notices and what was begun are deleted."""
    async with run.finish() as session:
        await service.forget_old(session)
        await submissions.forget_old(session)
        await notices.forget_old(session)
        await begun.forget_old(session)
        await mastodon.forget_old(session)
        await searches.forget_old(session)
        await sendings.forget_old(session)

"""What is kept of decisions, and for how long; the log itself stays."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.services import Services
from hub.entries import publishing
from hub.entries.models import TYPES, Entry, Report
from hub.jobs.retention import clock, let_go
from hub.moderation.models import Appeal, Decided, Decision, Question

KEPT: Final = timedelta(days=30)  # in which a decision can be appealed against, or undone
ASKED: Final = timedelta(days=90)


@clock(
    "moderation.decided",
    "what was taken down, reports of it with who reported, and appeals",
    kept=KEPT,
    since="a moderator decided",
)
async def forget_decided(services: Services) -> int:
    """What was taken down long ago goes for good, and who reported it."""
    async with services.db.write() as session:
        return await _forget(session, services, now() - KEPT)


@clock(
    "moderation.questions",
    "what moderators asked authors, and the answers",
    kept=ASKED,
    since="it was asked",
)
async def forget_questions(services: Services) -> int:
    """What was asked long ago."""
    return await let_go(services, Question, Question.asked_at <= now() - ASKED)


async def _forget(session: AsyncSession, services: Services, before: datetime) -> int:
    waits = exists().where(
        Appeal.decision_id == Decided.decision_id,
        Appeal.asked_at.is_not(None),
        Appeal.decided_at.is_(None),
    )
    old = (
        select(Decided.id)
        .join(Decision, Decision.id == Decided.decision_id)
        .where(Decision.at < before, ~waits)
    )
    entries = (
        select(Entry)
        .join(Decided, Decided.thing_id == Entry.id)
        .where(Decided.id.in_(old), Entry.hidden_at.is_not(None), Entry.deleted_at.is_(None))
        .where(Entry.origin == "")
    )
    for entry in (await session.scalars(entries)).all():
        await publishing.bury(session, services, entry, TYPES[entry.kind])
    await session.execute(delete(Report).where(Report.decided_at < before))
    ended = (
        Appeal.created_at < before,
        ~(Appeal.asked_at.is_not(None) & Appeal.decided_at.is_(None)),
    )
    await session.execute(delete(Appeal).where(*ended))
    gone = await session.scalars(delete(Decided).where(Decided.id.in_(old)).returning(Decided.id))
    return len(gone.all())

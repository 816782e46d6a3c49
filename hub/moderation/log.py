"""The log of decisions: only ever added to, each row bound to the one before (SECURITY G7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hub.audit import chain
from hub.audit import log as audit
from hub.core.clock import now
from hub.core.errors import NotFound
from hub.moderation.models import Decision

HEAD: Final = "moderation log"  # the digest of the newest row
PER_PAGE: Final = 50


async def turn(session: AsyncSession) -> str:
    """Wait until nobody else decides: there is one line after each, and nothing decided twice."""
    return await chain.turn(session, HEAD)


async def append(
    session: AsyncSession,
    *,
    by: UUID | None,
    deed: str,
    kind: str,
    host: str = "",
    rule: str = "",
    note: str = "",
    count: int = 1,
    undoes_id: int | None = None,
    at: datetime | None = None,
) -> Decision:
    """One more line, which nobody can take away unseen; `at` is when it began, None means now."""
    previous = await turn(session)
    row = Decision(
        at=(at or now()).replace(microsecond=0),
        by_id=by,
        deed=deed,
        kind=kind,
        host=host,
        rule=rule,
        note=note,
        count=count,
        undoes_id=undoes_id,
        previous=previous,
    )
    row.digest = _digest(row)
    await chain.close(session, HEAD, row.digest)
    session.add(row)
    await session.flush()
    await audit.note(session, "decision", row.id, outcome=deed, kind=kind, count=count)
    return row


def _digest(row: Decision) -> str:
    said = (row.previous, row.at.timestamp(), row.by_id and str(row.by_id), row.deed, row.kind)
    more = (row.host, row.rule, row.note, row.count, row.undoes_id)
    return chain.digest(*said, *more)


async def is_whole(session: AsyncSession) -> bool:
    """Whether no line was changed or taken away."""
    before = ""
    async for row in await session.stream_scalars(select(Decision).order_by(Decision.id)):
        if row.previous != before or row.digest != _digest(row):
            return False
        before = row.digest
    return before == await chain.head(session, HEAD)


async def by_id(session: AsyncSession, decision_id: int) -> Decision:
    """One line.

    Raises:
        NotFound: there is none.
    """
    row = await session.get(Decision, decision_id)
    if row is None:
        raise NotFound("There is no such decision.")
    return row


async def listed(session: AsyncSession, before: int | None = None) -> Sequence[Decision]:
    """The lines before this one, the newest first; one more than a page has."""
    query = select(Decision).order_by(Decision.id.desc()).limit(PER_PAGE + 1)
    return (await session.scalars(query.where(Decision.id < before) if before else query)).all()


async def undone(session: AsyncSession, ids: Sequence[int]) -> set[int]:
    """Which of these were taken back."""
    query = select(Decision.undoes_id).where(Decision.undoes_id.in_(ids))
    return {found for found in await session.scalars(query) if found is not None}


async def is_undone(session: AsyncSession, decision_id: int) -> bool:
    """Whether it was taken back."""
    later = aliased(Decision)
    return bool(await session.scalar(select(exists().where(later.undoes_id == decision_id))))

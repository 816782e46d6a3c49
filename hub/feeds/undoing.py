"""Taking a whole import back: what it added goes, what it changed is again what it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hub.audit import log as audit
from hub.core.clock import now
from hub.core.errors import Conflict, NotFound
from hub.core.services import Services
from hub.events.models import Series
from hub.feeds import series, things
from hub.feeds.models import Import, ImportChange, ImportedItem
from hub.feeds.taking import UNDONE

BATCH: Final = 10  # things in one transaction; each may be a series of fifty dates


async def lines(services: Services, number: str) -> AsyncIterator[dict[str, Any]]:
    """Take an import back, as lines of a command.

    Raises:
        NotFound: there is no such import.
        Conflict: it was taken back already.
    """
    import_id, changes = await _begin(services, number)
    removed = restored = kept = 0
    for at in range(0, len(changes), BATCH):
        async with services.db.write() as session:
            for change_id in changes[at : at + BATCH]:
                change = await session.get_one(ImportChange, change_id)
                done = await _undo(session, services, change)
                removed += done and change.before is None
                restored += done and change.before is not None
                kept += not done
        services.wake.ring()
        yield {"text": f"{min(at + BATCH, len(changes))} of {len(changes)} taken back."}
    async with services.db.write() as session:
        (await session.get_one(Import, import_id)).undone_at = now()
        await audit.note(session, "import undone", import_id, removed=removed, restored=restored)
    told = f"{removed} removed, {restored} set back to what they were."
    if kept:
        told += f" {kept} were changed or removed since; they were left alone."
    yield {"row": {"removed": removed, "restored": restored, "kept": kept}, "text": told}


async def _begin(services: Services, number: str) -> tuple[UUID, list[UUID]]:
    """The import, and its changes, the last first."""
    try:
        import_id = UUID(number.strip())
    except ValueError:
        raise NotFound(
            f"“{number[:80]}” is not the id of an import; the import itself says it."
        ) from None
    async with services.db.read() as session:
        row = await session.get(Import, import_id)
        if row is None:
            raise NotFound("There was no import with this id.")
        if row.undone_at is not None:
            raise Conflict(f"This import was taken back on {row.undone_at:%Y-%m-%d} already.")
        query = select(ImportChange.id).where(ImportChange.import_id == import_id)
        return import_id, list(await session.scalars(query))


async def _undo(session: AsyncSession, services: Services, change: ImportChange) -> bool:
    """Take one change back; False where something else happened to the entry since."""
    item = await session.get_one(ImportedItem, change.item_id)
    if item.fingerprint == UNDONE:
        return False
    if change.before is None:
        done = await _remove(session, services, change.entry_id, item.series_id)
        item.fingerprint = UNDONE
        return done
    if await _changed_later(session, change):
        return False
    item.fingerprint = change.fingerprint_before or UNDONE
    return await _restore(session, services, change, item.series_id)


async def _changed_later(session: AsyncSession, change: ImportChange) -> bool:
    """Whether a later import, which still stands, changed the same thing."""
    this, later = aliased(Import), aliased(Import)
    query = (
        select(ImportChange.id)
        .join(later, later.id == ImportChange.import_id)
        .join(this, this.id == change.import_id)
        .where(
            ImportChange.item_id == change.item_id,
            later.undone_at.is_(None),
            later.started_at > this.started_at,
        )
    )
    return await session.scalar(query.limit(1)) is not None


async def _remove(
    session: AsyncSession, services: Services, entry_id: UUID, series_id: UUID | None
) -> bool:
    """Withdraw what an import added."""
    if series_id is not None:
        await series.withdraw(session, services, await session.get_one(Series, series_id))
        return True
    thing = await things.by_id(session, entry_id)
    if thing is not None:
        await things.withdraw(session, services, thing)
    return thing is not None


async def _restore(
    session: AsyncSession, services: Services, change: ImportChange, series_id: UUID | None
) -> bool:
    """Give back what an import changed."""
    if change.before is None:
        return False
    if series_id is not None:
        whole = await session.get_one(Series, series_id)
        plan = series.plan_from(change.before)
        await series.revise(session, services, whole, plan, tell=bool(whole.draft["tell"]))
        return True
    thing = await things.by_id(session, change.entry_id)
    if thing is None:
        return False
    draft = things.changed(thing, change.before, services.settings.timezone)
    if draft is not None:
        told = thing.published_at is not None
        await things.revise(session, services, thing, draft, tell=told)
    return True

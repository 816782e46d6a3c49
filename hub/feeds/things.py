"""Events, offers, wants, places and organisations, as an import handles them: alike."""

from __future__ import annotations

from typing import Any, Final, cast
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.services import Services
from hub.directory import schemas as directory
from hub.directory import service as record_service
from hub.directory.models import Record
from hub.directory.queries import ROWS
from hub.directory.schemas import RecordDraft, Sort
from hub.entries import queries as entries
from hub.entries.models import Entry
from hub.events import schemas as events
from hub.events import service as event_service
from hub.events.models import Event
from hub.events.schemas import EventDraft
from hub.exchange import schemas as listings
from hub.exchange import service as listing_service
from hub.exchange.models import Listing
from hub.exchange.schemas import ListingDraft, Side
from hub.feeds.rows import Members

Draft = EventDraft | ListingDraft | RecordDraft
Thing = Event | Listing | Record
TABLES: Final[dict[str, type[Event | Listing | Record]]] = {
    "event": Event,
    **dict.fromkeys(ROWS, Record),
}


def draft_of(kind: str, members: Members, timezone: str) -> Draft:
    """The draft that the members of a row make.

    Raises:
        Invalid: something in it does not make sense.
    """
    if kind == "event":
        # A calendar does not say how people come along; where it is kept they may have to sign up.
        return events.event_draft({"joining": "external", **members}, timezone=timezone)
    if kind in ROWS:
        return directory.record_draft(members, timezone=timezone)
    return listings.listing_draft(members, timezone=timezone)


def members_of(thing: Thing) -> Members:
    """What a thing is now, as members that JSON can keep."""
    if isinstance(thing, Event):
        of = events.members_of(thing)
    elif isinstance(thing, Record):
        of = directory.members_of(thing)
    else:
        of = listings.members_of(thing)
    return cast(dict[str, Any], orjson.loads(orjson.dumps(of)))


def changed(thing: Thing, members: Members, timezone: str) -> Draft | None:
    """The draft of a thing with these members changed; None if that changes nothing.

    What a source does not say, such as a picture that was added here, stays.

    Raises:
        Invalid: something in it does not make sense.
    """
    now = members_of(thing)
    given = {name: value for name, value in members.items() if name != "recurrence"}
    wanted = draft_of(thing.kind, {**now, **given}, timezone)
    return None if wanted == draft_of(thing.kind, now, timezone) else wanted


async def by_id(session: AsyncSession, entry_id: UUID) -> Thing | None:
    """A thing with all that writing needs; None if it was deleted."""
    kind = await session.scalar(
        select(Entry.kind).where(Entry.id == entry_id, Entry.deleted_at.is_(None))
    )
    if kind is None:
        return None
    row = TABLES.get(kind, Listing)
    query = select(row).where(row.id == entry_id)
    found = await session.scalar(query.options(*entries.whole(row)))
    return cast(Thing | None, found)


async def publish(
    session: AsyncSession,
    services: Services,
    kind: str,
    draft: Draft,
    *,
    owner: UUID | None,
    tell: bool,
) -> Thing:
    """Make a thing of a draft.

    Raises:
        Invalid: its time is over.
    """
    if isinstance(draft, EventDraft):
        return await event_service.publish(session, services, draft, owner=owner, tell=tell)
    if isinstance(draft, RecordDraft):
        sort = cast(Sort, kind)
        return await record_service.publish(session, services, sort, draft, owner=owner, tell=tell)
    side = cast(Side, kind)
    return await listing_service.publish(session, services, side, draft, owner=owner, tell=tell)


async def revise(
    session: AsyncSession, services: Services, thing: Thing, draft: Draft, *, tell: bool
) -> None:
    """Let a thing be what a draft says.

    Raises:
        Invalid: it would hide what is public.
    """
    if isinstance(thing, Event) and isinstance(draft, EventDraft):
        await event_service.revise(session, services, thing, draft, tell=tell)
    elif isinstance(thing, Record) and isinstance(draft, RecordDraft):
        await record_service.revise(session, services, thing, draft, tell=tell)
    elif isinstance(thing, Listing) and isinstance(draft, ListingDraft):
        await listing_service.revise(session, services, thing, draft, tell=tell)


async def withdraw(session: AsyncSession, services: Services, thing: Thing) -> None:
    """Take a thing back; everyone who has it is told."""
    if isinstance(thing, Event):
        await event_service.withdraw(session, services, thing)
    elif isinstance(thing, Record):
        await record_service.withdraw(session, services, thing)
    else:
        await listing_service.withdraw(session, services, thing)

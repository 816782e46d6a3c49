"""What is done with places and organisations: publish, revise, check, withdraw, and receive."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from federation.vocab.base import Place as PlaceDocument
from hub.core.clock import now
from hub.core.services import Services
from hub.directory import activitypub
from hub.directory.activitypub import Thing
from hub.directory.models import Record
from hub.directory.queries import ROWS
from hub.directory.schemas import RecordDraft, Sort
from hub.entries import merging, publishing, receiving, writing
from hub.fediverse.received import Received

LISTED: Final = "listed"


async def publish(
    session: AsyncSession,
    services: Services,
    sort: Sort,
    draft: RecordDraft,
    *,
    owner: UUID | None = None,
    tell: bool = True,
) -> Record:
    """Make a place or an organisation of a draft, and tell the followers of `@places`.

    The draft's picture must be here already (`writing.with_picture`).

    Raises:
        Invalid: there is no such picture.
    """
    record = ROWS[sort](status=LISTED)
    author = await publishing.author_for(session, sort)
    writing.begin(services, record, author, owner)
    await writing.fill(session, services.settings, record, draft)
    _write(record, draft)
    thing = activitypub.to_object(record, services.settings.url)
    await publishing.publish(session, services, record, thing, tell=tell)
    return record


async def revise(
    session: AsyncSession,
    services: Services,
    record: Record,
    draft: RecordDraft,
    *,
    tell: bool = True,
) -> None:
    """Let a record be what the draft says, which is thereby checked.

    Raises:
        Invalid: it would hide what is public, or there is no such picture.
    """
    writing.refuse_hiding(record, draft)
    await writing.fill(session, services.settings, record, draft)
    _write(record, draft)
    await _say(session, services, record, tell=tell)


async def confirm(session: AsyncSession, services: Services, record: Record) -> None:
    """Somebody made sure that all of it is still true; those who have it hear when."""
    record.happens_at = record.updated_at = now()
    record.asked_digest = None
    await _say(session, services, record, tell=record.published_at is not None)


async def withdraw(
    session: AsyncSession, services: Services, record: Record, *, tell: bool = True
) -> None:
    """Take a record back, as if it had not been published; everyone who has it is told."""
    former = activitypub.former_type(record)
    await publishing.withdraw(session, services, record, former, tell=tell)


async def receive(received: Received, thing: Thing) -> Record | None:
    """Keep what another server says of a place or an organisation; None if we know as much.

    Raises:
        Unauthorised: it is not the author's to say, was deleted, or nobody here asked for it.
        MalformedDocument: it has no name, or is of another kind than before.
    """
    kind = ROWS["place" if isinstance(thing, PlaceDocument) else "organisation"]
    known: Record | None = await receiving.known(received, thing, kind)
    if known is not None and not receiving.is_newer(received, thing, known):
        return None
    draft = activitypub.from_object(thing, received.services.settings.timezone)
    record = known or kind(status=LISTED)
    await receiving.fill(received, thing, record, draft, activitypub.body_of(thing))
    _write(record, draft)
    if known is not None:
        await merging.consider(received.session, record)
    elif not await receiving.keep(received, record):
        return None
    return record


async def _say(session: AsyncSession, services: Services, record: Record, *, tell: bool) -> None:
    thing = activitypub.to_object(record, services.settings.url)
    await publishing.revise(session, services, record, thing, tell=tell)


def _write(record: Record, draft: RecordDraft) -> None:
    """What only records have; they were checked now, if the draft does not say when."""
    record.summary = draft.summary
    record.email, record.phone = draft.email, draft.phone
    record.website, record.links = draft.website, list(draft.links)
    record.opening_hours = draft.opening_hours
    record.access_facts = {name: fact.model_dump() for name, fact in draft.access_facts.items()}
    record.has, record.lacks = list(draft.has), list(draft.lacks)
    record.happens_at = min(draft.checked_at or record.updated_at, record.updated_at)
    writing.make_findable(record)

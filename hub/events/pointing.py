"""What an event says of the directory: at which place it is, and which organisation holds it."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.errors import Invalid
from hub.core.words import later
from hub.directory import queries as directory
from hub.directory.models import Record
from hub.directory.schemas import Sort
from hub.events.models import Event
from hub.events.schemas import EventDraft

LONGEST_PLACE: Final = 300


async def point(session: AsyncSession, event: Event, draft: EventDraft) -> None:
    """Let an event point to the directory; what was just chosen also says where and by whom it is.

    What is gone meanwhile is pointed to no more; the words stay.
    """
    place = await _record(session, "place", draft.place_id)
    if place is not None and (event.place_id != place.id or not draft.location):
        said = ", ".join(part for part in (place.title, place.place) if part)
        event.place = said[:LONGEST_PLACE]
        event.latitude, event.longitude = place.latitude, place.longitude
    organiser = await _record(session, "organisation", draft.organiser_id)
    event.organiser = draft.organiser
    if organiser is not None and (event.organiser_id != organiser.id or not draft.organiser):
        event.organiser = organiser.title
    event.place_id, event.place_uri = _ids(place)
    event.organiser_id, event.organiser_uri = _ids(organiser)


async def check(session: AsyncSession, draft: EventDraft, before: Event | None) -> None:
    """Return if what the draft newly points to is there.

    Raises:
        Invalid: there is no such place or organisation.
    """
    sorts: tuple[tuple[str, Sort], ...] = (
        ("place_id", "place"),
        ("organiser_id", "organisation"),
    )
    for member, sort in sorts:
        wanted = getattr(draft, member)
        if before is not None and wanted == getattr(before, member):
            continue
        if wanted is not None and await _record(session, sort, wanted) is None:
            told = later("there is nothing with this id in the directory")
            raise Invalid("This is not in the directory.", {member: told})


async def _record(session: AsyncSession, sort: Sort, record_id: UUID | None) -> Record | None:
    return None if record_id is None else await directory.linkable(session, sort, record_id)


def _ids(record: Record | None) -> tuple[UUID | None, str | None]:
    """Our id of a record, and the one that others know it by, if they do."""
    if record is None:
        return None, None
    return record.id, record.uri if record.visibility == "public" else None

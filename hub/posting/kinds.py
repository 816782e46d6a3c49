"""The one place that knows what kinds of things can be posted, for what treats them all alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.errors import NotFound
from hub.core.services import Services
from hub.entries import publishing
from hub.entries.models import TYPES, Entry, Picture
from hub.entries.queries import whole
from hub.entries.schemas import EntryDraft
from hub.events import forms as event_forms
from hub.events import schemas as event_schemas
from hub.events import service as event_service
from hub.events.models import Event
from hub.exchange import forms as listing_forms
from hub.exchange import schemas as listing_schemas
from hub.exchange import service as listing_service
from hub.exchange.models import Listing
from hub.exchange.schemas import Side
from hub.web.forms import Form

E = TypeVar("E", bound=Entry)


class Kind(ABC):
    """What is done with drafts and entries of one kind; `form` is where it is written."""

    form: str

    @abstractmethod
    def draft(self, form: Form, timezone: str, picture: Picture | None) -> EntryDraft:
        """The draft of a form.

        Raises:
            Invalid: it no longer makes sense, such as a day that is over.
        """

    @abstractmethod
    async def publish(
        self, session: AsyncSession, services: Services, draft: EntryDraft, owner: UUID | None
    ) -> Entry:
        """An entry of the draft, as `service.publish` of its feature makes it."""

    @abstractmethod
    async def show_to(
        self, session: AsyncSession, services: Services, entry_id: UUID, visibility: str
    ) -> None:
        """From now on the entry is for these people."""

    @abstractmethod
    async def withdraw(self, session: AsyncSession, services: Services, entry_id: UUID) -> None:
        """The entry is no more, here and elsewhere."""


class _Events(Kind):
    form = "/post/event"

    def draft(self, form: Form, timezone: str, picture: Picture | None) -> EntryDraft:
        # A series would stand for a year on the word of somebody whom nobody knows.
        made = event_forms.draft(form, timezone, picture)
        return made.model_copy(update={"recurrence": None})

    async def publish(
        self, session: AsyncSession, services: Services, draft: EntryDraft, owner: UUID | None
    ) -> Entry:
        made = cast("event_schemas.EventDraft", draft)
        return await event_service.publish(session, services, made, owner=owner)

    async def show_to(
        self, session: AsyncSession, services: Services, entry_id: UUID, visibility: str
    ) -> None:
        event = await self._one(session, entry_id)
        said = {**event_schemas.members_of(event), "visibility": visibility}
        draft = event_schemas.event_draft(said, timezone=event.timezone)
        await event_service.revise(session, services, event, draft)

    async def withdraw(self, session: AsyncSession, services: Services, entry_id: UUID) -> None:
        await event_service.withdraw(session, services, await self._one(session, entry_id))

    async def _one(self, session: AsyncSession, entry_id: UUID) -> Event:
        return await _whole(session, Event, entry_id)


class _Listings(Kind):
    def __init__(self, side: Side) -> None:
        self._side = side
        self.form = f"/post/{side}"

    def draft(self, form: Form, timezone: str, picture: Picture | None) -> EntryDraft:
        return listing_forms.draft(form, timezone, picture)

    async def publish(
        self, session: AsyncSession, services: Services, draft: EntryDraft, owner: UUID | None
    ) -> Entry:
        made = cast("listing_schemas.ListingDraft", draft)
        return await listing_service.publish(session, services, self._side, made, owner=owner)

    async def show_to(
        self, session: AsyncSession, services: Services, entry_id: UUID, visibility: str
    ) -> None:
        listing = await self._one(session, entry_id)
        said: dict[str, Any] = {**listing_schemas.members_of(listing), "visibility": visibility}
        draft = listing_schemas.listing_draft(said, timezone=services.settings.timezone)
        await listing_service.revise(session, services, listing, draft)

    async def withdraw(self, session: AsyncSession, services: Services, entry_id: UUID) -> None:
        await listing_service.withdraw(session, services, await self._one(session, entry_id))

    async def _one(self, session: AsyncSession, entry_id: UUID) -> Listing:
        return await _whole(session, Listing, entry_id)


async def _whole(session: AsyncSession, kind: type[E], entry_id: UUID) -> E:
    """An entry to be changed, hidden or not, with what it is said with."""
    query = select(kind).where(kind.id == entry_id, kind.deleted_at.is_(None))
    found = await session.scalar(query.with_for_update().options(*whole(kind)))
    if found is None:
        raise NotFound("This is no longer on the board.")
    return found


KINDS: Final[dict[str, Kind]] = {
    "event": _Events(),
    "offer": _Listings("offer"),
    "want": _Listings("want"),
}


async def take_away(session: AsyncSession, services: Services, entry: Entry) -> None:
    """Take an entry of ours back, of whatever kind; everyone who has it is told."""
    if entry.kind in KINDS:
        await KINDS[entry.kind].withdraw(session, services, entry.id)
        return
    await session.refresh(entry, ["author"])
    await publishing.withdraw(session, services, entry, TYPES[entry.kind])

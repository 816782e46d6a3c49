"""Events for programs: `/api/v1/events`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from hub.core.db import AsyncSession
from hub.core.services import Services
from hub.entries import asking, writing
from hub.entries import queries as entries
from hub.entries.access import asked_for
from hub.entries.visibility import Viewer
from hub.events import queries, service, wording
from hub.events.models import Event
from hub.events.schemas import EventDraft, EventView, Seats, Status, event_draft, members_of
from hub.people import permissions
from hub.people.idempotency import once
from hub.web.bodies import api_router
from hub.web.doors import OPEN, Asking, Caller, Hub

router = api_router("/events", "events")
series = APIRouter(include_in_schema=False, dependencies=[OPEN])

Members = Annotated[
    dict[str, Any], Body(), WithJsonSchema(EventDraft.model_json_schema(mode="validation"))
]
Changes = Annotated[
    dict[str, Any],
    Body(description="Members to change; null empties one."),
    WithJsonSchema({**EventDraft.model_json_schema(mode="validation"), "required": []}),
]


class EventsAsked(asking.Asked):
    """The filters of the list of events."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    since: Annotated[asking.Moment | None, Field(alias="from")] = None
    until: Annotated[asking.Moment | None, Field(alias="to")] = None
    place: Annotated[str, Field(max_length=200, description="part of the location")] = ""
    status: Status | None = None
    access: Annotated[
        str,
        AfterValidator(asked_for),
        Field(description="facts about getting in that must be yes, with commas"),
    ] = ""


class EventPage(BaseModel):
    """A page of events; `next` is the cursor of the following one."""

    items: list[EventView]
    next: str | None


@router.get("", dependencies=[OPEN])
async def listed(
    request: Request,
    response: Response,
    hub: Hub,
    caller: Asking,
    asked: Annotated[EventsAsked, Query()],
) -> EventPage:
    """Events in the order in which they start; without `from`, those that are not over."""
    zone = hub.settings.zone
    async with hub.db.read() as session:
        found = await queries.listed(
            session,
            Viewer.of(caller),
            since=asking.moment_of(asked.since, zone),
            until=asking.moment_of(asked.until, zone, end=True),
            status=asked.status,
            access=asked.access,
            **asking.filters(asked, hub.settings, place=asked.place),
        )
        items = await views(session, hub, found.items)
    asking.link_next(request, response, found)
    return EventPage(items=items, next=found.next)


@router.post("", status_code=201, response_model=EventView, dependencies=[permissions.MEMBERS])
async def published(hub: Hub, caller: Asking, request: Request, members: Members) -> Response:
    """Publish an event."""
    permissions.require(caller, "post")
    draft = event_draft(members, timezone=hub.settings.timezone)
    draft = await writing.with_picture(hub, draft)
    async with once(hub, request, caller) as unit:
        if unit.new:
            event = await service.publish(unit.session, hub, draft, owner=caller.person_id)
            (view,) = await views(unit.session, hub, [event])
            unit.answer(view, location=f"{hub.settings.url}/api/v1/events/{event.id}")
    return unit.response


@router.get("/{event_id}", dependencies=[OPEN])
async def shown(event_id: UUID, hub: Hub, caller: Asking) -> EventView:
    """One event."""
    async with hub.db.read() as session:
        event = await queries.by_id(session, event_id, Viewer.of(caller))
        (view,) = await views(session, hub, [event])
    return view


@router.patch("/{event_id}", dependencies=[permissions.OWNING_MEMBERS])
async def revised(event_id: UUID, hub: Hub, caller: Asking, changes: Changes) -> EventView:
    """Change an event: what is not named stays. Of a series it changes this date alone.

    `recurrence: null` ends a series with this date.
    """
    permissions.require(caller, "post")
    async with hub.db.read() as session:
        draft = _merged(await _own(session, event_id, caller), changes)
    changes = await writing.with_its_picture(hub, changes, draft)
    async with hub.db.write() as session:
        event = await _own(session, event_id, caller)
        draft = _merged(event, changes)
        if draft != _merged(event, {}):  # what is sent again, its answer lost, is told once
            await service.revise(session, hub, event, draft)
        if "recurrence" in changes and not changes["recurrence"]:
            await service.stop(session, hub, event)
        (view,) = await views(session, hub, [event])
    return view


@router.post("/{event_id}/cancel", dependencies=[permissions.OWNING_MEMBERS])
async def cancelled(event_id: UUID, hub: Hub, caller: Asking) -> EventView:
    """Call an event off: it stays where it is, marked, and followers are told."""
    permissions.require(caller, "post")
    async with hub.db.write() as session:
        event = await _own(session, event_id, caller)
        await service.cancel(session, hub, event)
        (view,) = await views(session, hub, [event])
    return view


@router.delete("/{event_id}", status_code=204, dependencies=[permissions.OWNING_MEMBERS])
async def withdrawn(event_id: UUID, hub: Hub, caller: Asking) -> None:
    """Delete an event, here and wherever it was sent."""
    permissions.require(caller, "post")
    async with hub.db.write() as session:
        await service.withdraw(session, hub, await _own(session, event_id, caller))


@series.get("/series/{series_id}")
async def series_page(series_id: UUID, hub: Hub, caller: Asking) -> RedirectResponse:
    """A series has no page of its own: here is its next date."""
    async with hub.db.read() as session:
        event = await queries.next_date(session, series_id, Viewer.of(caller))
    return RedirectResponse(event.path, 302)


async def views(session: AsyncSession, hub: Services, events: Sequence[Event]) -> list[EventView]:
    """Events as the API shows them."""
    counts = await entries.counts(session, events)
    rules = await queries.rules(session, events)
    places = await queries.places(session, events)
    return [_view(event, counts[event.id], rules, places[event.id], hub) for event in events]


def _view(
    event: Event, counts: entries.Counts, rules: dict[UUID, str], places: Seats, hub: Services
) -> EventView:
    zone = ZoneInfo(event.timezone)
    ends = event.ends_at
    rule = rules.get(event.series_id) if event.series_id else None
    return EventView(
        **asking.shared_members(event, counts, hub.settings),
        summary=event.summary,
        starts_at=event.starts_at.astimezone(zone),
        ends_at=None if ends is None else ends.astimezone(zone),
        timezone=event.timezone,
        all_day=event.all_day,
        online_url=event.online_url,
        organiser=event.organiser,
        place_id=event.place_id,
        organiser_id=event.organiser_id,
        capacity=event.capacity,
        joining=event.joining,
        coming=places.coming,
        places_left=places.left,
        price=event.price,
        access=event.access,
        access_facts=event.access_facts,
        bring=event.bring,
        category=event.category,
        recurrence=rule,
        repeats=wording.words(rule, hub.settings.language) if rule else "",
        series_id=event.series_id,
    )


async def _own(session: AsyncSession, event_id: UUID, caller: Caller) -> Event:
    event = await queries.by_id(session, event_id, Viewer.of(caller))
    return permissions.changeable(caller, event)


def _merged(event: Event, changes: dict[str, Any]) -> EventDraft:
    return event_draft({**members_of(event), **changes}, timezone=event.timezone)

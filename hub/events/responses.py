"""Who comes to an event: for its organiser by program and by button, and for other servers."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from hub.core.db import AsyncSession
from hub.core.errors import NotFound
from hub.entries import asking
from hub.entries.paging import DEFAULT_LIMIT, CursorText, Limit
from hub.entries.visibility import ANYBODY, Viewer
from hub.events import activitypub, attendance, queries
from hub.events.models import Attendance, Event
from hub.events.schemas import ResponseChange, ResponseState, ResponseView
from hub.people import permissions
from hub.web.bodies import api_router
from hub.web.doors import OPEN, Asking, Caller, Hub
from hub.web.forms import parse_form, see_other
from hub.web.pages import activity

programs = api_router("/events/{event_id}/responses", "events", permissions.OWNING_MEMBERS)
router = APIRouter(include_in_schema=False)


class ResponsePage(BaseModel):
    """A page of those who want to come; `next` is the cursor of the following one."""

    items: list[ResponseView]
    next: str | None


@programs.get("")
async def listed(
    event_id: UUID,
    request: Request,
    response: Response,
    hub: Hub,
    caller: Asking,
    state: Annotated[ResponseState | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> ResponsePage:
    """Who wants to come, in the order in which they asked; for whoever may change the event."""
    permissions.require(caller, "post")
    async with hub.db.read() as session:
        event = await _own(session, event_id, caller)
        found = await queries.responses(session, event.id, state=state, limit=limit, cursor=cursor)
    asking.link_next(request, response, found)
    return ResponsePage(items=[_view(row) for row in found.items], next=found.next)


@programs.patch("/{response_id}")
async def answered(
    event_id: UUID, response_id: UUID, change: ResponseChange, hub: Hub, caller: Asking
) -> ResponseView:
    """Let somebody come, or refuse them, also afterwards; their server is told."""
    permissions.require(caller, "post")
    async with hub.db.write() as session:
        event = await _own(session, event_id, caller)
        row = await attendance.decide(session, hub, event, response_id, change.state)
    return _view(row)


@router.post(
    "/events/{event_id:uuid}/responses/{response_id:uuid}",
    dependencies=[permissions.OWNING_MEMBERS],
)
async def pressed(
    event_id: UUID, response_id: UUID, request: Request, hub: Hub, caller: Asking
) -> Response:
    """The button beside somebody who wants to come was pressed."""
    permissions.require(caller, "post")
    form = await parse_form(request)
    state = "accepted" if form.text("answer") == "accept" else "rejected"
    async with hub.db.write() as session:
        event = await _own(session, event_id, caller)
        await attendance.decide(session, hub, event, response_id, state)
    return see_other(f"{event.path}?said={state}#coming")


@router.get("/events/{event_id:uuid}/attendees", dependencies=[OPEN])
async def attendees(event_id: UUID, hub: Hub) -> Response:
    """How many come to an event of ours, for other servers; who, they are not told."""
    async with hub.db.read() as session:
        event = await queries.by_id(session, event_id, ANYBODY)
        places = (await queries.places(session, [event]))[event.id]
    document = activitypub.attendees(event, places)
    if document is None:
        raise NotFound("Nobody counts here who comes to this event.")
    return activity(document)


async def _own(session: AsyncSession, event_id: UUID, caller: Caller) -> Event:
    event = await queries.by_id(session, event_id, Viewer.of(caller))
    return permissions.changeable(caller, event)


def _view(row: Attendance) -> ResponseView:
    actor = row.actor
    return ResponseView(
        id=row.id,
        state=row.state,
        handle=actor.handle if actor else "",
        name=actor.display_name or actor.name if actor else row.name,
        uri=actor.uri if actor else "",
        url=actor.url or actor.uri if actor else "",
        email=row.email or "",
        people=row.people,
        brings=row.brings,
        message=row.message,
        asked_at=row.asked_at,
        answered_at=row.answered_at,
    )

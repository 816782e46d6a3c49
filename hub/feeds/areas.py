"""What a channel of an area passes on, to subscribe to without an account: calendar and feeds."""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi import APIRouter, Request, Response

from hub.areas import queries
from hub.core.clock import now
from hub.entries.paging import CursorText
from hub.events import queries as events
from hub.events.ical import calendar_of
from hub.events.models import Event
from hub.feeds.pages import CALENDAR, LOOK_BACK, MOST_EVENTS, PAGE, as_file
from hub.feeds.syndication import FORMATS, Feed
from hub.web.doors import OPEN, Hub

router = APIRouter(prefix="/region", include_in_schema=False, dependencies=[OPEN])

MOST: Final = 50  # things in a page of a feed


@router.api_route("/{name}.ics", methods=["GET", "HEAD"])
async def calendar(name: str, request: Request, hub: Hub) -> Response:
    """The events of a channel as a calendar: those to come, and of the last month."""
    found: list[Event] = []
    cursor: str | None = None
    async with hub.db.read() as session:
        area = await queries.by_name(session, name)
        while len(found) < MOST_EVENTS:
            page = await queries.calendar(
                session, area, now() - LOOK_BACK, limit=PAGE, cursor=cursor
            )
            found += page.items
            cursor = page.next
            if cursor is None:
                break
    title, home = area.actor.display_name, area.actor.url
    body = await asyncio.to_thread(calendar_of, found[:MOST_EVENTS], title, home)
    return as_file(request, body, CALENDAR)


@router.api_route("/{name}.rss", methods=["GET", "HEAD"])
@router.api_route("/{name}.json", methods=["GET", "HEAD"])
async def feed(name: str, request: Request, hub: Hub, cursor: CursorText = None) -> Response:
    """What a channel passes on, the newest first, for feed readers."""
    async with hub.db.read() as session:
        area = await queries.by_name(session, name)
        found = await queries.shown(session, area, limit=MOST, cursor=cursor)
        places = await events.places(
            session, [entry for entry in found.items if isinstance(entry, Event)]
        )
    content_type, write = FORMATS[request.url.path.rpartition(".")[2]]
    address = f"{hub.settings.url}{request.url.path}"
    made = Feed(
        title=area.actor.display_name,
        home=area.actor.url,
        url=address if cursor is None else f"{address}?cursor={cursor}",
        next_url=None if found.next is None else f"{address}?cursor={found.next}",
        items=found.items,
        settings=hub.settings,
        places=places,
    )
    return as_file(request, write(made), content_type)

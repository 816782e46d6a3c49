"""Events outside this hub's own pages: in a frame of another site, and on paper.

What leaves the house is public, whoever asks, and sets no cookie.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import AfterValidator

from hub.core.clock import now
from hub.core.services import Services
from hub.entries import access, asking
from hub.entries import forms as common
from hub.entries.visibility import ANYBODY, Viewer
from hub.events import agenda, queries
from hub.events.models import Event
from hub.events.pages import Wanted
from hub.web import headers
from hub.web.display import display_of
from hub.web.doors import OPEN, Asking, Hub
from hub.web.pages import language_of, render
from hub.web.qr import code

router = APIRouter(include_in_schema=False, dependencies=[OPEN])

MOST_IN_A_FRAME: Final = 20
MOST_ON_PAPER: Final = 200
FRESH: Final = "public, max-age=300"


def _week(value: str) -> str:
    """`2026-W49`, or a day in that week.

    Raises:
        ValueError: it is neither.
    """
    date.fromisoformat(value)
    if not re.fullmatch(r"\d{4}-(W\d{2}|\d{2}-\d{2})", value):
        raise ValueError("Must be a week such as 2026-W49, or a day")
    return value


class OnPaper(Wanted):
    """A week as a sheet, with the filters of the list."""

    week: Annotated[str, AfterValidator(_week)] = ""
    large: bool | None = None


@router.get("/events/embed")
async def embed(request: Request, hub: Hub) -> Response:
    """The next events, small, for a frame on any other site."""
    wanted = common.asked(request, Wanted)
    found = await _found(hub, wanted, MOST_IN_A_FRAME)
    page = render(
        request,
        "events/embed.html",
        events=found,
        home=hub.settings.url + common.address("/events", wanted.narrowing()),
    )
    page.headers.update(headers.FRAMED)
    page.headers["cache-control"] = FRESH
    page.headers["vary"] = "Accept-Language, Cookie"
    return page


@router.get("/events/print")
async def sheet(request: Request, hub: Hub) -> Response:
    """A week on A4, for hallways and fridges; `large`, or for whoever reads large, in 18 point."""
    wanted = common.asked(request, OnPaper)
    large = display_of(request).large if wanted.large is None else wanted.large
    language, zone = language_of(request), hub.settings.zone
    day = date.fromisoformat(wanted.week) if wanted.week else now().astimezone(zone).date()
    week = agenda.week(day, language)
    wanted = wanted.model_copy(update={"since": f"{week.start}", "until": f"{week.end}"})
    events = await _found(hub, wanted, MOST_ON_PAPER)
    agenda.hang(week, events)
    narrow = {**wanted.narrowing(), "from": "", "to": ""}
    size, other = ({"large": said} for said in (("1", "0") if large else ("0", "1")))
    home = hub.settings.url + common.address("/events", narrow)

    def at(start: date, **more: str) -> str:
        return common.address("/events/print", {**narrow, "week": f"{start}", **more})

    return render(
        request,
        "events/paper_week.html",
        week=week,
        large=large,
        signs={event.id: access.good(event.access_facts) for event in events},
        before=at(week.before, **size),
        after=at(week.after, **size),
        other_size=at(week.start, **other),
        as_list=common.address("/events", {**narrow, "from": week.start, "to": week.end}),
        home=home,
        qr=code(home),
    )


@router.get("/events/{event_id:uuid}/poster")
async def poster(event_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """One event on A4, with a code that leads to its page."""
    async with hub.db.read() as session:
        event = await queries.by_id(session, event_id, Viewer.of(caller))
    url = hub.settings.url + event.path
    facts = access.lines(event.access_facts)
    return render(request, "events/poster.html", event=event, facts=facts, url=url, qr=code(url))


async def _found(hub: Services, wanted: Wanted, most: int) -> list[Event]:
    """The public events of these filters, the next first."""
    zone = hub.settings.zone
    filters = asking.filters(wanted, hub.settings, place=wanted.place)
    filters["limit"], filters["cursor"] = most, None
    async with hub.db.read() as session:
        page = await queries.listed(
            session,
            ANYBODY,
            since=asking.moment_of(wanted.since, zone),
            until=asking.moment_of(wanted.until, zone, end=True),
            access=wanted.access,
            **filters,
        )
    return list(page.items)

"""Lists to subscribe to: calendars, RSS and JSON feeds, with the filters of the lists.

They are read by programs without a session, so they hold what is public, whoever asks. A program
may add parameters of its own to an address; those are passed over.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict, Field

from hub.core.clock import now
from hub.core.services import Services
from hub.directory import queries as directory
from hub.directory.api import RecordsAsked
from hub.directory.models import Record
from hub.directory.schemas import FOLDERS
from hub.entries import asking, finding
from hub.entries.asking import SearchAsked
from hub.entries.models import Entry
from hub.entries.paging import Listed
from hub.entries.queries import Filter
from hub.entries.visibility import ANYBODY, Viewer
from hub.events import queries as events
from hub.events.api import EventsAsked
from hub.events.ical import calendar_of, series_calendar
from hub.events.models import Event
from hub.events.schemas import Seats
from hub.exchange import queries as exchange
from hub.exchange.api import ListingsAsked
from hub.exchange.pages import SIDES
from hub.exchange.schemas import Side
from hub.feeds import tables
from hub.feeds.syndication import FORMATS, Feed
from hub.news import queries as news
from hub.web.doors import OPEN, Asking, Hub

MOST_EVENTS: Final = 500  # of a calendar; one with more is better narrowed by a filter
MOST_ROWS: Final = 5000  # of a table
PAGE: Final = 100
LOOK_BACK: Final = timedelta(days=31)  # calendars drop what is no longer in the file
FRESH: Final = "public, max-age=300"
CALENDAR: Final = "text/calendar; charset=utf-8"
UNCHANGED: Final = 304

router = APIRouter(include_in_schema=False, dependencies=[OPEN])


class FeedOfEvents(EventsAsked):
    """The filters of the list of events; what else stands in the address does not matter."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class FeedOfListings(ListingsAsked):
    """The filters of offers and wants; `side` is one of the two, and `show` as on their page."""

    model_config = ConfigDict(extra="ignore")

    side: Side | None = None
    show: Literal["all", "offers", "wants"] = "all"
    place: Annotated[str, Field(max_length=200)] = ""


class FeedOfNews(asking.Asked):
    """The filters of news."""

    model_config = ConfigDict(extra="ignore")

    place: Annotated[str, Field(max_length=200)] = ""


class FeedOfRecords(RecordsAsked):
    """The filters of places and organisations."""

    model_config = ConfigDict(extra="ignore")


class FeedOfSearch(SearchAsked):
    """The filters of a search."""

    model_config = ConfigDict(extra="ignore")


@router.api_route("/events.ics", methods=["GET", "HEAD"])
async def calendar(request: Request, hub: Hub, asked: Annotated[FeedOfEvents, Query()]) -> Response:
    """Public events as a calendar: those to come, and of the last month."""
    found: list[Event] = []
    cursor = asked.cursor
    while len(found) < MOST_EVENTS:
        wanted = asked.model_copy(update={"limit": PAGE, "cursor": cursor})
        page = await _events(hub, wanted, look_back=LOOK_BACK)
        found += page.items
        cursor = page.next
        if cursor is None:
            break
    home = _address(hub, "/events", asked)
    body = await asyncio.to_thread(calendar_of, found[:MOST_EVENTS], _title(hub, asked), home)
    return as_file(request, body, CALENDAR)


@router.api_route("/events/{event_id:uuid}.ics", methods=["GET", "HEAD"])
async def single(event_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """One event as a calendar file, for whoever may see its page."""
    async with hub.db.read() as session:
        event = await events.by_id(session, event_id, Viewer.of(caller))
    body = calendar_of([event], hub.settings.name, f"{hub.settings.url}{event.path}")
    answer = as_file(request, body, CALENDAR)
    answer.headers["content-disposition"] = 'attachment; filename="event.ics"'
    if event.visibility != "public":
        answer.headers["cache-control"] = "private, no-store"
    return answer


@router.api_route("/series/{series_id:uuid}.ics", methods=["GET", "HEAD"])
async def series(series_id: UUID, request: Request, hub: Hub) -> Response:
    """A public series as one repeating event, with the dates that are otherwise."""
    async with hub.db.read() as session:
        found, rows = await events.whole_series(session, series_id, ANYBODY)
    arguments = (found, rows, hub.settings.name, hub.settings.url)
    return as_file(request, await asyncio.to_thread(series_calendar, *arguments), CALENDAR)


@router.api_route("/events.rss", methods=["GET", "HEAD"])
@router.api_route("/events.json", methods=["GET", "HEAD"])
async def event_feed(
    request: Request, hub: Hub, asked: Annotated[FeedOfEvents, Query()]
) -> Response:
    """Public events to come, for feed readers."""
    page = await _events(hub, asked)
    async with hub.db.read() as session:
        places = await events.places(session, page.items)
    return _feed(request, hub, asked, page.items, page.next, places)


@router.api_route("/swap.rss", methods=["GET", "HEAD"])
@router.api_route("/swap.json", methods=["GET", "HEAD"])
async def listing_feed(
    request: Request, hub: Hub, asked: Annotated[FeedOfListings, Query()]
) -> Response:
    """Public offers and wants that are to be had, for feed readers."""
    async with hub.db.read() as session:
        page = await exchange.listed(
            session,
            ANYBODY,
            kind=asked.side or SIDES.get(asked.show),
            item_kind=asked.kind,
            mode=asked.mode,
            status=asked.status,
            **asking.filters(asked, hub.settings, place=asked.place),
        )
    return _feed(request, hub, asked, page.items, page.next)


@router.api_route("/news.rss", methods=["GET", "HEAD"])
@router.api_route("/news.json", methods=["GET", "HEAD"])
async def news_feed(request: Request, hub: Hub, asked: Annotated[FeedOfNews, Query()]) -> Response:
    """Public news."""
    filters = asking.filters(asked, hub.settings, place=asked.place)
    async with hub.db.read() as session:
        page = await news.listed(session, ANYBODY, **filters)
    return _feed(request, hub, asked, page.items, page.next)


@router.api_route("/places.rss", methods=["GET", "HEAD"])
@router.api_route("/places.json", methods=["GET", "HEAD"])
@router.api_route("/organisations.rss", methods=["GET", "HEAD"])
@router.api_route("/organisations.json", methods=["GET", "HEAD"])
async def record_feed(
    request: Request, hub: Hub, asked: Annotated[FeedOfRecords, Query()]
) -> Response:
    """Public places or organisations, those that were checked last first."""
    page = await _records(request, hub, asked)
    return _feed(request, hub, asked, page.items, page.next)


@router.api_route("/places.csv", methods=["GET", "HEAD"])
@router.api_route("/organisations.csv", methods=["GET", "HEAD"])
async def record_table(
    request: Request, hub: Hub, asked: Annotated[FeedOfRecords, Query()]
) -> Response:
    """Public places or organisations for a spreadsheet, as `hub import csv` takes them in."""
    found: list[Record] = []
    wanted = asked.model_copy(update={"limit": PAGE})
    while len(found) < MOST_ROWS:
        page = await _records(request, hub, wanted)
        found += page.items
        if page.next is None:
            break
        wanted = wanted.model_copy(update={"cursor": page.next})
    answer = as_file(request, tables.of_records(found, hub.settings.authority), tables.CSV)
    name = request.url.path.rpartition("/")[2]
    answer.headers["content-disposition"] = f'attachment; filename="{name}"'
    return answer


@router.api_route("/search.rss", methods=["GET", "HEAD"])
@router.api_route("/search.json", methods=["GET", "HEAD"])
async def search_feed(
    request: Request, hub: Hub, asked: Annotated[FeedOfSearch, Query()]
) -> Response:
    """Everything public that a search finds, the newest first: a search that somebody keeps."""
    moment = now()
    conditions = [finding.not_over(moment), events.first_of_its_kind(moment)]
    async with hub.db.read() as session:
        page = await finding.found(
            session,
            ANYBODY,
            Filter(**asking.filters(asked, hub.settings)),
            kind=asked.type,
            ranked=False,
            conditions=conditions if asked.when == "upcoming" else (),
        )
    return _feed(request, hub, asked, page.items, page.next)


@router.api_route("/search.ics", methods=["GET", "HEAD"])
async def search_calendar(
    request: Request, hub: Hub, asked: Annotated[FeedOfSearch, Query()]
) -> Response:
    """The events that a search finds, as a calendar."""
    given = asked.model_dump(exclude={"type", "when", "cursor", "limit"}, exclude_defaults=True)
    return await calendar(request, hub, FeedOfEvents(**given))


async def _records(request: Request, hub: Services, asked: RecordsAsked) -> Listed[Record]:
    """One page of public places or organisations, as the address says."""
    sort = FOLDERS[request.url.path.strip("/").partition(".")[0]]
    filters = asking.filters(asked, hub.settings, place=asked.place)
    async with hub.db.read() as session:
        return await directory.listed(
            session, sort, ANYBODY, needs=asked.needs(hub.settings), **filters
        )


async def _events(
    hub: Services, asked: EventsAsked, *, look_back: timedelta = timedelta(0)
) -> Listed[Event]:
    """One page of public events."""
    zone = hub.settings.zone
    async with hub.db.read() as session:
        return await events.listed(
            session,
            ANYBODY,
            since=asking.moment_of(asked.since, zone) or now() - look_back,
            until=asking.moment_of(asked.until, zone, end=True),
            status=asked.status,
            access=asked.access,
            **asking.filters(asked, hub.settings, place=asked.place),
        )


def _feed(
    request: Request,
    hub: Services,
    asked: asking.Asked,
    items: Sequence[Entry],
    cursor: str | None,
    places: Mapping[UUID, Seats] | None = None,
) -> Response:
    """A page of a list as the feed that the address names."""
    path, _, form = request.url.path.rpartition(".")
    content_type, write = FORMATS[form]
    following = None
    if cursor is not None:
        following = _address(hub, request.url.path, asked, cursor=cursor)
    feed = Feed(
        title=_title(hub, asked),
        home=_address(hub, path, asked),
        url=_address(hub, request.url.path, asked, cursor=asked.cursor),
        next_url=following,
        items=items,
        settings=hub.settings,
        places=places or {},
    )
    return as_file(request, write(feed), content_type)


def _address(hub: Services, path: str, asked: asking.Asked, *, cursor: str | None = None) -> str:
    """An address of this hub with the same filters."""
    given = asked.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    query = {name: value for name, value in given.items() if name != "cursor"}
    if cursor is not None:
        query["cursor"] = cursor
    return f"{hub.settings.url}{path}{'?' if query else ''}{urlencode(query)}"


def _title(hub: Services, asked: asking.Asked) -> str:
    """The hub's name, and the words that the list is narrowed by."""
    tag = f"#{asked.tag.lstrip('#')}" if asked.tag else ""
    return " · ".join(filter(None, (hub.settings.name, tag, asked.q)))


def as_file(request: Request, body: bytes, content_type: str) -> Response:
    """The file, or that it has not changed (RFC 9110 §13.1.2)."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": FRESH, "content-type": content_type}
    known = request.headers.get("if-none-match", "")
    if known == "*" or etag in {one.strip().removeprefix("W/") for one in known.split(",")}:
        return Response(status_code=UNCHANGED, headers=headers)
    return Response(body, headers=headers)

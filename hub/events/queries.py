"""Reading events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Unpack
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from hub.actors.models import Actor
from hub.core import text
from hub.core.clock import now
from hub.core.errors import NotFound
from hub.core.words import later
from hub.directory.models import Record
from hub.directory.queries import beside
from hub.entries import layers, merging, paging
from hub.entries import queries as entries
from hub.entries.layers import Layer
from hub.entries.models import Entry
from hub.entries.paging import Cursor, Listed
from hub.entries.queries import Filter, Filters
from hub.entries.visibility import Viewer, visible_to
from hub.events.models import Attendance, Event, Series
from hub.events.schemas import Seats, seats

MOST_MEETING: Final = 500  # events at one time that are compared by their places
MOST_CLASHES: Final = 10
MOST_AT_RECORD: Final = 6

ASKED: Final = "asked"
ACCEPTED: Final = "accepted"
REJECTED: Final = "rejected"
LEFT: Final = "left"
WAITING: Final = "waiting"
UNCONFIRMED: Final = "unconfirmed"
UNSEEN: Final = (LEFT, UNCONFIRMED)  # not for the organiser


async def by_id(session: AsyncSession, event_id: UUID, viewer: Viewer) -> Event:
    """One event, with its author and picture.

    Raises:
        NotFound: there is none that `viewer` may see.
        Gone: it was deleted.
    """
    return await entries.by_id(session, Event, event_id, viewer)


async def listed(
    session: AsyncSession,
    viewer: Viewer,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    status: str | None = None,
    authors: bool = True,
    access: str = "",
    **filters: Unpack[Filters],
) -> Listed[Event]:
    """Events that are not over at `since` (None: now) and start before `until`, the next first.

    `access` are facts about getting in, with commas, all of which must be yes.

    Raises:
        Invalid: the cursor is none of ours.
    """
    query = select(Event).where(*narrowed(since, until, status, access))
    others = [_lets_in(access, merging.OTHER)] if access else []
    return await entries.page(
        session, Event, query, Filter(**filters), viewer, authors=authors, others=others
    )


def _lets_in(facts: str, entry: Any) -> ColumnElement[bool]:
    return layers.saying_yes(Event.__table__, facts, entry)


@beside("events")
async def at_record(session: AsyncSession, record: Record, viewer: Viewer) -> Sequence[Event]:
    """The next events at a place, or of an organisation; of a series the next date."""
    column = Event.place_uri if record.kind == "place" else Event.organiser_uri
    chosen = Event.place_id if record.kind == "place" else Event.organiser_id
    query = select(Event).where(
        or_(column == record.uri, chosen == record.id),
        Event.relevant_until >= now(),
        first_of_its_kind(now()),
        visible_to(viewer),
    )
    query = query.order_by(Event.starts_at).options(selectinload(Event.picture))
    return (await session.scalars(query.limit(MOST_AT_RECORD))).all()


def narrowed(
    since: datetime | None = None,
    until: datetime | None = None,
    status: str | None = None,
    access: str = "",
) -> list[ColumnElement[bool]]:
    """What only lists of events can be asked for, as SQL over `Event`; see `listed`."""
    found = [Event.relevant_until >= (since or now())]
    if until is not None:
        found.append(Event.starts_at < until)
    if status is not None:
        found.append(Event.status == status)
    facts = filter(None, access.split(","))
    return found + [Event.access_facts[name]["state"].as_string() == "yes" for name in facts]


def first_of_its_kind(moment: datetime) -> ColumnElement[bool]:
    """Said of `Entry`: no earlier date of the same series, by the same name, is still to come."""
    # A query that has the event at hand lends it; in any other, SQL looks it up in here.
    mine, other = Event.__table__, Event.__table__.alias()
    earlier = Entry.__table__.alias()
    return ~exists().where(
        mine.c.id == Entry.id,
        other.c.series_id == mine.c.series_id,
        earlier.c.id == other.c.id,
        earlier.c.happens_at < Entry.happens_at,
        earlier.c.relevant_until > moment,
        earlier.c.title == Entry.title,
        earlier.c.visibility == Entry.visibility,
        earlier.c.deleted_at.is_(None),
        earlier.c.hidden_at.is_(None),
    )


layers.add(
    Layer(
        "event",
        later("Events"),
        "calendar-days",
        happens=True,
        current=lambda moment: [first_of_its_kind(moment)],
        access=_lets_in,
    )
)


async def clashes(
    session: AsyncSession,
    viewer: Viewer,
    place: str,
    spans: Sequence[tuple[datetime, datetime]],
    *,
    besides: Event | None = None,
) -> list[Event]:
    """The first events that are at the same place in one of these spans, as `viewer` may see them.

    `besides` and the other dates of its series stand in nobody's way.
    """
    if not place.strip() or not spans:
        return []
    meeting = [and_(Event.starts_at < end, Event.relevant_until > start) for start, end in spans]
    query = select(Event).where(or_(*meeting), Event.status != "cancelled", visible_to(viewer))
    if besides is not None:
        query = query.where(Event.id != besides.id)
        if besides.series_id is not None:
            query = query.where(Event.series_id.is_distinct_from(besides.series_id))
    query = query.order_by(Event.starts_at).limit(MOST_MEETING)
    found = await session.scalars(query.options(*entries.whole(Event)))
    there = [event for event in found if text.words(event.place) == text.words(place)]
    return there[:MOST_CLASHES]


async def rules(session: AsyncSession, events: Sequence[Event]) -> dict[UUID, str]:
    """The rule of each series that one of `events` belongs to and that goes on."""
    ids = {event.series_id for event in events if event.series_id is not None}
    if not ids:
        return {}
    query = select(Series.id, Series.rule).where(Series.id.in_(ids), Series.ended_at.is_(None))
    return dict((await session.execute(query)).all())


async def dates(
    session: AsyncSession, series_id: UUID, viewer: Viewer, *, limit: int = 12
) -> list[Event]:
    """The next dates of a series."""
    query = select(Event).where(
        Event.series_id == series_id, Event.relevant_until >= now(), visible_to(viewer)
    )
    return list(await session.scalars(query.order_by(Event.starts_at).limit(limit)))


async def whole_series(
    session: AsyncSession, series_id: UUID, viewer: Viewer
) -> tuple[Series, list[Event]]:
    """A series and all its dates, also deleted ones; what `viewer` may not see counts as deleted.

    Raises:
        NotFound: there is no such series, or nothing of it may be seen.
    """
    series = await session.get(Series, series_id)
    query = select(Event, visible_to(viewer)).where(Event.series_id == series_id)
    found = (await session.execute(query.order_by(Event.occurs_at))).all()
    if series is None or not any(seen for _, seen in found):
        raise NotFound("There is no such series of events.")
    for event, seen in found:
        if not seen and event.deleted_at is None:
            session.expunge(event)
            event.deleted_at = event.updated_at
    return series, [event for event, _ in found]


async def next_date(session: AsyncSession, series_id: UUID, viewer: Viewer) -> Event:
    """The next date of a series, or its last one.

    Raises:
        NotFound: there is no such series, or nothing of it may be seen.
    """
    coming = await dates(session, series_id, viewer, limit=1)
    if coming:
        return coming[0]
    query = select(Event).where(Event.series_id == series_id, visible_to(viewer))
    last = await session.scalar(query.order_by(Event.starts_at.desc()).limit(1))
    if last is None:
        raise NotFound("There is no such series of events.")
    return last


async def occurrences(session: AsyncSession, series_id: UUID) -> set[datetime]:
    """The starts that have a row already, whatever became of it."""
    query = select(Event.occurs_at).where(Event.series_id == series_id)
    return {moment for moment in await session.scalars(query) if moment is not None}


async def occurrence(session: AsyncSession, series_id: UUID, occurs_at: datetime) -> Event | None:
    """The date of a series that its rule put at `occurs_at`, wherever it is now."""
    query = select(Event).where(Event.series_id == series_id, Event.occurs_at == occurs_at)
    return await session.scalar(query.options(*entries.whole(Event)))


async def later_dates(session: AsyncSession, event: Event) -> list[Event]:
    """The dates of its series that come after an event."""
    query = select(Event).where(
        Event.series_id == event.series_id,
        Event.occurs_at > event.occurs_at,
        Event.deleted_at.is_(None),
    )
    return list(
        await session.scalars(query.order_by(Event.starts_at).options(*entries.whole(Event)))
    )


async def count_told(session: AsyncSession, series_id: UUID) -> int:
    """How many coming dates of a series other servers know."""
    query = select(func.count()).select_from(Event)
    told = query.where(
        Event.series_id == series_id,
        Event.published_at.is_not(None),
        Event.deleted_at.is_(None),
        Event.starts_at >= now(),
    )
    return await session.scalar(told) or 0


async def untold(
    session: AsyncSession, series_id: UUID, until: datetime, limit: int
) -> list[Event]:
    """Coming dates before `until` that other servers do not know yet."""
    query = select(Event).where(
        Event.series_id == series_id,
        Event.published_at.is_(None),
        Event.deleted_at.is_(None),
        Event.status == "scheduled",
        Event.visibility == "public",
        Event.starts_at >= now(),
        Event.starts_at < until,
    )
    query = query.order_by(Event.starts_at).limit(limit).options(*entries.whole(Event))
    return list(await session.scalars(query))


async def going_on(session: AsyncSession) -> list[UUID]:
    """The series that have not been ended."""
    return list(await session.scalars(select(Series.id).where(Series.ended_at.is_(None))))


async def waited_for(session: AsyncSession) -> list[UUID]:
    """The events that somebody waits to come to."""
    query = select(Attendance.event_id).join(Event, Event.id == Attendance.event_id)
    query = query.where(Attendance.state == WAITING, Event.relevant_until >= now())
    return list(await session.scalars(query.distinct()))


async def answer_of(session: AsyncSession, event_id: UUID, person_id: UUID) -> Attendance | None:
    """What somebody with an account said about coming; None if nothing, or not any more."""
    query = select(Attendance).where(
        Attendance.event_id == event_id,
        Attendance.person_id == person_id,
        Attendance.state.not_in(UNSEEN),
    )
    return await session.scalar(query)


async def bringing(session: AsyncSession, event: Event) -> dict[str, list[str]]:
    """Who brings what, by the things of the event's list: the names of those who come."""
    found: dict[str, list[str]] = {thing: [] for thing in event.bring}
    if found:
        query = select(Attendance).where(
            Attendance.event_id == event.id, Attendance.state == ACCEPTED
        )
        for row in await session.scalars(query.order_by(Attendance.asked_at)):
            for thing in row.brings:
                if thing in found:
                    found[thing].append(row.name)
    return found


async def held(session: AsyncSession, event_id: UUID) -> Event:
    """An event of ours, locked until the transaction ends: who comes is decided one by one.

    Likes and replies, which refer to it, need not wait for that.
    """
    query = select(Event).where(Event.id == event_id).with_for_update(key_share=True)
    query = query.options(*entries.whole(Event)).execution_options(populate_existing=True)
    return (await session.scalars(query)).one()


async def places(session: AsyncSession, events: Sequence[Event]) -> dict[UUID, Seats]:
    """How many come to each event, and how many more can; nobody counts who is barred or gone."""
    ids = [event.id for event in events if seats(event, 0).coming is not None]
    if not ids:
        return {event.id: seats(event, 0) for event in events}
    query = (
        select(Attendance.event_id, func.sum(Attendance.people))
        .where(Attendance.event_id.in_(ids), Attendance.state == ACCEPTED, _standing())
        .group_by(Attendance.event_id)
    )
    coming: dict[UUID, int] = dict((await session.execute(query)).all())
    return {event.id: seats(event, coming.get(event.id, 0)) for event in events}


async def responses(
    session: AsyncSession,
    event_id: UUID,
    *,
    state: str | None = None,
    limit: int,
    cursor: str | None = None,
) -> Listed[Attendance]:
    """Who wants to come, in the order in which they asked; those who left are not shown.

    Raises:
        Invalid: the cursor is none of ours.
    """
    query = select(Attendance).where(
        Attendance.event_id == event_id,
        Attendance.state.not_in(UNSEEN) if state is None else Attendance.state == state,
        _standing(),
    )
    place = Cursor.decode(cursor)
    if place is not None:
        query = query.where(paging.after(Attendance.asked_at, Attendance.id, place))
    query = query.order_by(Attendance.asked_at, Attendance.id).limit(limit + 1)
    rows = await session.scalars(query.options(selectinload(Attendance.actor)))
    return paging.page(list(rows), limit, "asked_at")


async def response(session: AsyncSession, event_id: UUID, response_id: UUID) -> Attendance:
    """One who wants to come to an event.

    Raises:
        NotFound: there is none, or they left.
    """
    query = select(Attendance).where(
        Attendance.id == response_id,
        Attendance.event_id == event_id,
        Attendance.state.not_in(UNSEEN),
        _standing(),
    )
    found = await session.scalar(query.options(selectinload(Attendance.actor)))
    if found is None:
        raise NotFound("They do not ask to come any more.")
    return found


def _standing() -> ColumnElement[bool]:
    """Those whom no steward barred, and who are still there."""
    there = exists().where(
        Actor.id == Attendance.actor_id,
        Actor.suspended_at.is_(None),
        Actor.deleted_at.is_(None),
    )
    return or_(Attendance.actor_id.is_(None), there)

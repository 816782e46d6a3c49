"""Repeating events, as an import brings, changes and takes them back.

What is handed to other servers is each date as it really is: dates that were moved or called off
at the source are put right before anybody is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.services import Services
from hub.entries import queries as entries
from hub.events import queries, service
from hub.events.models import Event, Series
from hub.events.schemas import OF_SERIES, EventDraft
from hub.feeds import things
from hub.feeds.rows import Members, Row, moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a series shall be; `dates` are the members of every coming date by its start."""

    rule: str
    starts_at: datetime
    timezone: str
    exceptions: list[str]
    extra: list[str]
    event: Members
    dates: dict[datetime, Members]

    def document(self) -> Members:
        """The plan as JSON, for `plan_from`."""
        return {
            "rule": self.rule,
            "starts_at": self.starts_at.isoformat(),
            "timezone": self.timezone,
            "exceptions": self.exceptions,
            "extra": self.extra,
            "event": self.event,
            "dates": {start.isoformat(): members for start, members in self.dates.items()},
        }


def plan_from(document: Members) -> Plan:
    """The plan that `Plan.document` wrote."""
    dates = {_utc(start): members for start, members in document["dates"].items()}
    return Plan(**document | {"starts_at": _utc(document["starts_at"]), "dates": dates})


def plan_of(row: Row, draft: EventDraft) -> Plan:
    """What the row of a source wants a series to be."""
    repeat = row.repeat
    if repeat is None:
        raise ValueError("not a row of a series")
    special = {date.occurs_at: date.members for date in repeat.dates}
    return Plan(
        rule=repeat.rule,
        starts_at=_utc(repeat.starts_at),
        timezone=repeat.timezone,
        exceptions=repeat.exceptions,
        extra=repeat.extra,
        event=draft.model_dump(mode="json", exclude=set(OF_SERIES)),
        dates={
            _utc(start): special.get(start) or moved(row.members, _utc(start))
            for start in repeat.coming
        },
    )


async def publish(
    session: AsyncSession,
    services: Services,
    row: Row,
    draft: EventDraft,
    *,
    owner: UUID | None,
    tell: bool,
) -> Event:
    """Make the series of a row; the answer is its next date.

    Raises:
        Invalid: the rule is none that we take.
    """
    plan = plan_of(row, draft)
    first = await service.publish(
        session,
        services,
        draft,
        owner=owner,
        tell=False,
        exceptions=map(_utc, plan.exceptions),
        extra=map(_utc, plan.extra),
    )
    series = await session.get_one(Series, first.series_id)
    for date in row.repeat.dates if row.repeat else ():
        event = await queries.occurrence(session, series.id, _utc(date.occurs_at))
        if event is not None:
            await _put_right(session, services, event, date.members, tell=False)
    if tell:
        await _tell(session, services, series)
    return first


async def plan_now(session: AsyncSession, series: Series) -> Plan:
    """What a series is now: its rule, and every coming date."""
    return Plan(
        rule=series.rule,
        starts_at=series.starts_at,
        timezone=series.timezone,
        exceptions=list(series.exceptions),
        extra=list(series.extra),
        event=dict(series.draft["event"]),
        dates={
            event.occurs_at: things.members_of(event)
            for event in await _coming(session, series)
            if event.occurs_at is not None
        },
    )


async def revise(
    session: AsyncSession, services: Services, series: Series, plan: Plan, *, tell: bool
) -> None:
    """Let a series be what the plan says; dates that were, stay as they were.

    A date that is no longer in the plan is called off if other servers know it, and vanishes if
    they do not.
    """
    coming = await _coming(session, series)
    known = {event.occurs_at for event in coming}
    for event in coming:
        if event.occurs_at not in plan.dates and event.starts_at in plan.dates.keys() - known:
            event.occurs_at = event.starts_at  # moved here from a day that is past by now
        wanted = plan.dates.get(event.occurs_at) if event.occurs_at else None
        if wanted is not None:
            await _put_right(session, services, event, wanted, tell=tell)
        elif not await service.is_known(session, event):
            event.occurs_at = None  # so that the same start can come back later
            await service.withdraw(session, services, event, tell=False)
        else:
            await service.cancel(session, services, event, tell=tell)
    series.rule, series.timezone = plan.rule, plan.timezone
    series.starts_at = plan.starts_at
    series.exceptions, series.extra = list(plan.exceptions), list(plan.extra)
    told = bool(series.draft["tell"])
    series.draft = {**series.draft, "event": plan.event, "tell": False}
    series.expanded_until, series.ended_at = None, None
    await session.flush()
    await service.renew(session, services, series)
    for start, members in plan.dates.items():
        event_then = await queries.occurrence(session, series.id, start)
        if event_then is not None and event_then.deleted_at is None:
            await _put_right(session, services, event_then, members, tell=False)
    if tell:
        await _tell(session, services, series)
    else:  # later dates are told as before
        series.draft = {**series.draft, "tell": told}


async def withdraw(session: AsyncSession, services: Services, series: Series) -> None:
    """Take back a series with all its dates; everyone who has one is told."""
    series.ended_at = now()
    query = select(Event).where(Event.series_id == series.id, Event.deleted_at.is_(None))
    for event in await session.scalars(query.options(*entries.whole(Event))):
        await service.withdraw(session, services, event)


async def _tell(session: AsyncSession, services: Services, series: Series) -> None:
    """Let other servers hear of the next dates, now that they are right."""
    series.draft = {**series.draft, "tell": True}
    await session.flush()
    await service.renew(session, services, series)


async def _put_right(
    session: AsyncSession, services: Services, event: Event, members: Members, *, tell: bool
) -> None:
    """Let a date be what the plan says of it."""
    draft = things.changed(event, members, event.timezone)
    if draft is not None:
        await things.revise(session, services, event, draft, tell=tell)


async def _coming(session: AsyncSession, series: Series) -> list[Event]:
    """The dates of a series that are not over."""
    query = select(Event).where(
        Event.series_id == series.id,
        Event.deleted_at.is_(None),
        Event.relevant_until >= now(),
    )
    query = query.order_by(Event.starts_at).options(*entries.whole(Event))
    return list(await session.scalars(query))


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)

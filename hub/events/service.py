"""What is done with events: publish, revise, cancel, withdraw, and receive from elsewhere.

A repeating event is a series with one row for each date. Rows exist a year ahead; other servers
are told of the next dates only, and of later ones as their time comes (PROTOCOL §3.3 (a) 8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from federation.vocab.objects import Event as EventDocument
from hub.actors.models import Actor
from hub.core import words
from hub.core.clock import now
from hub.core.errors import Invalid
from hub.core.services import Services
from hub.core.words import Filled, made, spoken
from hub.entries import merging, publishing, receiving, rendering, writing
from hub.entries.rendering import EventFacts
from hub.entries.schemas import LATEST
from hub.events import activitypub, attendance, planning, pointing, queries, recurrence, waiting
from hub.events.models import Event, Series
from hub.events.schemas import OF_SERIES, EventDraft
from hub.fediverse import ledger
from hub.fediverse.received import Received
from hub.jobs.registry import Run, job

HORIZON: Final = timedelta(days=365)  # how far ahead a series has rows
MOST_DATES: Final = 500
TOLD_AHEAD: Final = timedelta(weeks=8)
MOST_TOLD: Final = 12  # coming dates of one series that other servers know


async def publish(
    session: AsyncSession,
    services: Services,
    draft: EventDraft,
    *,
    owner: UUID | None = None,
    tell: bool = True,
    exceptions: Iterable[datetime] = (),
    extra: Iterable[datetime] = (),
) -> Event:
    """Make an event of a draft, and tell the followers of @events.

    With a `recurrence` it makes a series, and the answer is its next date; `exceptions` are starts
    that do not take place besides `left_out`, `extra` starts beside the rule. The draft's picture
    must be here already (`writing.with_picture`).

    Raises:
        Invalid: the rule is none that we take, or there is no such picture, place, organisation.
    """
    await pointing.check(session, draft, None)
    author = await publishing.author_for(session, "event")
    if draft.recurrence:
        series = _series(draft, owner, exceptions, extra, tell=tell)
        session.add(series)
        made = await _expand(session, services, series, author)
        await _tell(session, services, series)
        return made[0]
    event = await _made(session, services, draft, author, owner)
    thing = await _thing(session, services, event)
    await publishing.publish(session, services, event, thing, tell=tell)
    return event


async def revise(
    session: AsyncSession,
    services: Services,
    event: Event,
    draft: EventDraft,
    *,
    tell: bool = True,
) -> None:
    """Let an event be what the draft says; of a series, this date alone.

    A new time or place, or that it is called off, is also said in a short reply: Mastodon does
    not show changes of events.

    Raises:
        Invalid: it would hide what is public, or change the rule of a series.
    """
    writing.refuse_hiding(event, draft)
    await pointing.check(session, draft, event)
    before = _time_and_place(event), event.status
    if event.starts_at != draft.starts_at and event.published_at is not None:
        event.previous_starts_at = event.starts_at
    await writing.fill(session, services.settings, event, draft)
    await pointing.point(session, event, draft)
    _write(event, draft)
    await _repeat(session, services, event, draft, tell=tell)
    await _send(session, services, event, _news(event, *before), tell=tell)
    await waiting.move_up(session, services, event)


async def cancel(
    session: AsyncSession, services: Services, event: Event, *, tell: bool = True
) -> None:
    """Call an event off; it stays where it is, marked (AP-54)."""
    if event.status == "cancelled":
        return
    before = _time_and_place(event), event.status
    event.status = "cancelled"
    event.updated_at = now()
    await _send(session, services, event, _news(event, *before), tell=tell)


async def withdraw(
    session: AsyncSession, services: Services, event: Event, *, tell: bool = True
) -> None:
    """Take an event back, as if it had not been published; everyone who has it is told."""
    event.organiser, event.price, event.access, event.online_url = "", "", "", None
    event.place_id = event.place_uri = event.organiser_id = event.organiser_uri = None
    event.access_facts, event.bring = {}, []
    if event.local and not waiting.is_over(event, now()):
        note = _said(
            rendering.cancellation_note, replace(activitypub.facts_of(event), status="cancelled")
        )
        await waiting.tell_all(session, services, event, note)
    await attendance.forget_event(session, event)
    await publishing.withdraw(session, services, event, activitypub.TYPE, tell=tell)


async def stop(session: AsyncSession, services: Services, event: Event) -> None:
    """End a series with one of its dates: later ones are called off, or vanish if nobody knows."""
    series = await session.get(Series, event.series_id) if event.series_id else None
    if series is None:
        return
    series.ended_at = now()
    for later in await queries.later_dates(session, event):
        if not await is_known(session, later):
            await withdraw(session, services, later, tell=False)
        elif later.status != "cancelled":
            later.status, later.updated_at = "cancelled", now()
            await _send(session, services, later, None)
            note = _said(rendering.cancellation_note, activitypub.facts_of(later))
            await waiting.tell_all(session, services, later, note)


async def is_known(session: AsyncSession, event: Event) -> bool:
    """Whether another server knows the event: it was told of it, or came by it itself."""
    return event.published_at is not None or await ledger.is_held(session, event.uri)


async def receive(received: Received, thing: EventDocument) -> Event | None:
    """Keep what another server says of an event; None if we know as much already.

    Raises:
        Unauthorised: it is not the author's to say, was deleted, or nobody here asked for it.
        MalformedDocument: it is not an event that we can show.
    """
    known = await receiving.known(received, thing, Event)
    if known is not None and not receiving.is_newer(received, thing, known):
        return None
    draft = activitypub.from_object(thing, received.services.settings.timezone)
    event = known or Event()
    await receiving.fill(received, thing, event, draft, activitypub.body_of(thing))
    event.previous_starts_at = thing.previous_start_time
    event.place_uri, event.organiser_uri = activitypub.points_to(thing)
    event.organiser = draft.organiser
    _write(event, draft)
    if known is not None:
        await merging.consider(received.session, event)
    elif not await receiving.keep(received, event):
        return None
    return event


@job("events.extend", every=timedelta(days=1))
async def extend(run: Run) -> None:
    """Give every series its new dates, and tell other servers of those that come near."""
    services = run.services
    async with services.db.read() as session:
        waiting = await queries.going_on(session)
    for series_id in waiting:
        async with services.db.write() as session:
            await renew(session, services, await session.get_one(Series, series_id))
    async with run.finish():
        pass


async def renew(session: AsyncSession, services: Services, series: Series) -> None:
    """Make the dates of a series that are missing, and tell of those that are near."""
    author = await publishing.author_for(session, "event")
    await _expand(session, services, series, author)
    await _tell(session, services, series)


async def _made(
    session: AsyncSession,
    services: Services,
    draft: EventDraft,
    author: Actor,
    owner: UUID | None,
) -> Event:
    event = Event()
    writing.begin(services, event, author, owner)
    await writing.fill(session, services.settings, event, draft)
    await pointing.point(session, event, draft)
    _write(event, draft)
    return event


def _write(event: Event, draft: EventDraft) -> None:
    """What only events have."""
    event.summary = draft.summary
    event.starts_at, event.ends_at = draft.starts_at, draft.ends_at
    event.timezone = draft.timezone
    event.all_day = draft.all_day
    event.online_url = draft.online_url
    event.capacity = draft.capacity
    event.joining = draft.joining
    event.price, event.access = draft.price, draft.access
    event.access_facts = {name: fact.model_dump() for name, fact in draft.access_facts.items()}
    event.bring = list(draft.bring)
    event.category = draft.category
    event.status = draft.status
    event.happens_at = event.starts_at
    event.relevant_until = planning.lasts_until(draft)
    writing.make_findable(event)


def _time_and_place(event: Event) -> tuple[object, ...]:
    return (event.starts_at, event.ends_at, event.place, event.online_url)


def _news(event: Event, place_before: tuple[object, ...], status_before: str) -> str | None:
    """What those must hear who planned to come; None if nothing that matters to them changed."""
    if event.relevant_until is not None and event.relevant_until < now():
        return None
    facts = activitypub.facts_of(event)
    if event.status != status_before and event.status in {"cancelled", "postponed"}:
        return _said(rendering.cancellation_note, facts)
    if event.status in {"cancelled", "postponed"}:
        return None
    changed = event.status != status_before or _time_and_place(event) != place_before
    return _said(rendering.moved_note, facts) if changed else None


def _said(note: Callable[[EventFacts], str], facts: EventFacts) -> Filled:
    """A note in the event's language, and in that of whoever is told of it here."""
    return made(lambda: note(replace(facts, language=spoken())), usual=note(facts))


async def _send(
    session: AsyncSession,
    services: Services,
    event: Event,
    note: str | None,
    *,
    tell: bool = True,
) -> None:
    """Say what the event is now, unless it is a date of a series whose time has not come."""
    waits = event.series_id is not None and event.published_at is None
    thing = await _thing(session, services, event)
    await publishing.revise(session, services, event, thing, note=note, tell=tell and not waits)
    if note is not None:
        await waiting.tell_all(session, services, event, note)
    if waits and tell:
        await publishing.tell_holders(session, services, event, thing)


async def _thing(session: AsyncSession, services: Services, event: Event) -> EventDocument:
    """The event as other servers see it."""
    places = await queries.places(session, [event])
    return activitypub.to_object(event, services.settings.url, places[event.id])


def _series(
    draft: EventDraft,
    owner: UUID | None,
    exceptions: Iterable[datetime],
    extra: Iterable[datetime],
    *,
    tell: bool,
) -> Series:
    """The row of a series; its `draft` also says whose it is, and whether others are told."""
    rule = recurrence.check(draft.recurrence or "")
    return Series(
        id=uuid4(),
        rule=rule,
        starts_at=draft.starts_at,
        timezone=draft.timezone,
        exceptions=[
            moment.astimezone(UTC).isoformat()
            for moment in (*exceptions, *planning.left_out(draft))
        ],
        extra=[moment.astimezone(UTC).isoformat() for moment in extra],
        draft={
            "event": draft.model_dump(mode="json", exclude=set(OF_SERIES)),
            "owner": None if owner is None else str(owner),
            "tell": tell,
        },
        expanded_until=None,
    )


async def _expand(
    session: AsyncSession, services: Services, series: Series, author: Actor
) -> list[Event]:
    """Make the dates of a series that are still missing within the horizon."""
    until = now() + HORIZON
    since = series.expanded_until or now() - timedelta(days=1)
    found = _starts(series, since, until)
    if not found and series.expanded_until is None:
        # All of it lies in the past, or far ahead: the first date stands for it.
        found = [series.starts_at]
    there = await queries.occurrences(session, series.id)
    draft = EventDraft.model_validate(series.draft["event"])
    owner = series.draft["owner"] and UUID(series.draft["owner"])
    made = []
    for start in found:
        if start in there:
            continue
        date = planning.on(draft, start)
        event = await _made(session, services, date, author, owner)
        event.series_id, event.occurs_at = series.id, start
        session.add(event)
        made.append(event)
    series.expanded_until = until
    await session.flush()
    return made


def _starts(series: Series, since: datetime, until: datetime) -> list[datetime]:
    return recurrence.starts(
        series.rule,
        series.starts_at,
        series.timezone,
        series.exceptions,
        series.extra,
        since=since,
        until=until,
        limit=MOST_DATES,
    )


async def _tell(session: AsyncSession, services: Services, series: Series) -> None:
    """Publish the next dates that other servers do not know yet."""
    if not series.draft["tell"]:
        return
    told = await queries.count_told(session, series.id)
    if told >= MOST_TOLD:
        return
    found = await queries.untold(session, series.id, now() + TOLD_AHEAD, MOST_TOLD - told)
    if not found and not told:
        # However far ahead it is, the next date is news.
        found = await queries.untold(session, series.id, LATEST, 1)
    for event in found:
        # Mastodon sorts by the date of publication: told in spring, it is of spring.
        event.created_at = event.updated_at = now()
        thing = await _thing(session, services, event)
        await publishing.publish(session, services, event, thing)


async def _repeat(
    session: AsyncSession, services: Services, event: Event, draft: EventDraft, *, tell: bool
) -> None:
    """Make an event the first date of a series, if its draft has a rule and it had none.

    Raises:
        Invalid: it is a date of a series already, by another rule.
    """
    if not draft.recurrence:
        return
    series = _series(draft, event.owner_id, (), (), tell=tell)
    if event.series_id is not None:
        old = await session.get_one(Series, event.series_id)
        if old.rule != series.rule:
            told = words.later("a series keeps its rule: end it, and publish a new one")
            raise Invalid("The dates exist already: a series keeps its rule.", {"recurrence": told})
        return
    session.add(series)
    event.series_id, event.occurs_at = series.id, event.starts_at
    await session.flush()
    await _expand(session, services, series, event.author)
    await _tell(session, services, series)

"""Calendars of others that this hub keeps up with: asked every hour, and told of in plain words.

What has not changed is not sent twice (ETag, RFC 9110 §8.8.3). Once a day a calendar is read in
full all the same, since what was far ahead comes nearer.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit import log as audit
from hub.core.clock import now
from hub.core.errors import Conflict, HubError, NotFound
from hub.core.services import Services
from hub.core.words import filled, later, on_day, packed, unpacked
from hub.events.models import Event
from hub.feeds import importing, sources
from hub.feeds.importing import Report
from hub.feeds.models import FollowedCalendar, Import, ImportedItem
from hub.feeds.rows import Verdict
from hub.jobs.queue import enqueue
from hub.jobs.registry import Run, job
from hub.people import notices
from hub.people.notices import Notice

EVERY: Final = timedelta(hours=1)
LOOK: Final = timedelta(minutes=5)  # how often it is looked which calendars are due
IN_FULL: Final = timedelta(hours=23)
SLOWER_AFTER: Final = 6  # failures in a row; then every six hours
SLOW: Final = timedelta(hours=6)
TOLD_AFTER: Final = 3  # failures in a row; the person who added it hears of it
MOST_NEEDS: Final = 100
GONE: Final = later("It is no longer in the calendar, and stays here until you call it off.")
PAGE: Final = "/admin/calendars"


async def add(
    session: AsyncSession, services: Services, url: str, title: str, person_id: UUID | None
) -> FollowedCalendar:
    """Keep up with a calendar from now on.

    Raises:
        Invalid: it is no address.
        Conflict: this hub does so already.
    """
    url = sources.address(url, allow_http=services.settings.allow_http)
    if await session.scalar(select(FollowedCalendar).where(FollowedCalendar.url == url)):
        raise Conflict("This hub keeps up with that calendar already.")
    row = FollowedCalendar(url=url, title=title, person_id=person_id, next_run_at=now())
    session.add(row)
    await session.flush()
    await audit.note(session, "calendar added", row.id)
    await look_now(session, row)
    return row


async def look_now(session: AsyncSession, calendar: FollowedCalendar) -> None:
    """Ask for it as soon as there is somebody to do it."""
    await enqueue(session, refresh, key=f"calendar:{calendar.id}", calendar_id=str(calendar.id))


async def stop(session: AsyncSession, calendar: FollowedCalendar) -> None:
    """Keep up with it no more; what came from it stays."""
    await session.delete(calendar)
    await audit.note(session, "calendar stopped", calendar.id)


async def keep(session: AsyncSession, calendar: FollowedCalendar, key: str) -> None:
    """A steward has seen this: it needs nobody any more."""
    calendar.kept = [*calendar.kept, key][-MOST_NEEDS:]
    calendar.needs = [need for need in calendar.needs if need["key"] != key]


async def by_id(session: AsyncSession, calendar_id: UUID) -> FollowedCalendar:
    """One calendar.

    Raises:
        NotFound: there is none.
    """
    found = await session.get(FollowedCalendar, calendar_id)
    if found is None:
        raise NotFound("This hub does not keep up with that calendar.")
    return found


async def all_of_them(session: AsyncSession) -> list[FollowedCalendar]:
    """The calendars, those with trouble first."""
    query = select(FollowedCalendar)
    query = query.order_by(FollowedCalendar.failures.desc(), FollowedCalendar.title)
    return list(await session.scalars(query))


@job("feeds.look", every=LOOK)
async def look(run: Run) -> None:
    """Ask for the calendars that are due; of two looks at once, one finds each."""
    async with run.finish() as session:
        moment = now()
        taken = update(FollowedCalendar).where(FollowedCalendar.next_run_at <= moment)
        taken = taken.values(next_run_at=moment + EVERY)
        for calendar in await session.scalars(taken.returning(FollowedCalendar)):
            await look_now(session, calendar)


@job("feeds.refresh")
async def refresh(run: Run, calendar_id: str) -> None:
    """Ask for one calendar, take what changed, and note how it went."""
    services = run.services
    async with services.db.read() as session:
        calendar = await session.get(FollowedCalendar, UUID(calendar_id))
    if calendar is None:
        async with run.finish():
            return
    told: dict[str, Any]
    try:
        told = await _taken(services, calendar)
    except HubError as error:
        told = {"trouble": packed(str(error))}
    async with run.finish() as session:
        row = await session.get(FollowedCalendar, calendar.id)
        if row is not None:
            await _note(session, services, row, told)


async def _taken(services: Services, calendar: FollowedCalendar) -> dict[str, Any]:
    """What changed of the row, after the calendar was asked for and what is new was taken.

    Raises:
        HubError: it could not be had, or not be read; in words.
    """
    moment = now()
    recent = calendar.read_at is not None and calendar.read_at > moment - IN_FULL
    known = calendar.validators if recent else {}
    found = await sources.asked(services, "ics", calendar.url, known)
    if found is None:
        return {}
    digest = hashlib.sha256(found.data).hexdigest()
    changed = {"validators": found.validators, "digest": digest}
    if recent and digest == calendar.digest:
        return changed
    report, refused = Report(), list[Verdict]()
    async for verdict in importing.run(
        services, "ics", found.data, calendar.url, person=calendar.person_id, report=report
    ):
        if verdict.outcome == "refused":
            refused.append(verdict)
    needs = await _needs(services, calendar, refused, report)
    counts = {str(outcome): number for outcome, number in report.counts.items()}
    return {**changed, "read_at": moment, "counts": counts, "needs": needs}


async def _needs(
    services: Services, calendar: FollowedCalendar, refused: list[Verdict], report: Report
) -> list[dict[str, str]]:
    """What a steward should look at; and an import that changed nothing is forgotten."""
    found = [_need(f"refused {one.row}", one.title, one.when, packed(one.words)) for one in refused]
    async with services.db.write() as session:
        query = select(ImportedItem.key, Event).join(Event, Event.id == ImportedItem.entry_id)
        query = query.where(
            ImportedItem.source == calendar.url, ImportedItem.key.in_(report.missing)
        )
        query = query.where(Event.status != "cancelled", Event.deleted_at.is_(None))
        for key, event in (await session.execute(query)).all():
            when = f"{event.starts_at:%Y-%m-%d}"
            found.append(_need(f"gone {key}", event.title, when, GONE, event.path))
        if not report.counts["new"] + report.counts["changed"]:
            await session.execute(delete(Import).where(Import.id == report.import_id))
    return [need for need in found if need["key"] not in calendar.kept][:MOST_NEEDS]


def _need(key: str, title: str, when: str, words: str, path: str = "") -> dict[str, str]:
    return {"key": key, "title": title, "when": when, "words": words, "path": path}


async def _note(
    session: AsyncSession, services: Services, row: FollowedCalendar, told: dict[str, Any]
) -> None:
    """How it went, and when it is asked for next."""
    moment = now()
    row.last_run_at = moment
    row.trouble = told.pop("trouble", "")
    if not row.trouble:
        row.failures, row.succeeded_at = 0, moment
        for name, value in told.items():
            setattr(row, name, value)
    else:
        row.failures += 1
        if row.failures == TOLD_AFTER and row.person_id is not None:
            await notices.tell(session, services, row.person_id, _bad_news(row, moment))
    row.next_run_at = moment + (SLOW if row.failures >= SLOWER_AFTER else EVERY)


def _bad_news(row: FollowedCalendar, moment: datetime) -> Notice:
    lines = (
        filled(
            "{trouble} It was tried three times, the last time on {day}.",
            trouble=unpacked(row.trouble),
            day=on_day(moment),
        ),
    )
    subject = filled("The calendar “{title}” cannot be read", title=row.title)
    return Notice("calendar", subject, lines, PAGE)

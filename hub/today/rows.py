"""What the rows say: work, other servers, letters, calendars."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from hub import __version__, schema
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Database
from hub.core.settings import Settings
from hub.core.words import later
from hub.fediverse import software
from hub.fediverse.models import InboxActivity, OutboxActivity, Peer
from hub.feeds.models import FollowedCalendar
from hub.jobs import retention
from hub.jobs.models import Job
from hub.jobs.registry import known
from hub.keeping import soundness
from hub.mail import outbox
from hub.today.checks import Check

LATE: Final = timedelta(minutes=10)  # work that waits longer than this is stuck
MAIL_TAKES: Final = timedelta(hours=1)
ASKEW: Final = timedelta(minutes=5)  # clocks of other servers differ by less
CLEARED_WITHIN: Final = timedelta(days=2)
SILENT_AFTER: Final = 3  # failures in a row

DATABASE = later("Database")
CLOCK = later("Clock")
WORK = later("Work")
SERVERS = later("Other servers")
LETTERS = later("Letters")
CALENDARS = later("Calendars of groups")
CLEARING = later("Deleting what is old")
NEWER = later("New versions")


async def look(settings: Settings, db: Database, *, deep: bool) -> AsyncIterator[Check]:
    """Every check that asks the database; `deep` reads all of an SQLite file."""
    try:
        async with db.read() as session:
            if deep and db.is_sqlite and (why := await soundness.damage(session)) is not None:
                told = later(
                    "The database is damaged (%(why)s). Stop the hub, move its folder away, and "
                    "restore the last backup: hub restore FILE"
                )
                yield Check("database", DATABASE, "wrong", told, {"why": why})
                return
            tables = await schema.found(session)
            if tables is None or not tables.fit:
                told = later(
                    "The tables are not those of this version. Restart the hub; it changes them."
                )
                yield Check("database", DATABASE, "wrong", told)
                return
            told = later("It answers, and its tables are those of this version.")
            yield Check("database", DATABASE, "ok", told)
            for look_at in (_clock, _work, _servers, _calendars, _clearing, _newer):
                yield await look_at(session)
            yield await _letters(session, settings)
    except (SQLAlchemyError, OSError) as error:
        told = later("The database does not answer: %(why)s")
        yield Check("database", DATABASE, "wrong", told, {"why": str(error).splitlines()[0]})


async def _clock(session: AsyncSession) -> Check:
    last = await session.scalar(select(func.max(OutboxActivity.created_at)))
    if last is not None and last > now() + ASKEW:
        told = later(
            "It is slow: something here was said at %(when)s. Other servers refuse what bears a "
            "wrong time. Say: timedatectl set-ntp true"
        )
        return Check("clock", CLOCK, "wrong", told, {"when": last})
    return Check("clock", CLOCK, "ok", later("It is right, as far as this can be seen from here."))


async def _work(session: AsyncSession) -> Check:
    oldest = [
        await session.scalar(select(func.min(Job.run_at)).where(known())),
        await session.scalar(select(func.min(InboxActivity.run_at))),
    ]
    waiting = [moment for moment in oldest if moment is not None and moment < now() - LATE]
    if waiting:
        told = later(
            "The oldest that waits is from %(when)s. Look at the log, and restart the hub."
        )
        return Check("work", WORK, "wrong", told, {"when": min(waiting)})
    lost = await session.scalar(select(func.count(Job.id)).where(Job.failed_at.is_not(None)))
    if lost:
        told = later("Nothing waits too long. Given up after several tries: %(count)s.")
        return Check("work", WORK, "warning", told, {"count": lost})
    return Check("work", WORK, "ok", later("Nothing waits too long."))


async def _servers(session: AsyncSession) -> Check:
    known = await session.scalar(select(func.count(Peer.host))) or 0
    silent = await session.scalar(
        select(func.count(Peer.host)).where(Peer.failures >= SILENT_AFTER)
    )
    values = {"known": known, "silent": silent or 0}
    if silent:
        told = later(
            "Known: %(known)s; silent: %(silent)s. What is for those is kept, and tried again."
        )
        return Check("servers", SERVERS, "warning", told, values, "/admin/servers")
    told = later("Known: %(known)s; none is silent.")
    return Check("servers", SERVERS, "ok", told, values, "/admin/servers")


async def _calendars(session: AsyncSession) -> Check:
    rows = await session.execute(
        select(func.count(), func.count().filter(FollowedCalendar.failures > 0)).select_from(
            FollowedCalendar
        )
    )
    known, failing = rows.one()
    values = {"known": known, "failing": failing}
    href = "/admin/calendars"
    if failing:
        told = later("Followed: %(known)s; cannot be read: %(failing)s.")
        return Check("calendars", CALENDARS, "warning", told, values, href)
    told = later("Followed: %(known)s; all can be read.")
    return Check("calendars", CALENDARS, "ok", told, values, href)


async def _clearing(session: AsyncSession) -> Check:
    """Whether what is kept for a while only really goes (`jobs.retention`)."""
    last = await retention.last_run(session)
    born = await session.scalar(select(func.min(Actor.created_at)).where(Actor.local))
    if last is None and (born is None or born > now() - CLEARED_WITHIN):
        told = later("It begins within a few minutes of the first start.")
        return Check("clearing", CLEARING, "ok", told)
    if last is None or last < now() - CLEARED_WITHIN:
        told = later(
            "What should be gone is still here: last done %(when)s. Look at the log, and restart "
            "the hub."
        )
        values = {"when": last or born}
        return Check("clearing", CLEARING, "wrong", told, values)
    told = later("Last done %(when)s. How long what is kept: docs/retention.md")
    return Check("clearing", CLEARING, "ok", told, {"when": last})


async def _newer(session: AsyncSession) -> Check:
    """Whether there is a later version, as far as neighbours say so."""
    found = await software.later_than(session, __version__)
    if found is None:
        told = later("No hub that this one follows runs a later version than %(version)s.")
        return Check("newer", NEWER, "ok", told, {"version": __version__})
    told = later(
        "%(host)s runs version %(later)s, and this hub %(version)s. What is new stands in the "
        "file CHANGELOG.md, and how to put it in under “A new version” in deploy/README.md."
    )
    values = {"host": found[0], "later": found[1], "version": __version__}
    return Check("newer", NEWER, "warning", told, values)


async def _letters(session: AsyncSession, settings: Settings) -> Check:
    href = "/admin/letters"
    failed = len(await outbox.failed(session))
    late = await outbox.count_waiting(session, older_than=MAIL_TAKES)
    if not settings.smtp_url:
        told = later("There is no mail server (HUB_SMTP_URL): you hand letters over by yourself.")
        return Check("letters", LETTERS, "warning", told, {}, "/admin/settings/mail")
    if failed or late:
        told = later("Not delivered: %(failed)s; waiting for more than an hour: %(late)s.")
        return Check("letters", LETTERS, "wrong", told, {"failed": failed, "late": late}, href)
    return Check("letters", LETTERS, "ok", later("They go out."), {}, href)

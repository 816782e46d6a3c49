"""Telling people on their phones, and on any other browser that they allowed to: by Web Push.

A message holds a title and where to look, nothing else. It waits for the end of the person's quiet
hours, is tried again for a day, and is forgotten then; a job's row is all that is kept of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import Invalid
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.words import later
from hub.jobs.queue import enqueue
from hub.jobs.registry import Run, job
from hub.people.models import Person, Session
from hub.push import sending
from hub.push.models import Subscription, fresh

MOST: Final = 10  # of one person, the newest
LASTS: Final = timedelta(days=1)
PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 20, 60, 180, 360))
HOUR: Final = 60
DAY: Final = 24 * HOUR

UNFIT: Final = later("This browser cannot be told: it did not say how it can be reached.")


async def add(
    session: AsyncSession, session_digest: str, endpoint: str, key: str, secret: str
) -> None:
    """From now on this browser is told, until it is signed out.

    Raises:
        Invalid: it cannot be, by what it said of itself.
    """
    try:
        sending.check(endpoint, key, secret)
    except ValueError:
        raise Invalid(UNFIT, {"push": UNFIT}) from None
    same = or_(Subscription.endpoint == endpoint, Subscription.session_digest == session_digest)
    await session.execute(delete(Subscription).where(same))
    session.add(
        Subscription(session_digest=session_digest, endpoint=endpoint, key=key, secret=secret)
    )
    await session.flush()


async def remove(session: AsyncSession, person_id: UUID, session_digest: str) -> None:
    """This browser is told no more; nothing happens if it is not theirs."""
    theirs = select(Session.digest).where(
        Session.person_id == person_id, Session.digest == session_digest
    )
    await session.execute(delete(Subscription).where(Subscription.session_digest.in_(theirs)))


async def of(session: AsyncSession, person_id: UUID) -> Sequence[Subscription]:
    """The browsers on which a person is told, the newest first."""
    query = (
        select(Subscription)
        .join(Session, Session.digest == Subscription.session_digest)
        .where(Session.person_id == person_id, Session.expires_at > now(), fresh())
    )
    return (await session.scalars(query.order_by(Subscription.created_at.desc()).limit(MOST))).all()


async def must_be_asked_again(session: AsyncSession, session_digest: str) -> bool:
    """Whether this browser allowed messages once, by a key that this hub has no more."""
    query = select(Subscription.id).where(Subscription.session_digest == session_digest, ~fresh())
    return await session.scalar(query) is not None


async def ring(
    session: AsyncSession, services: Services, person: Person, title: str, path: str
) -> None:
    """Tell it on all their phones, now or when their quiet hours are over."""
    moment = now()
    for one in await of(session, person.id):
        await enqueue(
            session,
            push,
            run_at=awake(person, moment, services.settings),
            subscription_id=str(one.id),
            title=title,
            path=path,
            until=(moment + LASTS).isoformat(),
        )


def minutes(entered: str) -> int:
    """The minutes after midnight of a time such as 21:00.

    Raises:
        Invalid: it is none.
    """
    hint = later("must be a time such as 21:00")
    try:
        at = time.fromisoformat(entered)
    except ValueError:
        raise Invalid("That is no time.", {"quiet": hint}) from None
    return at.hour * HOUR + at.minute


def clock(minute: int) -> str:
    """The time again."""
    return f"{time(*divmod(minute, HOUR)):%H:%M}"


def awake(person: Person, moment: datetime, settings: Settings) -> datetime:
    """The first moment from this one on that is outside their quiet hours, by the hub's clock."""
    start, end = person.quiet_from, person.quiet_until
    local = moment.astimezone(settings.zone)
    minute = local.hour * HOUR + local.minute
    into, long = (minute - start) % DAY, (end - start) % DAY
    if into >= long:
        return moment
    # By the clock on the wall: the night may be the one in which it is changed.
    day = local.date() + timedelta(days=1 if end <= minute else 0)
    return datetime.combine(day, time(*divmod(end, HOUR)), settings.zone).astimezone(UTC)


@job("people.push")
async def push(
    run: Run, *, subscription_id: str, title: str, path: str, until: str, tries: int = 0
) -> None:
    """Tell one browser, or put it off; one that is there no more is forgotten."""
    services, ends = run.services, datetime.fromisoformat(until)
    async with services.db.read() as session:
        found = await _reader(session, UUID(subscription_id))
    outcome, start = sending.Outcome(), now()
    if found is not None and start < ends:
        one, person = found
        start = awake(person, start, services.settings)
        if start > now():
            outcome = sending.Outcome(again=True)
        else:
            left = ends - start
            outcome = await sending.attempt(
                services, one, title=title, path=path, about=path, lasts=left
            )
            start = now() + max(outcome.wait, PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1
    async with run.finish() as session:
        if outcome.dead:
            await session.execute(
                delete(Subscription).where(Subscription.id == UUID(subscription_id))
            )
        elif outcome.again and start < ends:
            again: dict[str, Any] = {"title": title, "path": path, "until": until, "tries": tries}
            await enqueue(session, push, run_at=start, subscription_id=subscription_id, **again)


async def _reader(
    session: AsyncSession, subscription_id: UUID
) -> tuple[Subscription, Person] | None:
    """A browser and whose it is, if that person may still be told."""
    query = (
        select(Subscription, Person)
        .join(Session, Session.digest == Subscription.session_digest)
        .join(Person, Person.id == Session.person_id)
        .where(
            Subscription.id == subscription_id,
            Session.expires_at > now(),
            Person.disabled_at.is_(None),
        )
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])

"""The hub closes (`hub close`): announced with a date, read for ever, and nothing new after it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from fastapi import Request
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors.models import Actor
from hub.audit import log as audit
from hub.core.clock import now
from hub.core.closing import Closing, announce, closing_of, take_back
from hub.core.errors import Conflict, Invalid
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.words import filled, later
from hub.entries.models import FOLDERS, Entry
from hub.fediverse.follows import ACCEPTED
from hub.fediverse.models import Follow
from hub.jobs.registry import Run, job
from hub.people.models import Person
from hub.posting.kinds import take_away
from hub.web.bodies import READS

AT_ONCE: Final = 20  # entries that one transaction takes back
# What may still be sent to a hub that closed: to come and go, take along, and look after the rest.
STILL: Final = re.compile(
    r"/(?:sign-in|sign-out|welcome|me|admin|language|display|unsubscribe|appeal|question)(?:/|$)"
    r"|/delete$|^/api/v1/(?:follows|followers|blocks)(?:/|$)"
)


@dataclass(frozen=True, slots=True)
class Held:
    """What a closing is about: entries made here, people with accounts, followers elsewhere."""

    entries: int
    people: int
    followers: int


async def held(session: AsyncSession) -> Held:
    """What is there now."""
    everybody = select(func.count()).select_from(Person)
    ours = select(func.count()).select_from(Follow).join(Actor, Actor.id == Follow.followee_id)
    counts = (
        select(func.count()).select_from(Entry).where(*_ours()),
        everybody,
        ours.where(Follow.state == ACCEPTED, Actor.local),
    )
    return Held(*[await session.scalar(query) or 0 for query in counts])


async def say(services: Services, day: str, *, deletes: bool) -> Closing:
    """Let the hub close on a day, at its end on the hub's clock.

    Raises:
        Invalid: it is no day to come.
        Conflict: the hub is closed.
    """
    settings = services.settings
    _refuse_closed(settings)
    try:
        when = date.fromisoformat(day)
    except ValueError:
        told = filled("{day} is not a day such as 2031-05-17.", day=day)
        raise Invalid(told, {"day": told}) from None
    closing = Closing(datetime.combine(when, time.max, settings.zone), deletes)
    if closing.over:
        told = filled("{day} is over. Announce a day to come, so that people can prepare.", day=day)
        raise Invalid(told, {"day": told})
    async with services.db.write() as session:
        await audit.note(session, "closing", day, deletes=deletes)
        announce(settings, closing)
    return closing


async def unsay(services: Services) -> None:
    """The hub does not close after all.

    Raises:
        Conflict: it is closed, or nobody said that it would.
    """
    settings = services.settings
    _refuse_closed(settings)
    closing = closing_of(settings)
    if closing is None:
        raise Conflict(later("Nobody said that this hub closes."))
    async with services.db.write() as session:
        await audit.note(session, "stays open", f"{closing.at:%Y-%m-%d}")
        take_back(settings)


def _refuse_closed(settings: Settings) -> None:
    closing = closing_of(settings)
    if closing is not None and closing.over:
        day = f"{closing.at:%Y-%m-%d}"
        raise Conflict(filled("This hub closed on {day}. That stays so.", day=day))


def _ours() -> tuple[ColumnElement[bool], ...]:
    """Of entries those that were made here, and are not deleted."""
    return Entry.origin == "", Entry.deleted_at.is_(None), Entry.kind.in_(list(FOLDERS))


async def refuse_new(request: Request) -> None:
    """Go on if the hub still takes what is sent.

    Raises:
        Conflict: it has closed, and this would be something new.
    """
    services: Services = request.app.state.services
    if request.method in READS or request.method == "DELETE":
        return
    closing = closing_of(services.settings)
    if closing is not None and closing.over and not STILL.search(request.url.path):
        day = f"{closing.at:%Y-%m-%d}"
        raise Conflict(
            filled(
                "This hub closed on {day}, so nothing new can be posted. All that is here can "
                "still be read, and you can take along what is yours on your page.",
                day=day,
            )
        )


@job("leaving.end", every=timedelta(hours=1))
async def end(run: Run) -> None:
    """Take everything back, a few at a time, once the hub has closed and that was said.

    The job is done before it begins: it may take longer than a lease, and the next goes on.
    """
    services = run.services
    async with run.finish():
        pass
    closing = closing_of(services.settings)
    if closing is None or not closing.over or not closing.deletes:
        return
    while await _take_some(services):
        continue


async def _take_some(services: Services) -> bool:
    async with services.db.write() as session:
        query = select(Entry).where(*_ours(), Entry.created_at <= now()).limit(AT_ONCE)
        entries = (await session.scalars(query)).all()
        for entry in entries:
            await take_away(session, services, entry)
    return bool(entries)

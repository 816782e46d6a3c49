"""Who waits for a place, who moves up, and telling those whom only this hub can tell.

People elsewhere hear by their own server, or by a message where they said so in words. Guests get
letters, and people with an account are told as they chose.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.services import Services
from hub.core.words import choose, filled, later, say, speaking
from hub.entries import answers
from hub.events import queries
from hub.events.models import Attendance, Event
from hub.events.queries import ACCEPTED, ASKED, WAITING
from hub.jobs.registry import Run, job
from hub.mail import outbox
from hub.mail.composing import Letter
from hub.people import notices
from hub.people.notices import Notice

BUTTON: Final = later("Look at your answer")


def address(event: Event, row: Attendance) -> str:
    """The path of the page on which somebody looks at their answer and changes it."""
    return f"{event.path}/coming/{row.secret}"


def stop_address(event: Event, row: Attendance) -> str:
    """The path of the page on which somebody ends letters about this event; it can do no more."""
    return f"{event.path}/quiet/{row.secret}" if row.secret else ""


def is_over(event: Event, moment: datetime) -> bool:
    """Whether nobody can come any more."""
    gone = event.deleted_at is not None or event.status == "cancelled"
    return gone or (event.relevant_until is not None and event.relevant_until < moment)


async def tell(
    session: AsyncSession,
    services: Services,
    event: Event,
    row: Attendance,
    subject: str,
    *lines: str,
    button: str = BUTTON,
    lasts: timedelta = outbox.LASTS,
    language: str = "",
) -> None:
    """Tell somebody who answered here, or in words from elsewhere; whose Join it was is told so.

    `language` is what they speak who wait for this very letter. All others end by one tap, for
    this event, and speak to guests and people elsewhere as the event does.
    """
    if row.quiet and not language:
        return
    stop = "" if language else stop_address(event, row)
    if row.email is not None:
        url = services.settings.url
        letter = Letter(
            to=row.email,
            subject=subject,
            lines=lines,
            link=url + address(event, row),
            button=button,
            unsubscribe=stop and url + stop,
            language=language or event.language,
        )
        await outbox.put(session, services, letter, lasts=lasts)
    elif row.person_id is not None:
        notice = Notice("event", subject, lines, event.path, unsubscribe=False, stop=stop)
        await notices.tell(session, services, row.person_id, notice)
    elif row.actor_id is not None and not row.uri:
        actor = await session.get_one(Actor, row.actor_id)
        with speaking(choose(event.language, "", services.settings.language)):
            said = [say(line) for line in dict.fromkeys((subject, *lines))]
        words = "\n\n".join((*said, event.url))
        await answers.message(session, services, event.author, actor, event, words)


async def tell_all(session: AsyncSession, services: Services, event: Event, words: str) -> None:
    """Tell everybody who answered here that the event is otherwise than they know it."""
    query = select(Attendance).where(
        Attendance.event_id == event.id, Attendance.state.in_((ACCEPTED, ASKED, WAITING))
    )
    for row in await session.scalars(query):
        await tell(session, services, event, row, words, words)


async def move_up(session: AsyncSession, services: Services, event: Event) -> None:
    """Give places that are free to those who wait, in the order in which they asked.

    `event` is held by this transaction. Whoever is too many for what is free is passed over until
    there is more.
    """
    if not event.local or is_over(event, now()):
        return
    query = select(Attendance).where(Attendance.event_id == event.id, Attendance.state == WAITING)
    for row in await session.scalars(query.order_by(Attendance.asked_at, Attendance.id)):
        await session.flush()
        places = (await queries.places(session, [event]))[event.id]
        if places.full:
            return
        if not places.holds(row.people):
            continue
        row.state, row.answered_at = ACCEPTED, now()
        subject = filled("There is room for you: {title}", title=event.title)
        line = later(
            "A place became free, and it is yours. If you cannot come, please give it back."
        )
        await tell(session, services, event, row, subject, line)


@job("events.move_up", every=timedelta(minutes=10))
async def move_all_up(run: Run) -> None:
    """Places also become free where nobody asked us, as when somebody elsewhere is no more."""
    async with run.services.db.read() as session:
        ids = await queries.waited_for(session)
    for event_id in ids:
        async with run.services.db.write() as session:
            await move_up(session, run.services, await queries.held(session, event_id))
    async with run.finish():
        pass

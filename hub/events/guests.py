"""Coming along without an account: asked here, confirmed by a link in a letter, changed by it.

People who are signed in need no letter. Who comes is decided as for everybody else: the event is
held, and places are counted (decision 0016).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import Conflict, Invalid, NotFound
from hub.core.services import Services
from hub.core.text import tidy
from hub.core.words import ENGLISH, filled, later
from hub.events import queries, waiting
from hub.events.models import Attendance, Event
from hub.events.queries import ACCEPTED, ASKED, LEFT, UNCONFIRMED, WAITING
from hub.jobs.retention import clock, let_go
from hub.mail import addresses
from hub.people import secrets

CONFIRM_WITHIN: Final = timedelta(days=2)
KEPT: Final = timedelta(days=30)  # names and addresses of guests, after the event
LONGEST_NAME: Final = 80
MOST_TOGETHER: Final = 10  # people with one answer
LONGEST_MESSAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody says who wants to come; `brings` are things of the event's list."""

    name: str
    people: int = 1
    brings: tuple[str, ...] = ()
    message: str = ""


def answer(
    event: Event, *, name: str, people: str, brings: tuple[str, ...], message: str
) -> Answer:
    """The answer that a form makes.

    Raises:
        Invalid: something in it does not make sense.
    """
    amiss = {}
    name = tidy(name)[: LONGEST_NAME + 1]
    if not name or len(name) > LONGEST_NAME:
        amiss["name"] = filled(
            "please say who you are, in at most {most} letters", most=LONGEST_NAME
        )
    if not people.isdecimal() or not 1 <= int(people) <= MOST_TOGETHER:
        amiss["people"] = filled("must be a number from 1 to {most}", most=MOST_TOGETHER)
    if amiss:
        raise Invalid("Please check what you entered.", amiss)
    things = tuple(thing for thing in event.bring if thing in brings)
    return Answer(name, int(people), things, tidy(message)[:LONGEST_MESSAGE])


async def ask(
    session: AsyncSession,
    services: Services,
    event_id: UUID,
    said: Answer,
    entered: str,
    language: str = ENGLISH,
) -> None:
    """Note what a guest says, and send the link that confirms it or shows what they said before.

    `language` is what the guest speaks.

    Raises:
        Invalid: the address is none that we write to.
        Conflict: nobody can come any more.
    """
    try:
        email = addresses.address(entered)
    except Invalid as error:
        raise Invalid(str(error), {"email": str(error)}) from None
    event = await _held(session, event_id)
    row = await _of(session, event, Attendance.email == email)
    if row is None:
        row = _new(event, email=email)
        session.add(row)
    if row.state in {UNCONFIRMED, LEFT}:
        _write(row, said)
        row.state, row.asked_at, row.answered_at = UNCONFIRMED, now(), None
        await waiting.tell(
            session,
            services,
            event,
            row,
            filled("Are you coming? {title}", title=event.title),
            later(
                "Somebody, probably you, said that you come. Press the button within two days if "
                "that is so; else just ignore this letter."
            ),
            button=later("Yes, that was me"),
            lasts=CONFIRM_WITHIN,
            language=language,
        )
        return
    line = later("You had answered before. Here you can look at your answer and change it.")
    subject = filled("Your answer: {title}", title=event.title)
    await waiting.tell(session, services, event, row, subject, line, language=language)


async def join(
    session: AsyncSession, event_id: UUID, said: Answer, person_id: UUID
) -> tuple[Event, Attendance]:
    """Somebody with an account comes.

    Raises:
        Conflict: nobody can come any more, or the organiser refused them.
    """
    event = await _held(session, event_id)
    row = await _of(session, event, Attendance.person_id == person_id)
    if row is None:
        row = _new(event, person_id=person_id)
        session.add(row)
    if row.state in {UNCONFIRMED, LEFT}:
        row.asked_at = now()
        _write(row, said)
        await _decide(session, event, row)
    return event, row


async def confirm(session: AsyncSession, event_id: UUID, secret: str) -> Attendance:
    """A guest followed the link, and pressed the button; pressed again, nothing changes.

    Raises:
        NotFound: the link is none, or not any more.
        Conflict: nobody can come any more.
    """
    event, row = await _meant(session, event_id, secret)
    if row.state in {UNCONFIRMED, LEFT}:
        row.asked_at = now()
        await _decide(session, event, row)
    return row


async def change(
    session: AsyncSession, services: Services, event_id: UUID, secret: str, said: Answer
) -> Attendance:
    """Somebody comes with more people or fewer, or brings something else.

    Raises:
        NotFound: the link is none, or not any more.
        Conflict: nobody can come any more, or there is no room for so many.
    """
    event, row = await _meant(session, event_id, secret)
    if row.state == ACCEPTED and said.people > row.people:
        places = (await queries.places(session, [event]))[event.id]
        if not places.holds(said.people - row.people):
            raise Conflict("There is no room for so many more people.")
    _write(row, said)
    await waiting.move_up(session, services, event)
    return row


async def leave(session: AsyncSession, services: Services, event_id: UUID, secret: str) -> None:
    """Somebody does not come after all; whoever waits moves up, and is told.

    Raises:
        NotFound: the link is none, or not any more.
    """
    event = await queries.held(session, event_id)
    row = await by_secret(session, event_id, secret)
    if row.state in {UNCONFIRMED, ASKED, WAITING, ACCEPTED}:
        row.state, row.answered_at, row.brings, row.message = LEFT, now(), [], ""
        await waiting.move_up(session, services, event)


async def hush(session: AsyncSession, event_id: UUID, secret: str) -> None:
    """No more letters to them about this event; what they answered stays.

    Raises:
        NotFound: there is no such answer.
    """
    (await by_secret(session, event_id, secret)).quiet = True


async def by_secret(session: AsyncSession, event_id: UUID, secret: str) -> Attendance:
    """The answer that a link opens.

    Raises:
        NotFound: the link is none, or not any more.
    """
    row = None
    if secrets.is_plausible(secret):
        query = select(Attendance).where(
            Attendance.event_id == event_id, Attendance.secret == secret
        )
        row = await session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise NotFound("This link leads to no answer any more. Please answer anew.")
    return row


async def _held(session: AsyncSession, event_id: UUID) -> Event:
    """The event, locked, if one can still come.

    Raises:
        Conflict: nobody can, or not by us.
    """
    event = await queries.held(session, event_id)
    if not event.local or event.joining == "external" or waiting.is_over(event, now()):
        raise Conflict("Nobody can say here any more that they come.")
    return event


async def _meant(session: AsyncSession, event_id: UUID, secret: str) -> tuple[Event, Attendance]:
    await by_secret(session, event_id, secret)
    event = await _held(session, event_id)
    return event, await by_secret(session, event_id, secret)


async def _of(session: AsyncSession, event: Event, whose: object) -> Attendance | None:
    query = select(Attendance).where(Attendance.event_id == event.id, whose)  # type: ignore[arg-type]
    return await session.scalar(query.execution_options(populate_existing=True))


def _new(event: Event, **whose: object) -> Attendance:
    return Attendance(event_id=event.id, state=UNCONFIRMED, secret=secrets.new_link(), **whose)


def _write(row: Attendance, said: Answer) -> None:
    row.name, row.people = said.name, said.people
    row.brings, row.message = list(said.brings), said.message


async def _decide(session: AsyncSession, event: Event, row: Attendance) -> None:
    """Let them come, let them wait for a place, or leave it to the organiser."""
    places = (await queries.places(session, [event]))[event.id]
    row.state = ASKED if event.joining == "restricted" else ACCEPTED
    if row.state == ACCEPTED and not places.holds(row.people):
        row.state = WAITING
    row.answered_at = now() if row.state == ACCEPTED else None
    event.counted = True


@clock(
    "events.unconfirmed",
    "the answer of a guest who did not open the letter",
    kept=CONFIRM_WITHIN,
    since="it was written",
)
async def forget_unconfirmed(services: Services) -> int:
    """Answers that nobody confirmed."""
    old = Attendance.asked_at < now() - CONFIRM_WITHIN
    return await let_go(services, Attendance, Attendance.state == UNCONFIRMED, old)


@clock(
    "events.attendance",
    "who came, their names, addresses and messages",
    kept=KEPT,
    since="the event was over",
)
async def forget_attendance(services: Services) -> int:
    """Answers to events that are long over."""
    long_over = select(Event.id).where(Event.relevant_until < now() - KEPT)
    return await let_go(services, Attendance, Attendance.event_id.in_(long_over))

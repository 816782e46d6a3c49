"""Coming along: what people elsewhere ask, and what they are told (FEP-8a8e, PROTOCOL §3.3).

All that moves a place holds the event: who comes is decided one by one, whatever number of workers
and stewards there is (AP-57).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from federation.errors import Unauthorised
from federation.vocab.activities import Accept, Activity, Ignore, Join, Reject
from hub.actors import service as actors
from hub.actors.models import Actor
from hub.core import text
from hub.core.clock import now
from hub.core.errors import Conflict
from hub.core.services import Services
from hub.core.words import filled, later
from hub.entries import queries as entries
from hub.entries.models import Entry
from hub.entries.removal import forgets
from hub.events import activitypub, queries, waiting
from hub.events.models import Attendance, Event
from hub.events.queries import ACCEPTED, ASKED, LEFT, REJECTED
from hub.events.schemas import Seats
from hub.fediverse import ledger, outbox, undone
from hub.fediverse.received import Received
from hub.jobs.retention import clock, let_go

IGNORED: Final = "ignored"
REMEMBERED: Final = timedelta(days=1)  # a Leave may come this long before its Join (PROTOCOL §4.1)
LONGEST_MESSAGE: Final = 2000


# ------------------------------------------------------------------------- what others ask


async def join(received: Received, activity: Join) -> None:
    """Answer a Join by exactly one of Accept, Reject and Ignore; or by the organiser, later.

    Said again, it is answered as before.

    Raises:
        Alone: it is one of many activities.
        Unauthorised: there is nothing of ours that could be joined.
    """
    session = received.session
    entry, speaker = await _meant(received, activity.object_id or "")
    if not isinstance(entry, Event):
        await _tell(received, speaker, activity, IGNORED)
        return
    received.be_alone()
    event = await queries.held(session, entry.id)
    row = await of(session, event.id, received.author.id)
    if await _was_undone(session, activity, row):
        await _tell(received, speaker, activity, IGNORED)
        return
    places = (await queries.places(session, [event]))[event.id]
    said = verdict(event, row.state if row else None, places, received.now)
    if said == REJECTED:
        await _tell(received, speaker, activity, REJECTED)
        return
    if said == IGNORED:
        await _tell(received, speaker, activity, IGNORED)
        return
    row = noted(event, row, received, activity, said)
    session.add(row)
    event.counted = True
    # Their server came by the event itself, and must hear what becomes of it (AP-76).
    await ledger.note_holder(session, event.uri, received.author)
    if said == ACCEPTED:
        await _tell(received, speaker, activity, ACCEPTED)


async def _meant(received: Received, uri: str) -> tuple[Entry | None, Actor]:
    """What is to be joined, and whose it is; None for one of our actors itself.

    Raises:
        Unauthorised: there is no such thing of ours that everybody may know of.
    """
    entry = await entries.by_uri(received.session, uri)
    if entry is not None:
        if not entry.local or entry.visibility != "public" or entry.hidden_at is not None:
            raise Unauthorised("nothing of ours that could be joined")
        return entry, entry.author
    actor = await actors.by_uri(received.session, uri)
    if actor is None or not actor.local:
        raise Unauthorised("nothing of ours that could be joined")
    return None, actor


async def _was_undone(session: AsyncSession, activity: Join, row: Attendance | None) -> bool:
    """Whether its Undo or Leave came before it."""
    if await undone.came_before(session, activity):
        return True
    if row is None or row.state != LEFT or row.uri not in {"", activity.id or ""}:
        return False
    recent = row.answered_at is not None and row.answered_at > now() - REMEMBERED
    if recent:
        row.uri = activity.id or row.uri  # the next Join is another one
    return recent


def verdict(event: Event, before: str | None, places: Seats, moment: datetime) -> str:
    """What a Join is answered, after the state `before`; asked: that is for the organiser."""
    if before == REJECTED or waiting.is_over(event, moment):
        return REJECTED
    if before == ACCEPTED:
        return ACCEPTED
    if event.joining == "external":
        return IGNORED
    if before == ASKED and event.joining == "restricted":
        return ASKED
    if places.full:
        return REJECTED
    return ACCEPTED if event.joining == "free" else ASKED


def noted(
    event: Event, row: Attendance | None, received: Received, activity: Join, state: str
) -> Attendance:
    """Their row, new or brought up to date."""
    moment = received.now
    if row is None:
        row = Attendance(event_id=event.id, actor_id=received.author.id, asked_at=moment)
    elif row.state == LEFT:
        row.asked_at = moment
    if row.state != state:
        row.state, row.answered_at = state, None if state == ASKED else moment
    row.uri = activity.id or ""
    row.message = text.teaser(text.plain(activity.message or ""), LONGEST_MESSAGE)
    return row


async def leave(received: Received, uri: str) -> None:
    """Somebody does not come after all; before they asked, it is remembered for a day.

    Raises:
        Alone: it is one of many activities.
        Unauthorised: it is no event of ours.
    """
    entry, _ = await _meant(received, uri)
    if not isinstance(entry, Event):
        raise Unauthorised("nobody could join it")
    received.be_alone()
    await queries.held(received.session, entry.id)
    row = await of(received.session, entry.id, received.author.id)
    if row is None:
        row = Attendance(event_id=entry.id, actor_id=received.author.id, uri="", state=LEFT)
        row.answered_at = received.now
        received.session.add(row)
    elif row.state == LEFT and row.answered_at and row.answered_at <= received.now - REMEMBERED:
        row.uri, row.answered_at = "", received.now
    free(row, received.now)
    await waiting.move_up(received.session, received.services, entry)


async def undo(received: Received, activity: Join) -> None:
    """A Join is taken back by whoever said it; one that has not come yet will not count.

    Raises:
        Alone: it is one of many activities.
        Unauthorised: it was somebody else's, or is about nothing of ours.
    """
    author = received.author
    if activity.actor != author.uri:
        raise Unauthorised("it was somebody else's (AP-39)")
    if activity.id is None:
        await leave(received, activity.object_id or "")
        return
    entry, _ = await _meant(received, activity.object_id or "")
    received.be_alone()
    await undone.remember(received.session, author.uri, activity)
    if not isinstance(entry, Event):
        return
    await queries.held(received.session, entry.id)
    row = await of(received.session, entry.id, author.id)
    if row is not None and row.uri in {"", activity.id}:
        free(row, received.now)
        await waiting.move_up(received.session, received.services, entry)


def free(row: Attendance, moment: datetime) -> None:
    """Their place is free; whom the organiser refused stays refused."""
    if row.state in {ASKED, ACCEPTED}:
        row.state, row.answered_at, row.message = LEFT, moment, ""


async def by_uri(session: AsyncSession, uri: str) -> Join | None:
    """The Join that has this id, if we know it."""
    found = await session.execute(
        select(Attendance, Event)
        .join(Event, Event.id == Attendance.event_id)
        .where(Attendance.uri == uri)
        .options(joinedload(Attendance.actor))
        .limit(1)
    )
    row = found.first()
    if not uri or row is None or row[0].actor is None:
        return None
    return activitypub.join_of(row[0], row[0].actor, row[1])


async def of(session: AsyncSession, event_id: UUID, actor_id: UUID) -> Attendance | None:
    """What somebody elsewhere answered to an event; None if nothing is known of it."""
    query = select(Attendance).where(
        Attendance.event_id == event_id, Attendance.actor_id == actor_id
    )
    return await session.scalar(query.execution_options(populate_existing=True))


async def _tell(received: Received, speaker: Actor, activity: Join, verdict: str) -> None:
    said: Join | str = activity
    if verdict == IGNORED and activity.id is not None:
        said = activity.id  # FEP-8a8e prefers the id there
    await _say(received.session, received.services, speaker, received.author, said, verdict)


# ------------------------------------------------------------------------- what we answer


async def decide(
    session: AsyncSession, services: Services, event: Event, response_id: UUID, state: str
) -> Attendance:
    """Let somebody come, or refuse them, also afterwards; their server is told.

    `event` is held by this transaction (`queries.by_id` does so).

    Raises:
        NotFound: they do not ask any more.
        Conflict: there is no place left, or the event does not take place.
    """
    row = await queries.response(session, event.id, response_id)
    if row.state == state:
        return row
    if state == ACCEPTED:
        await _refuse_too_many(session, event, row.people)
    row.state, row.answered_at = state, now()
    if row.actor is not None and row.uri:
        said = activitypub.join_of(row, row.actor, event)
        await _say(session, services, event.author, row.actor, said, state)
    words = filled(_ANSWERS[state], title=event.title)
    await waiting.tell(session, services, event, row, words, words)
    if state == REJECTED:
        await waiting.move_up(session, services, event)
    return row


_ANSWERS: Final = {
    ACCEPTED: later("You can come: {title}"),
    REJECTED: later("You cannot come this time: {title}"),
}


async def _refuse_too_many(session: AsyncSession, event: Event, people: int) -> None:
    if waiting.is_over(event, now()):
        raise Conflict("This event is over or called off: nobody can come any more.")
    if not (await queries.places(session, [event]))[event.id].holds(people):
        raise Conflict("All places are taken. Make room for more people first: edit the event.")


async def _say(
    session: AsyncSession,
    services: Services,
    speaker: Actor,
    to: Actor,
    said: Join | str,
    verdict: str,
) -> None:
    """Accept, Reject or Ignore a Join: for them alone, to their own inbox."""
    kind: type[Activity] = {ACCEPTED: Accept, REJECTED: Reject, IGNORED: Ignore}[verdict]
    answer = kind(
        type=kind.__name__,
        id=f"{speaker.uri}#{kind.__name__.lower()}s/{uuid4()}",
        actor=speaker.uri,
        object=said,
        to=(to.uri,),
    )
    await outbox.post(session, services, speaker, answer, inboxes=[to.inbox])


# ------------------------------------------------------------------------- forgetting


async def forget_event(session: AsyncSession, event: Event) -> None:
    """The event is taken back, and with it who wanted to come."""
    await session.execute(delete(Attendance).where(Attendance.event_id == event.id))


@forgets
async def forget_actor(session: AsyncSession, actor: Actor) -> None:
    """Somebody is no more: their places are free (AP-45)."""
    await session.execute(delete(Attendance).where(Attendance.actor_id == actor.id))


@clock(
    "events.left", "that somebody does not come after all", kept=REMEMBERED, since="they said so"
)
async def forget_left(services: Services) -> int:
    """Who left, once no Join of theirs can be late any more."""
    late = Attendance.answered_at < now() - REMEMBERED
    return await let_go(services, Attendance, Attendance.state == LEFT, late)

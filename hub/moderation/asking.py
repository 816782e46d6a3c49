"""Questions to the authors of what waits: it waits on, they answer, and a moderator decides."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit import log as audit
from hub.core.clock import now
from hub.core.errors import Conflict, Gone, Invalid, NotFound
from hub.core.services import Services
from hub.core.words import filled, later
from hub.entries.models import Entry
from hub.moderation import telling
from hub.moderation.models import Question
from hub.moderation.telling import Author
from hub.people import secrets
from hub.people.models import Person, Submission
from hub.posting import service as posting

LONGEST_ANSWER: Final = 2000
CLOSED: Final = later("This question is no longer open: the moderators have decided.")
WRITE: Final = later("Please write what you want to ask, in the field for a word to its author.")


async def ask(
    session: AsyncSession,
    services: Services,
    by: UUID | None,
    thing_id: UUID,
    whom: Author,
    words: str,
) -> Question:
    """Ask an author something; until a moderator decides, no clock shows their post to more.

    Raises:
        Invalid: nothing is asked, or there is nobody to ask.
        Conflict: they were asked already, and have not answered yet.
    """
    if not words:
        raise Invalid(WRITE, {"note": WRITE})
    if whom.person_id is None and whom.actor is None:
        raise Invalid("Its author cannot be written to.")
    waiting = select(Question.id).where(*_waiting(), Question.thing_id == thing_id)
    if await session.scalar(waiting.limit(1)) is not None:
        raise Conflict("Its author was asked already, and has not answered yet.")
    secret = secrets.new_link()
    row = Question(
        digest=secrets.digest(secret),
        thing_id=thing_id,
        title=whom.title,
        by_id=by,
        person_id=whom.person_id,
        actor_id=whom.actor.id if whom.actor is not None else None,
        words=words,
    )
    session.add(row)
    await session.flush()
    await posting.stop_clock(session, thing_id)
    await telling.asked(session, services, whom, words, f"/question/{secret}")
    await audit.note(session, "author asked", row.id)
    return row


async def by_link(session: AsyncSession, secret: str, *, lock: bool = False) -> Question:
    """What the link in a letter asks.

    Raises:
        Gone: there is no such link, or it was decided.
    """
    if not secrets.is_plausible(secret):
        raise Gone(CLOSED)
    query = select(Question).where(Question.digest == secrets.digest(secret))
    row = await session.scalar(query.with_for_update() if lock else query)
    if row is None or row.closed_at is not None:
        raise Gone(CLOSED)
    return row


async def answer(session: AsyncSession, services: Services, row: Question, words: str) -> None:
    """Its author answers, once; whoever asked is told.

    Raises:
        Conflict: they answered already.
        Invalid: there are no words, or too many.
    """
    if row.answered_at is not None:
        raise Conflict("You have answered already. A moderator reads it.")
    if not 1 <= len(words) <= LONGEST_ANSWER:
        hint = filled("Please write between 1 and {most} characters.", most=LONGEST_ANSWER)
        raise Invalid(hint, {"words": hint})
    row.answer, row.answered_at = words, now()
    if row.by_id is not None:
        await telling.answered(session, services, row.by_id, row.title)


async def own_entry(session: AsyncSession, row: Question) -> Entry | None:
    """What its author, who lives here, can look at and change; None where there is nothing."""
    entry = await session.get(Entry, row.thing_id) if row.person_id is not None else None
    if entry is None or entry.deleted_at is not None or entry.owner_id != row.person_id:
        return None
    return entry


async def author(session: AsyncSession, row: Question) -> Person:
    """The person of this hub who was asked.

    Raises:
        NotFound: they live elsewhere.
    """
    if row.person_id is None:
        raise NotFound("This is not on this hub.")
    return await session.get_one(Person, row.person_id)


async def about(session: AsyncSession, thing_id: UUID) -> Sequence[Question]:
    """What was asked about a thing, the oldest first."""
    query = select(Question).where(Question.thing_id == thing_id)
    return (await session.scalars(query.order_by(Question.asked_at, Question.id))).all()


async def unanswered(session: AsyncSession) -> set[UUID]:
    """The ids of things whose authors have not answered yet, and of how those were posted."""
    query = (
        select(Question.thing_id, Submission.id)
        .outerjoin(Submission, Submission.entry_id == Question.thing_id)
        .where(*_waiting())
    )
    return {one for row in await session.execute(query) for one in row if one is not None}


async def close(session: AsyncSession, things: Collection[UUID]) -> None:
    """It was decided about these: nothing more is asked of their authors."""
    open_ones = (Question.thing_id.in_(things), Question.closed_at.is_(None))
    await session.execute(update(Question).where(*open_ones).values(closed_at=now()))


def _waiting() -> tuple[ColumnElement[bool], ...]:
    return (Question.answered_at.is_(None), Question.closed_at.is_(None))

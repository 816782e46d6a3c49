"""Appeals, and taking decisions back: what was decided is made as it was before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.errors import Conflict, Gone, Invalid
from hub.core.services import Services
from hub.entries import board, publishing, replies, tending
from hub.entries.models import HELD, SHOWN, TYPES, Entry, Reply, Report
from hub.moderation import log, telling
from hub.moderation.cards import Card
from hub.moderation.models import Appeal, Decided, Decision
from hub.moderation.telling import Author
from hub.people import secrets
from hub.people.submissions import of_entry
from hub.posting import service as posting
from hub.web.doors import Caller

LONGEST_APPEAL: Final = 2000
SEEN_BY: Final = frozenset({"private", "hub", "public"})  # posted without an account
RESTORED, UPHELD, UNDONE = "restored", "upheld", "undone"


async def by_link(session: AsyncSession, secret: str, *, lock: bool = False) -> Appeal:
    """What the link in a letter is about.

    Raises:
        Gone: there is no such link.
    """
    if not secrets.is_plausible(secret):
        raise Gone("There is no such decision any more.")
    query = select(Appeal).where(Appeal.digest == secrets.digest(secret))
    row = await session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise Gone("There is no such decision any more.")
    return row


def say(row: Appeal, words: str) -> None:
    """Its author says why it was wrong; once, and then a moderator looks.

    Raises:
        Conflict: that was said, or decided.
        Invalid: there are no words, or too many.
    """
    if row.asked_at is not None or row.decided_at is not None:
        raise Conflict("You have said it already. A moderator looks at it.")
    if not 1 <= len(words) <= LONGEST_APPEAL:
        hint = f"Please write between 1 and {LONGEST_APPEAL} characters."
        raise Invalid(hint, {"words": hint})
    row.words, row.asked_at = words, now()


async def decide(
    session: AsyncSession,
    services: Services,
    caller: Caller,
    one: Card,
    *,
    back: bool,
    note: str,
) -> Decision:
    """Give what was taken down back to its author, or leave it as it is; they are told."""
    row = await session.get_one(Appeal, one.id, with_for_update=True)
    if row.decided_at is not None:
        raise Conflict("Another moderator was quicker.")
    first = await session.get_one(Decision, row.decision_id)
    things = await _things(session, row) if back else []
    for thing in things:
        await _restore(session, services, caller, thing)
    row.decided_at, row.outcome = now(), RESTORED if back else UPHELD
    whole = back and len(things) == first.count
    decision = await log.append(
        session,
        by=caller.person_id,
        deed=row.outcome,
        kind=first.kind,
        host=first.host,
        note=note,
        count=len(things) or 1,
        undoes_id=first.id if whole else None,
    )
    whom = Author(row.title, row.person_id, one.actor)
    if back:
        await telling.restored(session, services, whom)
    else:
        await telling.upheld(session, services, whom, note)
    return decision


async def _things(session: AsyncSession, row: Appeal) -> Sequence[Decided]:
    """What was taken down of this author by that decision."""
    theirs = (
        Decided.person_id == row.person_id if row.person_id else Decided.actor_id == row.actor_id
    )
    query = select(Decided).where(
        Decided.decision_id == row.decision_id, Decided.about != "report", theirs
    )
    return (await session.scalars(query)).all()


async def _restore(
    session: AsyncSession, services: Services, caller: Caller, thing: Decided
) -> None:
    """It stands, as if a moderator had let it through; what is gone for good stays so."""
    if thing.about == "reply":
        reply = await session.get(Reply, thing.thing_id)
        if reply is not None and reply.from_us:
            reply.state = SHOWN  # here; from others it was taken back for good, as an entry is
        elif reply is not None:
            await tending.show(session, services, reply)
        return
    entry = await session.get(Entry, thing.thing_id)
    if entry is None or entry.deleted_at is not None:
        return
    await tending.show_entry(session, entry.id)
    row = await of_entry(session, entry.id)
    if row is not None and row.verdict == "refused":
        await posting.reconsider(session, entry, entry.visibility)
        await session.flush()
        await posting.pass_on(session, services, row.id, caller.person_id)


# -------------------------------------------------------------------------------- undoing


async def undo(
    session: AsyncSession, services: Services, caller: Caller, decision_id: int
) -> Decision:
    """Make it as it was, so that it waits once more; whoever was told is told so.

    Raises:
        NotFound: there is no such decision.
        Conflict: it was undone already, or cannot be.
    """
    await log.turn(session)
    first = await log.by_id(session, decision_id)
    if first.deed not in {"passed", "refused", "limited"}:
        raise Conflict("What became of an appeal stands.")
    if await log.is_undone(session, first.id):
        raise Conflict("This was taken back already.")
    decision = await log.append(
        session,
        by=caller.person_id,
        deed=UNDONE,
        kind=first.kind,
        host=first.host,
        count=first.count,
        undoes_id=first.id,
    )
    for thing in await session.scalars(select(Decided).where(Decided.decision_id == first.id)):
        await _put_back(session, services, first, thing)
    await _tell_undone(session, services, first)
    return decision


async def _put_back(
    session: AsyncSession, services: Services, first: Decision, thing: Decided
) -> None:
    if thing.about == "report":
        report = await session.get_one(Report, thing.thing_id)
        report.decided_at = report.outcome = None
    elif thing.about == "reply":
        await _put_reply_back(session, services, first, thing)
    else:
        await _put_entry_back(session, services, first, thing)


async def _put_reply_back(
    session: AsyncSession, services: Services, first: Decision, thing: Decided
) -> None:
    if await session.get(Reply, thing.thing_id) is None:
        return
    reply = await replies.by_id(session, thing.thing_id)
    if first.deed == "passed":
        await board.take_back(session, services, reply)
    reply.state = thing.before
    if reply.state != HELD:
        await board.catch_up(session, services)


async def _put_entry_back(
    session: AsyncSession, services: Services, first: Decision, thing: Decided
) -> None:
    query = select(Entry).where(Entry.id == thing.thing_id).options(selectinload(Entry.author))
    entry = await session.scalar(query.with_for_update(of=Entry))
    if entry is None or entry.deleted_at is not None:
        return
    if thing.before != "hidden":
        entry.hidden_at = None
    if thing.before == "held":
        entry.passed_at = None
    if first.deed == "passed" and entry.local and thing.before != entry.visibility:
        await publishing.recall(session, services, entry, TYPES[entry.kind])
    row = await of_entry(session, entry.id)
    if row is not None and row.decided_at is not None and row.decided_at >= first.at:
        shown = thing.before if thing.before in SEEN_BY else entry.visibility
        await posting.reconsider(session, entry, shown)


async def _tell_undone(session: AsyncSession, services: Services, first: Decision) -> None:
    query = select(Appeal).where(Appeal.decision_id == first.id, Appeal.decided_at.is_(None))
    for row in (await session.scalars(query)).all():
        row.decided_at, row.outcome = now(), UNDONE
        actor = await session.get(Actor, row.actor_id) if row.actor_id else None
        whom = Author(row.title, row.person_id, actor)
        await telling.undone(session, services, whom)

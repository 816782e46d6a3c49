"""Private messages from elsewhere about a listing, in the box of its owner (SETTLED 8).

An answer is the owner's yes; a no deletes the message, and nobody is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from hub.core.clock import now
from hub.core.errors import Forbidden, NotFound
from hub.core.services import Services
from hub.core.text import SafeHtml, shown
from hub.core.words import filled, later
from hub.entries import answers, replies
from hub.entries.models import SHOWN, Reply
from hub.exchange.models import AGREED, DECLINED, Listing, Match
from hub.jobs.registry import Run, job
from hub.people import notices
from hub.people.notices import Notice
from hub.web.doors import Caller

LONGEST_TALK: Final = 500  # messages above one that are looked through
TOLD_WITHIN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Enquiry:
    """A private message of somebody elsewhere about a listing, not yet answered."""

    id: UUID
    author: str
    content: SafeHtml
    at: datetime
    listing: Listing


async def waiting(session: AsyncSession, caller: Caller) -> list[Enquiry]:
    """Private messages from elsewhere about the caller's listings that wait for a yes or a no."""
    if not caller.known:
        return []
    rows = await session.scalars(
        select(Reply)
        .where(
            Reply.person_id == caller.person_id,
            Reply.public.is_(False),
            Reply.from_us.is_(False),
            Reply.read_at.is_(None),
            Reply.state == SHOWN,
        )
        .options(selectinload(Reply.author))
        .order_by(Reply.published_at)
        .limit(100)
    )
    found = []
    for row in rows.all():
        listing = await session.get(Listing, row.entry_id) if row.entry_id else None
        if listing is not None and await _talk_of(session, row) is None:
            said = shown(row.content, row.cleaned_by)
            found.append(Enquiry(row.id, row.author.handle, said, row.published_at, listing))
    return found


@job("exchange.enquiries", every=timedelta(minutes=1))
async def tell(run: Run) -> None:
    """Tell people of what somebody elsewhere wrote to them, each message once."""
    async with run.finish() as session:
        rows = await session.scalars(
            select(Reply).where(
                Reply.person_id.is_not(None),
                Reply.public.is_(False),
                Reply.from_us.is_(False),
                Reply.read_at.is_(None),
                Reply.received_at > now() - TOLD_WITHIN,
            )
        )
        for row in rows.all():
            listing = await session.get(Listing, row.entry_id) if row.entry_id else None
            if row.person_id is None or listing is None:
                continue
            talk = await _talk_of(session, row)
            path = f"/matches/{talk.id}" if talk is not None else "/matches"
            words = later("Somebody elsewhere wrote to you. Say yes by answering, or no.")
            subject = filled("A message about: {title}", title=listing.title)
            notice = Notice("message", subject, (words,), f"{path}#said-{row.id}")
            await notices.tell(session, run.services, row.person_id, notice)


async def _talk_of(session: AsyncSession, reply: Reply) -> Match | None:
    """The match in whose talk something was said, if both had said yes to it."""
    root = reply
    for _ in range(LONGEST_TALK):
        above = await session.get(Reply, root.answers_id) if root.answers_id else None
        if above is None:
            break
        root = above
    query = select(Match).where(Match.request_id == root.id, Match.state == AGREED)
    return await session.scalar(query)


async def by_id(session: AsyncSession, reply_id: UUID, caller: Caller) -> Reply:
    """A private message to the caller.

    Raises:
        NotFound: there is none.
        Forbidden: it is for somebody else.
    """
    reply = await replies.by_id(session, reply_id)
    if reply.public or reply.from_us:
        raise NotFound("This message is no longer here.")
    if reply.person_id is None or reply.person_id != caller.person_id:
        raise Forbidden("This message is for somebody else.")
    return reply


async def accept(session: AsyncSession, services: Services, reply: Reply, words: str) -> None:
    """Say yes by answering; where the two were suggested here too, that is where they go on.

    Raises:
        Invalid: there are too many words.
    """
    suggested = await _meant(session, reply)
    await answers.answer(session, services, reply, words)
    if suggested is not None and suggested.request_id is None:
        suggested.state, suggested.request_id = AGREED, reply.id
        suggested.asked_by = "want" if suggested.offer_id == reply.entry_id else "offer"
        suggested.asked_at = suggested.agreed_at = now()


async def refuse(session: AsyncSession, reply: Reply) -> None:
    """Say no to a message from elsewhere: it is deleted, and nobody is told."""
    suggested = await _meant(session, reply)
    await replies.purge(session, reply)
    if suggested is not None:
        suggested.state = DECLINED


async def _meant(session: AsyncSession, reply: Reply) -> Match | None:
    """The match that a question from another hub is about, where it was suggested here too."""
    rows = await session.scalars(
        select(Match)
        .where(or_(Match.offer_id == reply.entry_id, Match.want_id == reply.entry_id))
        .options(selectinload(Match.offer), selectinload(Match.want))
    )
    for row in rows.all():
        other = row.want if row.offer_id == reply.entry_id else row.offer
        if other.author_id == reply.author_id and other.url in reply.content:
            return row
    return None

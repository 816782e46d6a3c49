"""What stewards do beside posting."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from hub.admin import queries
from hub.core.clock import now
from hub.core.errors import NotFound
from hub.core.services import Services
from hub.entries import answers, board, quotes
from hub.entries.models import Entry, Reply
from hub.fediverse import follows, peers


async def hide_entry(session: AsyncSession, entry_id: UUID) -> Entry:
    """Take an entry out of every page and list of this hub; elsewhere nothing changes.

    Raises:
        NotFound: there is none.
    """
    entry = await _entry(session, entry_id)
    entry.hidden_at = entry.hidden_at or now()
    return entry


async def show_entry(session: AsyncSession, entry_id: UUID) -> Entry:
    """Show an entry again.

    Raises:
        NotFound: there is none.
    """
    entry = await _entry(session, entry_id)
    entry.hidden_at = None
    entry.passed_at = entry.passed_at or now()
    return entry


async def pass_on(
    session: AsyncSession, services: Services, reply: Reply, *, whole_server: bool = False
) -> None:
    """Show what waited, or all that waits from its server; what is for others too goes to them."""
    await answers.pass_on(session, reply, whole_server=whole_server)
    await board.catch_up(session, services)


async def answer(
    session: AsyncSession,
    services: Services,
    reply: Reply,
    words: str,
    *,
    answer_id: UUID | None = None,
) -> None:
    """Answer in the name of a channel, once, which lets through what is answered."""
    await answers.answer(session, services, reply, words, answer_id=answer_id)
    await board.catch_up(session, services)


async def hide(session: AsyncSession, services: Services, reply: Reply) -> None:
    """Show it to nobody, here and among those who heard of it from us."""
    await answers.hide(session, services, reply)
    await board.take_back(session, services, reply)


async def show(session: AsyncSession, services: Services, reply: Reply) -> None:
    """Show it again; what was taken back from others stays so."""
    answers.show(reply)
    await board.catch_up(session, services)


async def block(
    session: AsyncSession, services: Services, host: str, *, silence: bool = False
) -> str:
    """Take nothing more from a server, or show it no more unless a steward lets it through.

    Raises:
        Invalid: it is not a server's name, or is ours.
    """
    if silence:
        return await peers.silence(session, services, host)
    name = await peers.block(session, services, host)
    await quotes.end_of_blocked(session, services)
    return name


async def remove_follower(session: AsyncSession, services: Services, follow_id: UUID) -> None:
    """Send a follower away; their server is told.

    Raises:
        NotFound: there is no such follower.
    """
    row = await queries.follow_by_id(session, follow_id)
    if not row.followee.local:
        raise NotFound("There is no such follower.")
    activity = follows.activity_of(row)
    await follows.reject(session, services, row.follower, row.followee, activity)
    await follows.forget(session, row.follower_id, row.followee_id)


async def _entry(session: AsyncSession, entry_id: UUID) -> Entry:
    entry = await session.get(Entry, entry_id, with_for_update=True)
    if entry is None or entry.deleted_at is not None:
        raise NotFound("This is no longer here.")
    return entry

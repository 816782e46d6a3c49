"""What stewards do with what others say: let it through, answer it, hide it, show it again.

Here, and among those who heard of it from us.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import NotFound
from hub.core.services import Services
from hub.entries import answers, board, publishing, replies
from hub.entries.models import TYPES, Entry, Reply


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


async def take_down(session: AsyncSession, services: Services, entry_id: UUID) -> Entry:
    """Hide an entry; of one of ours, everyone who has it is asked to forget it.

    Raises:
        NotFound: there is none.
    """
    entry = await hide_entry(session, entry_id)
    if entry.local:
        await session.refresh(entry, ["author"])
        await publishing.recall(session, services, entry, TYPES[entry.kind])
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


async def take_away(session: AsyncSession, services: Services, reply: Reply) -> None:
    """Delete what a resident said for everybody, here and among those who heard of it."""
    await hide(session, services, reply)
    await replies.purge(session, reply)


async def show(session: AsyncSession, services: Services, reply: Reply) -> None:
    """Show it again; what was taken back from others stays so."""
    answers.show(reply)
    await board.catch_up(session, services)


async def _entry(session: AsyncSession, entry_id: UUID) -> Entry:
    entry = await session.get(Entry, entry_id, with_for_update=True)
    if entry is None or entry.deleted_at is not None:
        raise NotFound("This is no longer here.")
    return entry

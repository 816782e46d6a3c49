"""What is answered to an entry of ours goes to the hubs that follow its channel.

Whoever answers tells us and their own followers, and nobody else: the hubs on which the entry
stands as well would not see it. They get its id once it stands here, and take it from its own
server; what waits for a steward goes when it is let through, and is taken back when it is hidden
(`board.catch_up`, `board.take_back`).
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors.models import Actor
from hub.core.services import Services
from hub.entries.models import SHOWN, Entry, Reply
from hub.fediverse import announcing, outbox


async def carry(session: AsyncSession, services: Services, reply: Reply, author: Actor) -> None:
    """Pass a new answer of `author`, who is elsewhere, on to hubs, now or once it is shown.

    A server counts as a hub if we know a Group there (FEP-1b12); Mastodon's followers get nothing.
    Of who answers much in a day only what waits for a steward is passed on.
    """
    entry = await session.get(Entry, reply.entry_id) if reply.entry_id and reply.public else None
    if entry is None or not entry.local or len(reply.uri.encode()) > outbox.LONGEST_OBJECT:
        return
    channel = await session.get_one(Actor, entry.author_id)
    if not await announcing.group_boxes(session, channel):
        return
    seen = reply.state != SHOWN  # by a steward, before it goes
    if not seen and not await announcing.admits(session, announcing.may_answer(channel.id), author):
        return
    row = await announcing.intend(session, channel, author, reply.uri, None)
    if row is not None and reply.state == SHOWN:
        await announcing.say(session, services, row)

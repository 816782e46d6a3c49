"""What a block of a server would sever, counted before it is done (SECURITY G5)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors.models import Actor
from hub.core.errors import Invalid
from hub.core.services import Services
from hub.entries.models import HIDDEN, Entry, Reply
from hub.fediverse import peers, rulings
from hub.fediverse.models import Announcement, Delivery, Follow, Peer


@dataclass(frozen=True, slots=True)
class Effect:
    """How much goes with a server and those below its name.

    `conversations` are people there with whom something private was exchanged; `passed_on` are
    posts that @board takes back, `waiting` is mail that is not sent any more.
    """

    host: str
    standing: str
    followers: int
    followed: int
    entries: int
    replies: int
    conversations: int
    passed_on: int
    waiting: int

    @property
    def nothing(self) -> bool:
        """Whether nothing here would change for anybody."""
        return not any(
            (self.followers, self.followed, self.entries, self.replies, self.conversations)
        )


async def effect(session: AsyncSession, services: Services, entered: str) -> Effect:
    """What a block of this server would sever.

    Raises:
        Invalid: it is not a server's name, or is ours.
    """
    host = peers.host_of(entered)
    if services.is_ours(host):
        raise Invalid("A hub cannot block itself.")
    there = peers.under(Actor.authority.expression, host) & Actor.local.is_(False)
    theirs = select(Actor.id).where(there)
    said = select(func.count(Reply.id)).where(Reply.author_id.in_(theirs), Reply.public)
    talks = select(func.count(Reply.author_id.distinct())).where(
        Reply.author_id.in_(theirs), Reply.public.is_(False), Reply.state != HIDDEN
    )
    entries = select(func.count(Entry.id)).where(
        peers.under(Entry.origin.expression, host),
        Entry.deleted_at.is_(None),
        Entry.hidden_at.is_(None),
    )
    passed_on = select(func.count(Announcement.id)).where(
        Announcement.author_id.in_(theirs),
        Announcement.said_at.is_not(None),
        Announcement.undone_at.is_(None),
    )
    waiting = select(func.count(Delivery.id)).where(peers.under(Delivery.host.expression, host))
    accepted = select(func.count(Follow.id)).where(Follow.state == "accepted")
    peer = await session.get(Peer, host)
    queries = {
        "followers": accepted.where(Follow.follower_id.in_(theirs)),
        "followed": accepted.where(Follow.followee_id.in_(theirs)),
        "entries": entries,
        "replies": said.where(Reply.state != HIDDEN),
        "conversations": talks,
        "passed_on": passed_on,
        "waiting": waiting,
    }
    counts = {name: await session.scalar(query) or 0 for name, query in queries.items()}
    return Effect(host, peer.standing if peer is not None else rulings.OPEN, **counts)

"""What goes with servers that are blocked, and returns when that is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors.models import Actor
from hub.core.clock import now
from hub.entries.models import HELD, SHOWN, Reply
from hub.fediverse import backfill
from hub.fediverse.follows import ACCEPTED
from hub.fediverse.models import Follow, Peer
from hub.fediverse.rulings import BLOCKED, Severed, Word, parts
from hub.trust.models import ServerList


@dataclass(slots=True)
class Undone:
    """A list that was taken back.

    `names` stand again as before; `kept` were changed since and were left alone. `follows` and
    `replies` are there again, `lost` follows could not be. `mail` and `taken_back` are what no
    undo brings back: deliveries that were dropped, and posts of which followers were told to
    forget them.
    """

    names: int = 0
    kept: list[str] = field(default_factory=list)
    follows: int = 0
    lost: int = 0
    replies: int = 0
    mail: int = 0
    taken_back: int = 0

    def add(self, other: Undone) -> None:
        """Count what became of another list of the same name too."""
        self.follows += other.follows
        self.lost += other.lost
        self.replies += other.replies
        self.mail += other.mail
        self.taken_back += other.taken_back


def keep(row: ServerList, words: Sequence[Word], before: dict[str, Word], severed: Severed) -> None:
    """Note what was said before of each name, and what went with them."""
    row.changes = [
        {"word": asdict(word), "before": asdict(before[word.host]) if word.host in before else None}
        for word in words
    ]
    row.follows, row.replies = severed.follows, [str(each) for each in severed.replies]
    row.mail = severed.mail


async def bring_back(session: AsyncSession, row: ServerList, done: Undone) -> None:
    """The follows that went with a list, and the answers that came to wait; it is undone then."""
    await _follow_again(session, row.follows, done)
    await _show_again(session, [UUID(each) for each in row.replies], done)
    row.undone_at = now()
    row.changes, row.follows, row.replies = [], [], []
    row.outcome = asdict(done)


async def _follow_again(
    session: AsyncSession, follows: Sequence[dict[str, Any]], done: Undone
) -> None:
    """Follows that went with servers; neither side was told that they ended.

    Whom we follow is read again, as after any answer that lets us follow them.
    """
    blocked = select(Peer.host).where(Peer.standing == BLOCKED)
    read = []
    for saved in follows:
        sides = [UUID(saved["follower_id"]), UUID(saved["followee_id"])]
        actors = await session.scalars(
            select(Actor).where(
                Actor.id.in_(sides), Actor.deleted_at.is_(None), Actor.authority.not_in(blocked)
            )
        )
        there = {actor.id: actor for actor in actors}
        again = exists().where(
            (Follow.uri == saved["uri"])
            | ((Follow.follower_id == sides[0]) & (Follow.followee_id == sides[1]))
        )
        if there.keys() != set(sides) or await session.scalar(select(again)):
            done.lost += 1
            continue
        row = Follow(
            uri=saved["uri"],
            follower_id=sides[0],
            followee_id=sides[1],
            state=saved["state"],
            relay=saved.get("relay"),
            created_at=datetime.fromisoformat(saved["created_at"]),
        )
        session.add(row)
        done.follows += 1
        if there[row.follower_id].local and row.state == ACCEPTED and row.relay is None:
            read.append(row)
    await session.flush()
    for row in read:
        await backfill.begin(session, row.id)


async def _show_again(session: AsyncSession, ids: Sequence[UUID], done: Undone) -> None:
    """Answers that came to wait with a list."""
    open_hosts = select(Peer.host).where(Peer.standing.in_(("open", "allowed")))
    authors = select(Actor.id).where(Actor.authority.in_(open_hosts))
    for part in parts(ids):
        shown = await session.scalars(
            update(Reply)
            .where(Reply.id.in_(part), Reply.state == HELD, Reply.author_id.in_(authors))
            .values(state=SHOWN)
            .returning(Reply.id)
        )
        done.replies += len(shown.all())

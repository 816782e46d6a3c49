"""What stewards do beside posting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from hub.admin import queries
from hub.core.errors import NotFound
from hub.core.services import Services
from hub.entries import quotes
from hub.fediverse import announcing, follows, forwarding, peers


@dataclass(frozen=True, slots=True)
class Barred:
    """A server that was just blocked or silenced.

    `taken_back`: its posts that @board had passed on, and that our followers are told to forget.
    """

    host: str
    standing: Literal["blocked", "silenced"]
    taken_back: int = 0

    def __str__(self) -> str:
        """What happened, in words."""
        if self.standing == "silenced":
            return (
                f"{self.host} is silenced: it may go on to send, but what it publishes waits for "
                "a steward before anybody sees it here."
            )
        posts = "1 post" if self.taken_back == 1 else f"{self.taken_back} posts"
        passed_on = f" Taken back: {posts} of it that @board had passed on." * bool(self.taken_back)
        return (
            f"{self.host} is blocked: nothing is taken from it or sent to it, its followers are "
            f"let go, and what it sent is no longer shown.{passed_on}"
        )


async def block(
    session: AsyncSession, services: Services, host: str, *, silence: bool = False
) -> Barred:
    """Take nothing more from a server, or show it no more unless a steward lets it through.

    What @board passed on of a blocked server is taken back from everyone who got it.

    Raises:
        Invalid: it is not a server's name, or is ours.
    """
    if silence:
        return Barred(await peers.silence(session, services, host), "silenced")
    name = await peers.block(session, services, host)
    await quotes.end_of_blocked(session, services)
    await forwarding.drop_from(session, name)
    return Barred(name, "blocked", await announcing.undo_all_of(session, name))


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

"""Servers of which something waits for a steward, with what it is; and letting it through."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors.models import Actor
from hub.core import text
from hub.core.clock import now
from hub.core.services import Services
from hub.entries import replies, tending
from hub.entries.models import Entry, Reply
from hub.fediverse import rulings
from hub.fediverse.models import Peer
from hub.moderation import cards
from hub.trust.weighing import Weight, weights_of

MOST: Final = 100  # servers on the page, those of which most waits first
SAMPLES: Final = 3
LONGEST_SAMPLE: Final = 120


@dataclass(slots=True)
class Held:
    """A server of which something waits: so many entries and answers, and the first words of some.

    `flooded`: the hub silenced it by itself, since it sent very much at once.
    """

    host: str
    standing: str = rulings.OPEN
    software: str | None = None
    first_seen_at: datetime | None = None
    flooded: bool = False
    entries: int = 0
    answers: int = 0
    samples: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How much waits."""
        return self.entries + self.answers


@dataclass(frozen=True, slots=True)
class Known:
    """One server: what is said of it, by which name, how it is bound to us, and what waits."""

    host: str
    word: rulings.Word
    by: str
    weight: Weight
    held: Held
    peer: Peer | None


async def listed(session: AsyncSession) -> list[Held]:
    """The servers of which something waits, those of which most does first."""
    found: dict[str, Held] = {}
    entries = select(Entry.origin, func.count(Entry.id)).where(*cards.held())
    for host, count in (await session.execute(entries.group_by(Entry.origin))).all():
        found.setdefault(host, Held(host)).entries = count
    answers = (
        select(Actor.authority, func.count(Reply.id))
        .join(Actor, Actor.id == Reply.author_id)
        .where(*cards.held_replies())
    )
    for host, count in (await session.execute(answers.group_by(Actor.authority))).all():
        found.setdefault(host, Held(host)).answers = count
    chosen = sorted(found.values(), key=lambda one: (-one.count, one.host))[:MOST]
    for one in chosen:
        await _describe(session, one)
    return chosen


async def of(session: AsyncSession, host: str) -> Known:
    """One server, known here or not."""
    ruling = await rulings.of(session, host)
    held = next((one for one in await listed(session) if one.host == host), Held(host))
    named = await rulings.servers_under(session, [host])
    weights = await weights_of(session, named)
    return Known(
        host=host,
        word=rulings.word_of(ruling) if ruling is not None else rulings.Word(host, "open"),
        by=ruling.host if ruling is not None else "",
        weight=sum(weights.values(), Weight()),
        held=held,
        peer=await session.get(Peer, host),
    )


async def _describe(session: AsyncSession, one: Held) -> None:
    peer = await session.get(Peer, one.host)
    if peer is not None:
        one.standing, one.software = peer.standing, peer.software
        one.first_seen_at, one.flooded = peer.first_seen_at, peer.flooded_at is not None
    titles = await session.scalars(
        select(Entry.title)
        .where(*cards.held(), Entry.origin == one.host)
        .order_by(Entry.created_at.desc())
        .limit(SAMPLES)
    )
    said = await session.scalars(
        select(Reply.content)
        .join(Actor, Actor.id == Reply.author_id)
        .where(*cards.held_replies(), Actor.authority == one.host)
        .order_by(Reply.received_at.desc())
        .limit(SAMPLES)
    )
    samples = [*titles, *(text.plain(content) for content in said)]
    one.samples = [text.teaser(sample, LONGEST_SAMPLE) for sample in samples[:SAMPLES]]


async def release(session: AsyncSession, services: Services, host: str) -> None:
    """Show all that waits from a server; before it is allowed, since then nothing waits."""
    first = await session.scalar(
        select(Reply.id)
        .join(Actor, Actor.id == Reply.author_id)
        .where(*cards.held_replies(), Actor.authority == host)
        .limit(1)
    )
    if first is not None:
        reply = await replies.by_id(session, first)
        await tending.pass_on(session, services, reply, whole_server=True)
    await session.execute(
        update(Entry)
        .where(*cards.held(), Entry.origin == host)
        .values(passed_at=now())
        .execution_options(synchronize_session=False)
    )

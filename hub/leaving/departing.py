"""Leaving the hub (T41): posts are taken back everywhere, and who it was is forgotten.

How far that is at other servers, the one who left can see for a while, by a link that knows no
name. What stays, and why, is said in `docs/retention.md`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import NotFound
from hub.core.services import Services
from hub.entries import answers, pictures, publishing, tending
from hub.entries.models import Entry, Reply, Report
from hub.events.models import Attendance, Event, Series
from hub.exchange.models import Backer, Loan, Match, MatchMessage
from hub.fediverse import ledger
from hub.fediverse.models import Delivery, OutboxActivity, Receipt
from hub.feeds.models import ImportChange, ImportedItem
from hub.jobs import retention
from hub.jobs.queue import enqueue
from hub.jobs.retention import clock, let_go
from hub.leaving import parcels
from hub.leaving.models import Farewell, FarewellThing, Parcel
from hub.moderation.models import Appeal, Question
from hub.news.models import Consent
from hub.people import searches, secrets
from hub.people import service as people
from hub.people.models import Submission, Told
from hub.posting import queries
from hub.posting.kinds import take_away

SEEN_FOR: Final = timedelta(days=40)  # longer than any Delete is on its way (SETTLED 4)

State = Literal["waiting", "delivered", "given up"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: each server that had something, and since when it deletes it.

    `pending` are things of which it is not known yet who has to be told.
    """

    left_at: datetime
    servers: dict[str, State]
    pending: int

    @property
    def done(self) -> bool:
        """Whether nothing more will be tried."""
        return not self.pending and "waiting" not in self.servers.values()


async def leave(services: Services, person_id: UUID) -> str:
    """Forget a person; their row stays without a word in it, since others point to it.

    In one transaction, so that nobody is half gone. The answer is the secret of the link that
    shows how far it is.

    Raises:
        NotFound: there is no such person.
        Conflict: it is the last steward.
    """
    secret = secrets.new_link()
    async with services.db.write() as session:
        await people.forget(session, person_id)
        entries = await queries.own(session, person_id, limit=None)
        ids = [entry.id for entry in entries]
        session.add(Farewell(digest=secrets.digest(secret)))
        await session.flush()
        await _forget_talk(session, person_id, ids)
        for said in await answers.said_by(session, person_id):
            if not await publishing.is_gone(session, said.uri, None):
                session.add(FarewellThing(digest=secrets.digest(secret), uri=said.uri))
            await tending.take_away(session, services, said)
        for entry in entries:
            await _withdraw(session, services, entry, secret)
        await _forget_rows(session, person_id, ids)
        copies = await session.scalars(
            delete(Parcel).where(Parcel.person_id == person_id).returning(Parcel.id)
        )
        names = copies.all()
        await enqueue(session, retention.forget)  # pictures and words go with the clocks
    for name in names:
        await asyncio.to_thread(parcels.path(services, name).unlink, missing_ok=True)
    return secret


async def _withdraw(session: AsyncSession, services: Services, entry: Entry, secret: str) -> None:
    """Take one thing back, and note it if others were told of it."""
    if entry.published_at is not None or await ledger.is_held(session, entry.uri):
        session.add(FarewellThing(digest=secrets.digest(secret), uri=entry.uri))
    if entry.picture_id is not None:
        await pictures.release(session, entry.picture_id)
    await take_away(session, services, entry)


async def _forget_talk(session: AsyncSession, person_id: UUID, entries: Sequence[UUID]) -> None:
    """What they said to others, and where they wanted to come to; before their entries go."""
    mine = or_(
        and_(MatchMessage.side == "offer", Match.offer_id.in_(entries)),
        and_(MatchMessage.side == "want", Match.want_id.in_(entries)),
    )
    said = select(MatchMessage.id).join(Match, Match.id == MatchMessage.match_id).where(mine)
    await session.execute(delete(MatchMessage).where(MatchMessage.id.in_(said)))
    await session.execute(
        update(Match).where(Match.offer_id.in_(entries)).values(offer_reasons=[], want_reasons=[])
    )
    await session.execute(
        update(Match).where(Match.want_id.in_(entries)).values(offer_reasons=[], want_reasons=[])
    )
    await session.execute(delete(Attendance).where(Attendance.person_id == person_id))


async def _forget_rows(session: AsyncSession, person_id: UUID, entries: Sequence[UUID]) -> None:
    await searches.forget(session, person_id)
    for of_them in (
        Told.person_id == person_id,
        Backer.person_id == person_id,
        Backer.listing_id.in_(entries),
        Loan.listing_id.in_(entries),
        Appeal.person_id == person_id,
        Question.person_id == person_id,
        Submission.person_id == person_id,
        Submission.entry_id.in_(entries),
        Consent.entry_id.in_(entries),
        ImportChange.entry_id.in_(entries),
        ImportedItem.entry_id.in_(entries),
        Reply.person_id == person_id,
    ):
        table = of_them.left.table
        await session.execute(delete(table).where(of_them))
    for table, values in ((Report, {"person_id": None, "email": None}), (Consent, {"name": ""})):
        await session.execute(update(table).where(table.person_id == person_id).values(values))
    await session.execute(
        update(Report).where(Report.against_id == person_id).values(against_id=None)
    )
    await _forget_series(session, entries)


async def _forget_series(session: AsyncSession, entries: Sequence[UUID]) -> None:
    """A series of theirs of which no date is left has no words either."""
    mine = select(Event.series_id).where(Event.id.in_(entries), Event.series_id.is_not(None))
    living = select(Event.id).where(Event.series_id == Series.id, Event.deleted_at.is_(None))
    await session.execute(
        update(Series)
        .where(Series.id.in_(mine), ~living.exists())
        .values(draft={}, ended_at=func.coalesce(Series.ended_at, now()))
        .execution_options(synchronize_session=False)
    )


async def progress(session: AsyncSession, secret: str) -> Progress:
    """How far it is, for whoever has the link.

    Raises:
        NotFound: there is no such link, or it is too old.
    """
    digest = secrets.digest(secret)
    row = await session.get(Farewell, digest)
    if row is None:
        raise NotFound("There is nothing here any more.")
    things = select(FarewellThing.uri).where(FarewellThing.digest == digest)
    waiting = set(
        await session.scalars(
            select(Delivery.host).where(Delivery.object_uri.in_(things)).distinct()
        )
    )
    pending = await session.scalar(
        select(func.count()).where(
            OutboxActivity.object_uri.in_(things), OutboxActivity.expanded_at.is_(None)
        )
    )
    servers: dict[str, State] = dict.fromkeys(sorted(waiting), "waiting")
    receipts = await session.execute(
        select(Receipt.host, func.min(Receipt.delivered_at))
        .where(Receipt.object_uri.in_(things))
        .group_by(Receipt.host)
        .order_by(Receipt.host)
    )
    for host, first in receipts:
        if host not in servers and not pending:
            servers[host] = "delivered" if first >= row.left_at else "given up"
        elif host not in servers:
            servers[host] = "waiting"
    return Progress(row.left_at, dict(sorted(servers.items())), pending or 0)


@clock(
    "leaving.farewells",
    "the link by which one who left sees what became of their posts elsewhere",
    kept=SEEN_FOR,
    since="they left",
)
async def forget_farewells(services: Services) -> int:
    """Links of those who left long ago."""
    return await let_go(services, Farewell, Farewell.left_at < now() - SEEN_FOR)

"""The hubs that we follow, as stewards see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.entries.models import Entry
from hub.fediverse import follows, readings
from hub.fediverse.models import Backfill, Follow, Peer


@dataclass(frozen=True, slots=True)
class Reading:
    """How far we have read what somebody published before we followed them.

    `read` of `total` things were looked at (None: they do not say how many), `taken` of them are
    not over. `trouble` is why it cannot go on at the moment.
    """

    read: int
    taken: int
    total: int | None
    done: bool
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Followed:
    """Somebody whom we follow or asked to follow."""

    handle: str
    uri: str
    title: str
    state: str
    reading: Reading | None


@dataclass(frozen=True, slots=True)
class FollowedHub:
    """A server and whom we follow there; `entries` of it stand here."""

    host: str
    followed: tuple[Followed, ...]
    entries: int
    seen_at: datetime | None


async def hubs(session: AsyncSession) -> list[FollowedHub]:
    """Every server on which we follow somebody, by name."""
    rows = await follows.ours(session)
    how_far = await readings.progress(session)
    hosts = {row.followee.authority for row in rows}
    counted = await session.execute(
        select(Entry.origin, func.count())
        .where(Entry.origin.in_(hosts), Entry.deleted_at.is_(None))
        .group_by(Entry.origin)
    )
    entries: dict[str, int] = dict(counted.all())
    seen = await session.execute(select(Peer.host, Peer.last_seen_at).where(Peer.host.in_(hosts)))
    heard: dict[str, datetime | None] = dict(seen.all())
    rows.sort(key=lambda row: (row.followee.authority, row.followee.name))
    return [
        FollowedHub(
            host=host,
            followed=tuple(_followed(row, how_far.get(row.id)) for row in there),
            entries=entries.get(host, 0),
            seen_at=heard.get(host),
        )
        for host, there in groupby(rows, lambda row: row.followee.authority)
    ]


def _followed(row: Follow, reading: Backfill | None) -> Followed:
    actor = row.followee
    return Followed(
        handle=actor.handle,
        uri=actor.uri,
        title=actor.display_name or actor.name,
        state=row.state,
        reading=None if reading is None else _reading(reading),
    )


def _reading(row: Backfill) -> Reading:
    return Reading(
        read=row.items,
        taken=row.taken,
        total=row.total,
        done=row.finished_at is not None or row.run > 1,
        trouble=None if row.finished_at is not None or not row.tried else row.error,
    )

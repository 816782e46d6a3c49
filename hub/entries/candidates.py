"""What an entry may be the same thing as: what other hubs tell near it in time, or on the map.

The rows have what `entries.sameness` compares, and `id`, `origin` and `number`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.entries.models import Entry
from hub.entries.sameness import CLOSE, TIMED
from hub.entries.visibility import PUBLIC, standing

MOST: Final = 500  # entries that one is compared with
DEGREES: Final = 0.01  # around a place, in which others are looked at: about a kilometre
TIMES: Final = 50  # moments in one statement

# Written once, since each entry that comes in is compared.
_COMPARED: Final = select(
    *(Entry.id, Entry.kind, Entry.title, Entry.url, Entry.place),
    *(Entry.latitude, Entry.longitude, Entry.happens_at, Entry.origin, Entry.number),
).where(Entry.visibility == PUBLIC)
_OF_KIND: Final = Entry.kind == bindparam("kind")
_ANYWHERE: Final = (
    _COMPARED.where(_OF_KIND, Entry.origin != bindparam("origin"), standing())
    .order_by(Entry.number)
    .limit(MOST)
)
_AT_THE_TIME: Final = _ANYWHERE.where(
    Entry.happens_at.between(bindparam("first"), bindparam("last"))
)
_NEARBY: Final = _ANYWHERE.where(
    or_(
        and_(
            func.abs(Entry.latitude - bindparam("latitude")) < DEGREES,
            func.abs(Entry.longitude - bindparam("longitude")) < DEGREES,
        ),
        Entry.latitude.is_(None),
    )
)
# Each moment is found by the index of lists; were the kind said but once, SQLite would walk along
# all events instead. Who stands is asked later, of the few that are the same thing.
_AT_TIMES: Final = _COMPARED.where(
    or_(
        *(
            _OF_KIND & Entry.happens_at.between(bindparam(f"first{each}"), bindparam(f"last{each}"))
            for each in range(TIMES)
        )
    )
).limit(bindparam("most"))
_STANDING: Final = select(Entry.id).where(
    Entry.id.in_(bindparam("ids", expanding=True)), standing()
)


async def of(session: AsyncSession, entry: Entry) -> Sequence[Any]:
    """The candidates of one entry that are there for somebody; the oldest first."""
    asked = {"kind": entry.kind, "origin": entry.origin}
    if entry.kind == TIMED:
        first, last = entry.happens_at - CLOSE, entry.happens_at + CLOSE
        rows = await session.execute(_AT_THE_TIME, {**asked, "first": first, "last": last})
    elif entry.latitude is not None and entry.longitude is not None:
        spot = {"latitude": entry.latitude, "longitude": entry.longitude}
        rows = await session.execute(_NEARBY, {**asked, **spot})
    else:
        rows = await session.execute(_ANYWHERE, asked)
    return rows.all()


async def of_all(session: AsyncSession, entries: Sequence[Entry]) -> dict[UUID, Sequence[Any]]:
    """The candidates of each; of events, which come in numbers, with one question for many.

    Whether they are there for somebody is not asked: see `standing_of`.
    """
    found = {one.id: await of(session, one) for one in entries if one.kind != TIMED}
    timed = [one for one in entries if one.kind == TIMED]
    rows = await _at_times(session, sorted({one.happens_at for one in timed}))
    if rows is None:
        return found | {one.id: await of(session, one) for one in timed}
    starts = [row.happens_at for row in rows]
    for one in timed:
        first = bisect_left(starts, one.happens_at - CLOSE)
        last = bisect_right(starts, one.happens_at + CLOSE)
        others = [row for row in rows[first:last] if row.origin != one.origin]
        found[one.id] = sorted(others, key=attrgetter("number"))[:MOST]
    return found


async def standing_of(session: AsyncSession, ids: Collection[UUID]) -> set[UUID]:
    """Those of these that are there for somebody."""
    return set(await session.scalars(_STANDING, {"ids": list(ids)})) if ids else set()


async def _at_times(session: AsyncSession, moments: Sequence[datetime]) -> list[Any] | None:
    """What begins at one of these moments, in that order; None if it is too much to ask for."""
    found: dict[UUID, Any] = {}
    for at in range(0, len(moments), TIMES):
        part = moments[at : at + TIMES]
        asked: dict[str, Any] = {"kind": TIMED, "most": MOST * len(part)}
        for each in range(TIMES):
            # What is left over lies between a moment and an earlier one: nothing does.
            moment, within = (part[each], CLOSE) if each < len(part) else (part[0], -CLOSE)
            asked |= {f"first{each}": moment - within, f"last{each}": moment + within}
        rows = (await session.execute(_AT_TIMES, asked)).all()
        if len(rows) == asked["most"]:
            return None
        found |= {row.id: row for row in rows}
    return sorted(found.values(), key=attrgetter("happens_at"))

"""What an entry may be the same thing as: what other hubs tell near it in time, or on the map.

What has no place on the map is found by the two most telling words of its title, and so is, for
what has one, what has none; where only few have none, all of these are looked at. The rows have
what `entries.sameness` compares, and `id`, `origin` and `number`. Each statement is written once,
and finds its rows by an index, whatever else there is.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.questions import PART
from hub.entries import sameness, search
from hub.entries.models import Entry
from hub.entries.sameness import CLOSE, METRES, NEAR_M, TIMED
from hub.entries.visibility import PUBLIC, standing

MOST: Final = 500  # entries that one is compared with, of each way to find them
TIMES: Final = 50  # moments in one statement
WORDS: Final = 2  # of a title, the longest
HITS: Final = 5_000  # the newest things of all kinds that have these words
_REACH: Final = 1.01 * NEAR_M / METRES  # in degrees of latitude

_COMPARED: Final = select(
    *(Entry.id, Entry.kind, Entry.title, Entry.url, Entry.place),
    *(Entry.latitude, Entry.longitude, Entry.happens_at, Entry.origin, Entry.number),
).where(Entry.visibility == PUBLIC)
_ELSEWHERE: Final = (
    _COMPARED.where(Entry.origin != bindparam("origin"), standing())
    .order_by(Entry.number)
    .limit(MOST)
)
_OF_KIND: Final = Entry.kind == bindparam("kind")
# The kind is not to be the way in: that would lead along everything of it.
_WHICH_IS_OF_KIND: Final = func.lower(Entry.kind) == bindparam("kind")
_AT_THE_TIME: Final = _ELSEWHERE.where(
    _OF_KIND, Entry.happens_at.between(bindparam("first"), bindparam("last"))
)
_IN_THE_BOX: Final = and_(
    Entry.latitude.between(bindparam("south"), bindparam("north")),
    Entry.longitude.between(bindparam("west"), bindparam("east")),
)
_AT_THE_TIME_NEARBY: Final = _AT_THE_TIME.where(or_(Entry.latitude.is_(None), _IN_THE_BOX))
_NEARBY: Final = _ELSEWHERE.where(_WHICH_IS_OF_KIND, _IN_THE_BOX)
_NOWHERE: Final = _ELSEWHERE.where(_OF_KIND, Entry.latitude.is_(None), Entry.longitude.is_(None))
_WITH_WORDS: Final = _ELSEWHERE.where(_WHICH_IS_OF_KIND)
# Each moment is found by the index of lists; were the kind said but once, SQLite would walk along
# all events instead. Whose author and server stand is asked later, of the few that are the same.
_AT_TIMES: Final = _COMPARED.where(
    Entry.deleted_at.is_(None),
    Entry.hidden_at.is_(None),
    or_(
        *(
            _OF_KIND & Entry.happens_at.between(bindparam(f"first{each}"), bindparam(f"last{each}"))
            for each in range(TIMES)
        )
    ),
).limit(MOST * TIMES)
_NAMED: Final[Any] = Entry.id.in_(bindparam("ids", expanding=True))
_AS_THEY_ARE: Final = _COMPARED.where(_NAMED, Entry.deleted_at.is_(None))
_STANDING: Final = select(Entry.id).where(_NAMED, standing())


async def as_they_are(session: AsyncSession, ids: Sequence[UUID]) -> list[Any]:
    """The rows of these, in their order; without what cannot be merged, or not any more."""
    found: dict[UUID, Any] = {}
    for at in range(0, len(ids), PART):
        rows = await session.execute(_AS_THEY_ARE, {"ids": ids[at : at + PART]})
        found |= {row.id: row for row in rows}
    return [found[id_] for id_ in ids if id_ in found]


async def of(session: AsyncSession, one: Any) -> Sequence[Any]:
    """The candidates of an entry, or of its row, that are there for somebody; the oldest first."""
    asked: dict[str, Any] = {"kind": one.kind, "origin": one.origin}
    on_map = one.latitude is not None and one.longitude is not None
    box = _box(one.latitude, one.longitude) if on_map else {}
    if one.kind == TIMED:
        asked |= {"first": one.happens_at - CLOSE, "last": one.happens_at + CLOSE}
        query = _AT_THE_TIME_NEARBY if on_map else _AT_THE_TIME
        found = list(await session.execute(query, asked | box))
    else:
        found = list(await session.execute(_NOWHERE, asked))
        if on_map:
            found += await session.execute(_NEARBY, asked | box)
        if words := _telling(one.title):
            hits = search.hits(session, search.all_of(words), most=HITS).correlate(None)
            found += await session.execute(_WITH_WORDS.where(Entry.number.in_(hits)), asked)
    return sorted({row.id: row for row in found}.values(), key=attrgetter("number"))


def _box(latitude: float, longitude: float) -> dict[str, float]:
    """What is no farther than two ways to say where a hall is, and a little more."""
    south, north = latitude - _REACH, latitude + _REACH
    wide = _wide(latitude)
    return {"south": south, "north": north, "west": longitude - wide, "east": longitude + wide}


def _wide(latitude: float) -> float:
    """The reach in degrees of longitude."""
    return _REACH / max(math.cos(math.radians(latitude)), _REACH)


def _telling(title: str) -> list[str]:
    """The words of a title by which to look for it: whatever else is said, these will be."""
    return sorted(sameness.words(title), key=lambda word: (-len(word), word))[:WORDS]


async def of_all(session: AsyncSession, told: Sequence[Any]) -> dict[UUID, Sequence[Any]]:
    """The candidates of each row; of events, which come in numbers, with one question for many.

    Whether those of events are there for somebody is not asked: see `standing_of`.
    """
    found = {one.id: await of(session, one) for one in told if one.kind != TIMED}
    timed = [one for one in told if one.kind == TIMED]
    moments = sorted({one.happens_at for one in timed})
    for at in range(0, len(moments), TIMES):
        part = moments[at : at + TIMES]
        mine = [one for one in timed if part[0] <= one.happens_at <= part[-1]]
        rows = await _at_times(session, part)
        # Where some are missing, and of too many, those count that are there for somebody.
        shares = _shares(mine, rows) if len(rows) < MOST * TIMES else {}
        for one in mine:
            share = shares.get(one.id, rows)
            found[one.id] = share if len(share) <= MOST else await of(session, one)
    return found


async def standing_of(session: AsyncSession, ids: Collection[UUID]) -> set[UUID]:
    """Those of these that are there for somebody."""
    asked, found = list(ids), set[UUID]()
    for at in range(0, len(asked), PART):
        found.update(await session.scalars(_STANDING, {"ids": asked[at : at + PART]}))
    return found


async def _at_times(session: AsyncSession, moments: Sequence[datetime]) -> Sequence[Any]:
    """What begins at one of these moments, of which there are no more than `TIMES`."""
    asked: dict[str, Any] = {"kind": TIMED}
    for each in range(TIMES):
        # What is left over lies between a moment and an earlier one: nothing does.
        moment, within = (moments[each], CLOSE) if each < len(moments) else (moments[0], -CLOSE)
        asked |= {f"first{each}": moment - within, f"last{each}": moment + within}
    return (await session.execute(_AT_TIMES, asked)).all()


def _shares(timed: Sequence[Any], rows: Sequence[Any]) -> dict[UUID, Sequence[Any]]:
    """For each event those of the rows that are near it in time and place; the oldest first."""
    rows = sorted(rows, key=attrgetter("happens_at"))
    starts = [row.happens_at for row in rows]
    found: dict[UUID, Sequence[Any]] = {}
    for one in timed:
        first = bisect_left(starts, one.happens_at - CLOSE)
        last = bisect_right(starts, one.happens_at + CLOSE)
        near = [row for row in rows[first:last] if row.origin != one.origin and _is_near(one, row)]
        found[one.id] = sorted(near, key=attrgetter("number"))
    return found


def _is_near(one: Any, other: Any) -> bool:
    if one.latitude is None or other.latitude is None:
        return True
    north, east = one.latitude - other.latitude, (one.longitude or 0) - (other.longitude or 0)
    return bool(abs(north) <= _REACH and abs(east) <= _wide(one.latitude))

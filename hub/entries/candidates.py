"""What an entry may be the same thing as: what other hubs tell near it in time, or on the map.

What has no place on the map is found by the two most telling words of its title, and so is, for
what has one, what has none; where only few have none, all of these are looked at. The rows have
what `entries.sameness` compares, and `id`, `origin` and `number`. Each statement is written once,
and finds its rows by an index, whatever else there is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.entries import sameness, search
from hub.entries.models import Entry
from hub.entries.sameness import CLOSE, TIMED
from hub.entries.visibility import PUBLIC, standing

MOST: Final = 500  # entries that one is compared with, of each way to find them
DEGREES: Final = 0.01  # around a place, in which others are looked at: about a kilometre
TIMES: Final = 50  # moments in one statement
WORDS: Final = 2  # of a title, the longest

_COMPARED: Final = select(
    *(Entry.id, Entry.kind, Entry.title, Entry.url, Entry.place),
    *(Entry.latitude, Entry.longitude, Entry.happens_at, Entry.origin, Entry.number),
).where(Entry.visibility == PUBLIC)
_ELSEWHERE: Final = _COMPARED.where(Entry.origin != bindparam("origin"), standing()).limit(MOST)
_OF_KIND: Final = Entry.kind == bindparam("kind")
# The kind is not to be the way in: that would lead along everything of it.
_WHICH_IS_OF_KIND: Final = func.lower(Entry.kind) == bindparam("kind")
_AT_THE_TIME: Final = _ELSEWHERE.where(
    _OF_KIND, Entry.happens_at.between(bindparam("first"), bindparam("last"))
)
_NEARBY: Final = _ELSEWHERE.where(
    _WHICH_IS_OF_KIND,
    Entry.latitude.between(bindparam("south"), bindparam("north")),
    Entry.longitude.between(bindparam("west"), bindparam("east")),
)
_NOWHERE: Final = _ELSEWHERE.where(_OF_KIND, Entry.latitude.is_(None), Entry.longitude.is_(None))
_NUMBERED: Final = _ELSEWHERE.where(
    _WHICH_IS_OF_KIND, Entry.number.in_(bindparam("numbers", expanding=True))
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
    asked: dict[str, Any] = {"kind": entry.kind, "origin": entry.origin}
    if entry.kind == TIMED:
        asked |= {"first": entry.happens_at - CLOSE, "last": entry.happens_at + CLOSE}
        return (await session.execute(_AT_THE_TIME, asked)).all()
    found = list(await session.execute(_NOWHERE, asked))
    if entry.latitude is not None and entry.longitude is not None:
        found += await session.execute(_NEARBY, asked | _box(entry.latitude, entry.longitude))
    if words := _telling(entry.title):
        numbers = await session.scalars(search.hits(session, search.all_of(words)))
        found += await session.execute(_NUMBERED, asked | {"numbers": numbers.all()})
    return sorted({row.id: row for row in found}.values(), key=attrgetter("number"))


def _box(latitude: float, longitude: float) -> dict[str, float]:
    south, north = latitude - DEGREES, latitude + DEGREES
    return {
        "south": south,
        "north": north,
        "west": longitude - DEGREES,
        "east": longitude + DEGREES,
    }


def _telling(title: str) -> list[str]:
    """The words of a title by which to look for it: whatever else is said, these will be."""
    return sorted(sameness.words(title), key=lambda word: (-len(word), word))[:WORDS]


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

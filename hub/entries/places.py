"""Where things are: places by their names, and how far one is from another."""

from __future__ import annotations

import math
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.entries import search
from hub.entries.models import Entry
from hub.entries.queries import METRES_PER_DEGREE
from hub.entries.schemas import EAST
from hub.entries.visibility import ANYBODY, visible_to

Point = tuple[float, float]

LONGEST: Final = 120


async def cells(session: AsyncSession, place: str) -> list[Point]:
    """Where public things are whose place has this name, or this in its address; newest first."""
    asked = search.question(f'"{place[:LONGEST]}"')
    if not asked.terms:
        return []
    numbers = list(await session.scalars(search.hits(session, asked)))
    query = select(Entry.latitude, Entry.longitude).where(
        Entry.number.in_(numbers), search.has_place(place[:LONGEST]), visible_to(ANYBODY)
    )
    rows = await session.execute(query.order_by(Entry.number.desc()))
    return [(row[0], row[1]) for row in rows if row[0] is not None and row[1] is not None]


def metres(one: Point, other: Point) -> float:
    """How far apart two points are, on a flat map between them: right to a part in a thousand."""
    apart = abs(one[1] - other[1])
    narrow = math.cos(math.radians((one[0] + other[0]) / 2))
    east = min(apart, 2 * EAST - apart) * narrow
    return math.hypot(one[0] - other[0], east) * METRES_PER_DEGREE

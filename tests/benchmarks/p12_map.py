"""P12: what lies in a piece of the map, among a hundred thousand places ÷ the same by plain SQL."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Final

from sqlalchemy import text

from hub import memory
from hub.bootstrap import Hub
from hub.browse import on_map
from hub.browse.on_map import Wanted
from hub.core.clock import now
from hub.entries.visibility import ANYBODY
from hub.maps.earth import Box
from tests.benchmarks.hubs import a_hub
from tests.benchmarks.pages import fill_calendar
from tests.benchmarks.rig import PAIRS, Ratio

PLACES: Final = int(os.environ.get("BENCH_PLACES", "100000"))
ASKED: Final = 200
SOUTH, WEST, SPAN = 50.0, 5.0, 4.0  # degrees: a country
BOXES: Final = {"a town, 0.1°": 0.1, "a region, 0.5°": 0.5}
SPREAD: Final = """
UPDATE entry SET latitude = :south + :span * abs(random() % 1000000) / 1000000.0,
                 longitude = :west + :span * abs(random() % 1000000) / 1000000.0
"""
# The same answer, by the index that suits it best; SQLite would choose another by itself.
PLAIN: Final = """
SELECT entry.id, kind, title, place, latitude, longitude, happens_at, origin, status, all_day
FROM entry INDEXED BY ix_entry_on_map LEFT JOIN event ON event.id = entry.id
WHERE latitude BETWEEN ? AND ? AND longitude BETWEEN ? AND ? AND kind IN ('event', 'offer', 'want')
  AND visibility = 'public' AND deleted_at IS NULL AND hidden_at IS NULL
  AND (relevant_until IS NULL OR relevant_until > ?)
ORDER BY number DESC LIMIT 2000
"""


def measure() -> list[Ratio]:
    """One ratio of slow ends (p95) for each size of a box."""
    return asyncio.run(_measure())


async def _measure() -> list[Ratio]:
    async with a_hub() as hub:
        await fill_calendar(hub, PLACES)
        async with hub.services.db.write() as session:
            await session.execute(text(SPREAD), {"south": SOUTH, "west": WEST, "span": SPAN})
        memory.settle()  # as a serving hub does
        return [await _ratio(hub, name, side) for name, side in BOXES.items()]


async def _ratio(hub: Hub, name: str, side: float) -> Ratio:
    chance, moment = random.Random(side), now()
    boxes = [_box(chance, side) for _ in range(ASKED)]
    file = hub.services.settings.data_dir / "hub.db"

    async def ours(box: Box) -> int:
        return len(await on_map.spots(hub.services.db, ANYBODY, Wanted(moment, box=box)))

    with closing(sqlite3.connect(file)) as database:

        async def plainly(box: Box) -> int:
            sides = (box.south, box.north, box.west, box.east, moment.isoformat(" "))
            return len(database.execute(PLAIN, sides).fetchall())

        assert [await ours(box) for box in boxes[:9]] == [await plainly(box) for box in boxes[:9]]
        plain, hubs = await _p95(boxes, plainly, ours)
    what = f"map of {name}, among {PLACES:,} places, p95 ÷ plain SQL on the same file"
    return Ratio("P12", what, plain, hubs, hubs / plain, "≤", 1.5, "ms of CPU")


def _box(chance: random.Random, side: float) -> Box:
    south = SOUTH + chance.random() * (SPAN - side)
    west = WEST + chance.random() * (SPAN - side)
    return Box(west, south, west + side, south + side)


async def _p95(boxes: list[Box], *ways: Callable[[Box], Awaitable[int]]) -> list[float]:
    """What one in twenty questions costs at least, in milliseconds of CPU, asked in each way.

    Of each question the median counts of those asked in turn: what is slow is to be the question,
    and not what else the machine did.
    """
    rounds = [[[await _cost(ask, box) for ask in ways] for box in boxes] for _ in range(PAIRS)]
    ends = []
    for way in range(len(ways)):
        costs = [statistics.median(asked[at][way] for asked in rounds) for at in range(len(boxes))]
        ends.append(statistics.quantiles(costs, n=20)[-1] * 1000)
    return ends


async def _cost(ask: Callable[[Box], Awaitable[int]], box: Box) -> float:
    before = time.process_time()
    await ask(box)
    return time.process_time() - before

"""P17: one delivery with a million others waiting ÷ with a thousand; a page likewise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from sqlalchemy import insert, select

from hub.bootstrap import Hub
from hub.core.clock import now
from hub.fediverse.delivery import Carrier
from hub.fediverse.models import Delivery, OutboxActivity, Peer
from tests.benchmarks.hubs import a_hub, carry, follow_from, inboxes, say
from tests.benchmarks.pages import cost_of, fill_calendar
from tests.benchmarks.rig import Ratio, answer_of, in_turn_here, own_cpu_s, process

HOSTS = 500
SILENT = 1000  # servers that do not answer, each with its share of what waits
BATCH = 20_000
PAGES = 40
FEW, MANY = 1_000, 1_000_000
SHORT, LONG = 1_000, 100_000


def measure() -> list[Ratio]:
    """Both ratios, CPU time per item; each hub is filled once and asked several times."""
    with process("-m", "tests.benchmarks.sink") as sink:
        port = answer_of(sink)["port"]
        few, many = asyncio.run(_deliveries(port))
    short, long = asyncio.run(_pages())
    return [
        Ratio(
            "P17",
            f"a delivery while {MANY:,} others wait ÷ {FEW:,}",
            few,
            many,
            many / few,
            "≤",
            1.2,
            "ms of CPU",
        ),
        Ratio(
            "P17",
            f"events page with {LONG:,} entries ÷ {SHORT:,}",
            short,
            long,
            long / short,
            "≤",
            1.3,
            "ms of CPU",
        ),
    ]


async def _deliveries(port: int) -> tuple[float, float]:
    """Milliseconds of CPU for one delivery, while few or many wait for servers that are away."""
    async with _waiting(port, FEW) as few, _waiting(port, MANY) as many:
        return await in_turn_here(partial(_delivery, *few), partial(_delivery, *many))


@asynccontextmanager
async def _waiting(port: int, waiting: int) -> AsyncIterator[tuple[Hub, Carrier]]:
    async with a_hub() as hub:
        await follow_from(hub, "events", inboxes(port, HOSTS), answered=True)
        carrier = Carrier(hub.services, "bench")
        await _delivery(hub, carrier)
        await _pile_up(hub, waiting)
        yield hub, carrier
        carrier.close()


async def _delivery(hub: Hub, carrier: Carrier) -> float:
    await say(hub)
    before = own_cpu_s()
    await carry(hub, carrier)
    return (own_cpu_s() - before) / HOSTS * 1000


async def _pages() -> tuple[float, float]:
    """Milliseconds of CPU for the first page of a short calendar and of a long one."""
    async with a_hub() as short, a_hub() as long:
        await fill_calendar(short, SHORT)
        await fill_calendar(long, LONG)
        return await in_turn_here(partial(_page, short), partial(_page, long))


async def _page(hub: Hub) -> float:
    return await cost_of(hub, "/events", PAGES) * 1000


async def _pile_up(hub: Hub, count: int) -> None:
    """Deliveries of what was said already, for servers whose breakers are open."""
    later = now() + timedelta(hours=1)
    hosts = [f"127.9.{number // 250}.{number % 250 + 1}" for number in range(SILENT)]
    async with hub.services.db.write() as session:
        activity = await session.scalar(select(OutboxActivity.id).limit(1))
        await session.execute(
            insert(Peer),
            [
                {"host": host, "run_at": later, "closed_until": later, "failures": 9}
                for host in hosts
            ],
        )
        for first in range(0, count, BATCH):
            await session.execute(
                insert(Delivery),
                [
                    {
                        "activity_id": activity,
                        "object_uri": f"http://localhost:1/events/{number}",
                        "inbox": f"http://{hosts[number % SILENT]}/inbox/{number}",
                        "host": hosts[number % SILENT],
                        "run_at": later,
                        "created_at": later,
                    }
                    for number in range(first, min(count, first + BATCH))
                ],
            )

"""P6: publishing with 10,000 followers ÷ with none, and how soon the first of them hears."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

from sqlalchemy import delete, update

from hub.bootstrap import Hub
from hub.core.clock import now
from hub.fediverse.models import Delivery, OutboxActivity, Peer
from hub.people import service as people
from hub.worker import Worker
from tests.benchmarks.hubs import a_hub, follow_from, inboxes
from tests.benchmarks.pages import browser, event
from tests.benchmarks.rig import Ratio, answer_of, ask, process

FOLLOWERS = 10_000
POSTS = 15


def measure() -> list[Ratio]:
    """Both figures; posts alternate between a hub with followers and one without."""
    with process("-m", "tests.benchmarks.sink") as sink:
        port = answer_of(sink)["port"]
        alone, followed, first = asyncio.run(_measure(sink, port))
    return [
        Ratio(
            "P6",
            f"time to publish with {FOLLOWERS:,} followers ÷ with none",
            alone * 1000,
            followed * 1000,
            followed / alone,
            "≤",
            1.5,
            "ms, median",
        ),
        Ratio(
            "P6",
            "201 to the first POST at a follower",
            0,
            first * 1000,
            first * 1000,
            "≤",
            100,
            "ms, median",
        ),
    ]


async def _measure(sink: Any, port: int) -> tuple[float, float, float]:
    async with a_hub() as quiet, a_hub() as loud:
        await follow_from(loud, "events", inboxes(port, FOLLOWERS), answered=True)
        alone, followed, first = [], [], []
        async with (
            Worker(quiet.services, quiet.handlers).running(),
            Worker(loud.services, loud.handlers).running(),
        ):
            for number in range(POSTS):
                alone.append((await _publish(quiet, number))[0])
                await _drain(sink)
                took, answered_at = await _publish(loud, number)
                followed.append(took)
                first.append(await _first_post(sink) - answered_at)
                await _forget(loud)
    return statistics.median(alone), statistics.median(followed), statistics.median(first)


async def _publish(hub: Hub, number: int) -> tuple[float, float]:
    """How long one POST of an event took, and when it was answered."""
    async with hub.services.db.write() as session:
        token = await people.token_create(session, f"bench {number}", "editor")
    async with browser(hub) as web:
        begun = time.monotonic()
        answer = await web.post(
            "/api/v1/events", json=event(number), headers={"Authorization": f"Bearer {token}"}
        )
        ended = time.monotonic()
    assert answer.status_code == 201, answer.text
    return ended - begun, ended


async def _ask(sink: Any) -> dict[str, Any]:
    found: dict[str, Any] = await asyncio.to_thread(ask, sink)
    return found


async def _drain(sink: Any) -> None:
    """Wait until nothing is on its way any more."""
    for _ in range(100):
        if not (await _ask(sink))["count"]:
            return
        await asyncio.sleep(0.3)


async def _first_post(sink: Any) -> float:
    """When the first request of this round arrived."""
    while True:
        found = await _ask(sink)
        if found["first_at"] is not None:
            moment: float = found["first_at"]
            return moment
        await asyncio.sleep(0.02)


async def _forget(hub: Hub) -> None:
    """Drop what is left of this round, so that the next one starts from rest."""
    async with hub.services.db.write() as session:
        await session.execute(update(OutboxActivity).values(expanded_at=now()))
        await session.execute(delete(Delivery))
        await session.execute(update(Peer).values(run_at=None, lease_until=None))

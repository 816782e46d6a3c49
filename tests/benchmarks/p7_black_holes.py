"""P7: goodput to living servers with a fifth of all black holes ÷ with none."""

from __future__ import annotations

import asyncio
import time
from subprocess import Popen

import uvloop

from hub.bootstrap import Hub
from hub.worker import Worker
from tests.benchmarks.hubs import a_hub, follow_from, inboxes, say
from tests.benchmarks.rig import Ratio, answer_of, ask, pairs, process

ALIVE = 800
HOLES = 200
IN_FLIGHT = 256  # as a hub has it by default
SLOWEST_S = 120.0


def measure() -> list[Ratio]:
    """The ratio; whoever dials a black hole waits until the connection is given up."""
    with process("-m", "tests.benchmarks.sink") as sink:
        ports = answer_of(sink)
        port, hole = ports["port"], ports["hole"]
        yardstick, hub = pairs(
            lambda: uvloop.run(_goodput(sink, inboxes(port, ALIVE), [])),
            lambda: uvloop.run(_goodput(sink, inboxes(port, ALIVE), inboxes(hole, HOLES, net=3))),
        )
    return [
        Ratio(
            "P7",
            f"goodput to {ALIVE} servers with {HOLES} black holes among them ÷ without",
            yardstick,
            hub,
            hub / yardstick,
            "≥",
            0.9,
            "deliveries per second",
        )
    ]


async def _goodput(sink: Popen[str], living: list[str], holes: list[str]) -> float:
    """Deliveries per second to the living, while a hub's worker runs; the second of two posts.

    A black hole fails once more in it: its breaker has not opened yet.
    """
    async with a_hub(in_flight=IN_FLIGHT) as hub:
        await follow_from(hub, "events", living, answered=True)
        if holes:
            await follow_from(hub, "events", holes)
        async with Worker(hub.services, hub.handlers).running():
            await _all_hear(sink, hub)
            return ALIVE / await _all_hear(sink, hub)


async def _all_hear(sink: Popen[str], hub: Hub) -> float:
    """How many seconds passed until all the living had it."""
    ask(sink)
    begun = time.monotonic()
    await say(hub)
    arrived = 0
    while arrived < ALIVE:
        arrived += (await asyncio.to_thread(ask, sink))["count"]
        assert time.monotonic() < begun + SLOWEST_S, arrived
        await asyncio.sleep(0.02)
    return time.monotonic() - begun

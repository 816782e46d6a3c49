"""P3: fan-out from the ledger ÷ the same signer and client in a bare loop."""

from __future__ import annotations

import asyncio

import uvloop

from federation.delivery import Delivered, Signer, deliver
from federation.signatures.digest import digest_header
from hub import memory
from hub.core.clock import now
from hub.fediverse.delivery import Carrier
from tests.benchmarks.hubs import AT_ONCE, a_hub, carry, follow_from, inboxes, say
from tests.benchmarks.load import activity
from tests.benchmarks.rig import Ratio, answer_of, own_cpu_s, pairs, process

HOSTS = 1000
ROUNDS = 3  # the first warms connections up and is not counted


def measure() -> list[Ratio]:
    """The ratio, with 1,000 distinct inboxes over plain HTTP on loopback."""
    with process("-m", "tests.benchmarks.sink") as sink:
        port = answer_of(sink)["port"]
        yardstick, hub = pairs(lambda: uvloop.run(_bare(port)), lambda: uvloop.run(_ledger(port)))
    return [
        Ratio(
            "P3",
            f"fan-out to {HOSTS:,} servers ÷ a bare loop",
            yardstick,
            hub,
            hub / yardstick,
            "≥",
            0.85,
            "deliveries per CPU second",
        )
    ]


async def _bare(port: int) -> float:
    async with a_hub() as hub:
        services = hub.services
        signer = Signer(services.keys.__getitem__)
        body = activity("https://hub.example")
        digest = digest_header(body)
        slots = asyncio.Semaphore(AT_ONCE)
        actor = f"{services.settings.url}/actors/events"

        async def one(inbox: str) -> None:
            async with slots:
                outcome, _ = await deliver(
                    services.poster,
                    actor,
                    inbox,
                    body,
                    digest,
                    scheme="cavage",
                    now=now(),
                    signer=signer,
                )
            assert isinstance(outcome, Delivered), outcome

        used = 0.0
        memory.settle()
        for number in range(ROUNDS):
            before = own_cpu_s()
            await asyncio.gather(*(one(inbox) for inbox in inboxes(port, HOSTS)))
            used += own_cpu_s() - before if number else 0
        signer.close()
    return HOSTS * (ROUNDS - 1) / used


async def _ledger(port: int) -> float:
    async with a_hub() as hub:
        await follow_from(hub, "events", inboxes(port, HOSTS), answered=True)
        carrier = Carrier(hub.services, "bench")
        used = 0.0
        memory.settle()
        for number in range(ROUNDS):
            await say(hub)
            before = own_cpu_s()
            await carry(hub, carrier)
            used += own_cpu_s() - before if number else 0
        carrier.close()
    return HOSTS * (ROUNDS - 1) / used

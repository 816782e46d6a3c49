"""P3: fan-out from the ledger ÷ the same signer and client in a bare loop."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import insert

from federation.delivery import Delivered, Signer, deliver
from federation.signatures.digest import digest_header
from federation.vocab.activities import Create
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Note
from hub import schema
from hub.actors import service
from hub.actors.models import Actor
from hub.bootstrap import Hub, opened
from hub.core.clock import now
from hub.core.settings import Settings
from hub.fediverse import outbox
from hub.fediverse.delivery import Carrier
from hub.fediverse.fanout import expand
from hub.fediverse.models import Follow
from tests.benchmarks.load import activity
from tests.benchmarks.rig import Ratio, answer_of, own_cpu_s, pairs, process

HOSTS = 1000
ROUNDS = 3  # the first warms connections up and is not counted
AT_ONCE = 50


def measure() -> list[Ratio]:
    """The ratio, with 1,000 distinct inboxes over plain HTTP on loopback."""
    with process("-m", "tests.benchmarks.sink") as sink:
        port = answer_of(sink)["port"]
        yardstick, hub = pairs(lambda: asyncio.run(_bare(port)), lambda: asyncio.run(_ledger(port)))
    return [
        Ratio(
            "P3",
            f"fan-out to {HOSTS} servers ÷ a bare loop",
            yardstick,
            hub,
            hub / yardstick,
            "≥",
            0.85,
            "deliveries per CPU second",
        )
    ]


@asynccontextmanager
async def a_hub(**given: Any) -> AsyncIterator[Hub]:
    """A hub in a new folder, that may dial loopback."""
    settings = Settings(
        _env_file=None,
        data_dir=Path(tempfile.mkdtemp(prefix="bench-")),
        url="http://localhost:1",
        allow_networks="127.0.0.0/8",
        allow_http=True,
        **{"in_flight": AT_ONCE * 2, **given},
    )
    await schema.upgrade(settings)
    async with opened(settings) as hub:
        yield hub


def inboxes(port: int, count: int) -> list[str]:
    """Distinct servers, all of them the sink."""
    return [
        f"http://127.1.{number // 250}.{number % 250 + 1}:{port}/inbox" for number in range(count)
    ]


async def follow_from(hub: Hub, name: str, boxes: list[str]) -> None:
    """Followers of one of our actors, one for each inbox."""
    async with hub.services.db.write() as session:
        channel = await service.local(session, name)
        actors = [
            {
                "id": uuid4(),
                "uri": box.removesuffix("/inbox") + "/actor",
                "local": False,
                "kind": "Person",
                "name": "follower",
                "authority": box.split("/")[2],
                "display_name": "",
                "summary": "",
                "url": "",
                "inbox": box,
                "created_at": now(),
            }
            for box in boxes
        ]
        await session.execute(insert(Actor), actors)
        await session.execute(
            insert(Follow),
            [
                {
                    "id": uuid4(),
                    "uri": f"{actor['uri']}#follow",
                    "follower_id": actor["id"],
                    "followee_id": channel.id,
                    "state": "accepted",
                    "created_at": now(),
                }
                for actor in actors
            ],
        )


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
        for number in range(ROUNDS):
            before = own_cpu_s()
            await asyncio.gather(*(one(inbox) for inbox in inboxes(port, HOSTS)))
            used += own_cpu_s() - before if number else 0
        signer.close()
    return HOSTS * (ROUNDS - 1) / used


async def _ledger(port: int) -> float:
    async with a_hub() as hub:
        services = hub.services
        await follow_from(hub, "events", inboxes(port, HOSTS))
        text = json.loads(activity("https://hub.example"))["object"]["content"]
        carrier = Carrier(services, "bench")
        used = 0.0
        for number in range(ROUNDS):
            async with services.db.write() as session:
                channel = await service.local(session, "events")
                uri = f"{channel.uri}/bench/{uuid4()}"
                note = Note(id=uri, attributed_to=channel.uri, content=text, to=(PUBLIC,))
                create = Create(id=f"{uri}#create", actor=channel.uri, object=note, to=(PUBLIC,))
                await outbox.post(session, services, channel, create, to_followers=True)
            before = own_cpu_s()
            while await expand(services):
                await carrier.send_due()
            while await carrier.send_due() or carrier.busy:
                with services.wake.listen() as bell:
                    if carrier.busy:
                        await asyncio.wait_for(bell.wait(), 30)
            used += own_cpu_s() - before if number else 0
        carrier.close()
    return HOSTS * (ROUNDS - 1) / used

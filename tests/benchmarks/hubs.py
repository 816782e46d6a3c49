"""Hubs that a benchmark runs in its own process, with followers that nobody had to ask."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from pathlib import Path
from subprocess import Popen
from typing import Any
from uuid import uuid4

from sqlalchemy import insert

from federation.client import ClosingPoster, HttpPoster
from federation.curl import CurlPoster
from federation.vocab.activities import Create
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Note
from hub import schema
from hub.actors import service
from hub.actors.models import Actor
from hub.bootstrap import Hub, guard_for, opened, user_agent
from hub.core.clock import now
from hub.core.settings import Settings
from hub.fediverse import outbox
from hub.fediverse.delivery import Carrier
from hub.fediverse.fanout import expand
from hub.fediverse.models import Follow, Peer
from tests.benchmarks.load import activity
from tests.benchmarks.rig import answer_of, process
from tests.interop.certificates import issue_each

AT_ONCE = 50
SLOWEST_S = 60.0


class Carrying(StrEnum):
    """The clients that deliver."""

    AIOHTTP = "aiohttp"
    CURL = "libcurl"

    @property
    def poster(self) -> Callable[..., ClosingPoster]:
        """Its class."""
        return CurlPoster if self is Carrying.CURL else HttpPoster


@asynccontextmanager
async def a_hub(by: Carrying = Carrying.AIOHTTP, **given: Any) -> AsyncIterator[Hub]:
    """A hub, by default in a new folder, that may dial loopback."""
    usual = {
        "data_dir": Path(tempfile.mkdtemp(prefix="bench-")),
        "url": "http://localhost:1",
        "allow_networks": "127.0.0.0/8",
        "allow_http": True,
        "in_flight": AT_ONCE * 2,
    }
    settings = Settings(_env_file=None, **{**usual, **given})
    await schema.upgrade(settings)
    poster = by.poster(
        guard_for(settings), user_agent=user_agent(settings), ca_file=settings.ca_file
    )
    async with opened(settings, poster=poster) as hub:
        yield hub
    await poster.close()


def addresses(count: int, net: int = 1) -> list[str]:
    """Distinct loopback addresses, each a server of its own."""
    return [f"127.{net}.{number // 250}.{number % 250 + 1}" for number in range(count)]


@contextmanager
def tls_sink(hosts: int) -> Iterator[tuple[Popen[str], int, Path]]:
    """A sink with so many servers, its port, and the authority of their certificates."""
    places = addresses(hosts, net=2)
    with tempfile.TemporaryDirectory(prefix="bench-tls-") as folder:
        made = issue_each([[place] for place in places], Path(folder))
        files = {
            place: [str(each.chain), str(each.key)]
            for place, each in zip(places, made, strict=True)
        }
        told = Path(folder) / "places.json"
        told.write_text(json.dumps(files))
        with process("-m", "tests.benchmarks.sink", str(told)) as sink:
            yield sink, answer_of(sink)["port"], made[0].authority


def inboxes(port: int, count: int, *, scheme: str = "http", net: int = 1) -> list[str]:
    """Distinct servers' inboxes, all of them one sink's."""
    return [f"{scheme}://{address}:{port}/inbox" for address in addresses(count, net)]


async def follow_from(hub: Hub, name: str, boxes: Sequence[str], *, answered: bool = False) -> None:
    """Followers of one of our actors, one for each inbox.

    `answered`: their servers took our Accept, as those of real followers did.
    """
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
        if answered:
            servers = [
                {"host": host, "last_delivered_at": now()}
                for host in {actor["authority"] for actor in actors}
            ]
            await session.execute(insert(Peer), servers)
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


async def say(hub: Hub, name: str = "events") -> None:
    """Something for all followers of one of our actors, 2.8 kB."""
    services = hub.services
    text = json.loads(activity("https://hub.example"))["object"]["content"]
    async with services.db.write() as session:
        channel = await service.local(session, name)
        uri = f"{channel.uri}/bench/{uuid4()}"
        note = Note(id=uri, attributed_to=channel.uri, content=text, to=(PUBLIC,))
        create = Create(id=f"{uri}#create", actor=channel.uri, object=note, to=(PUBLIC,))
        await outbox.post(session, services, channel, create, to_followers=True)


async def carry(hub: Hub, carrier: Carrier) -> None:
    """Return once everything that is due has been sent."""
    services = hub.services
    while await expand(services):
        await carrier.send_due()
    while await carrier.send_due() or carrier.busy:
        with services.wake.listen() as bell:
            if carrier.busy:
                await asyncio.wait_for(bell.wait(), SLOWEST_S)

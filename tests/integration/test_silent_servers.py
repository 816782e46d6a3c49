"""Servers that did not answer when last asked: a share of the places, and others do not wait."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from sqlalchemy import update
from starlette.responses import Response

from hub.core.services import Services
from hub.fediverse.delivery import Carrier
from hub.fediverse.fanout import expand
from hub.fediverse.models import Peer
from tests.benchmarks.hubs import follow_from, say
from tests.conftest import Running

LIVING = [f"living{number}.example" for number in range(12)]
SILENT = [f"silent{number}.example" for number in range(12)]
PLACES = 8
SHARE = 2  # a quarter of them


class Street:
    """Servers of which some hold the line until they are let go."""

    def __init__(self, hub: Running) -> None:
        self.heard: list[str] = []
        self.held: list[str] = []
        self.changed = asyncio.Condition()
        self.let_go = asyncio.Event()
        for host in (*LIVING, *SILENT):
            hub.wire.attach(host, self)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        host = dict(scope["headers"])[b"host"].decode()
        async with self.changed:
            (self.held if host in SILENT else self.heard).append(host)
            self.changed.notify_all()
        if host in SILENT:
            await self.let_go.wait()
        await Response(status_code=202)(scope, receive, send)

    async def seen(self, living: int, silent: int) -> None:
        """Wait until so many were addressed."""
        async with self.changed:
            await self.changed.wait_for(
                lambda: len(self.heard) >= living and len(self.held) >= silent
            )


def _boxes(hosts: list[str]) -> list[str]:
    return [f"https://{host}/inbox" for host in hosts]


def _small(services: Services) -> Services:
    """The same with a few places."""
    return replace(services, settings=services.settings.model_copy(update={"in_flight": PLACES}))


async def test_r16_the_silent_hold_a_share_of_the_places_and_the_living_hear_at_once(
    hub: Running,
) -> None:
    street = Street(hub)
    known, new = _boxes(SILENT[:6] + LIVING), _boxes(SILENT[6:])
    await follow_from(hub.hub, "events", known, answered=True)
    await follow_from(hub.hub, "events", new)
    await say(hub.hub)
    while await expand(hub.services):
        continue
    async with hub.services.db.write() as session:
        failed = update(Peer).where(Peer.host.in_(SILENT[:6])).values(failures=1)
        await session.execute(failed)
    carrier = Carrier(_small(hub.services), "test")
    try:
        assert await carrier.send_due() == SHARE + len(LIVING)
        await street.seen(len(LIVING), SHARE)
        assert await carrier.send_due() == 0, "their share is taken"
        assert len(street.held) == SHARE
        street.let_go.set()
        await carrier.settle()
        while await carrier.send_due():
            await carrier.settle()
        assert sorted(street.held) == sorted(SILENT), "each comes to its turn"
    finally:
        street.let_go.set()
        await carrier.settle()
        carrier.close()

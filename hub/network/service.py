"""Following whole hubs: what they offer, looked up together, and what is chosen of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from hub.core.errors import HubError, Invalid, NotFound
from hub.core.services import Services
from hub.core.words import filled
from hub.fediverse import follows, offered, peers
from hub.fediverse.offered import PUBLISHING, Server

AT_ONCE: Final = 10  # servers that are asked at the same time


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found behind one line of a list: a server, or why not."""

    asked: str
    server: Server | None = None
    error: str = ""


async def look_up(services: Services, names: Sequence[str]) -> list[Answer]:
    """What each of these servers offers, in their order."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def ask(name: str) -> Answer:
        async with slots:
            try:
                return Answer(name, await offered.look_up(services, name))
            except HubError as error:
                return Answer(name, error=str(error))

    return await asyncio.gather(*map(ask, names))


async def choose(services: Services, shown: Collection[str], chosen: Collection[str]) -> list[str]:
    """Follow what is chosen and not what is only shown, both by uri; what went wrong, in words."""
    async with services.db.read() as session:
        now_followed = {
            row.followee.uri for row in await follows.ours(session) if row.state != follows.REJECTED
        }
    wrong: list[str] = []
    for uri in chosen:
        if uri not in now_followed:
            try:
                await follows.follow(services, uri)
            except HubError as error:
                wrong.append(str(error))
    for uri in shown:
        if uri in now_followed and uri not in chosen:
            await follows.unfollow(services, uri)
    return wrong


async def followed(services: Services, name: str) -> list[str]:
    """The handles of all whom we follow on a server; `name` itself, where it names somebody.

    Raises:
        NotFound: we follow nobody there.
    """
    if not offered.is_server(name.strip()):
        return [name]
    host = peers.host_of(name)
    async with services.db.read() as session:
        handles = [
            row.followee.handle
            for row in await follows.ours(session)
            if row.followee.authority == host
        ]
    if not handles:
        raise NotFound(filled("This hub does not follow {handle}.", handle=name))
    return handles


async def follow_all(
    services: Services, names: Sequence[str], only: Collection[str]
) -> AsyncIterator[tuple[str, str]]:
    """Follow all that these servers offer, or `only` these channels; who was asked, what is wrong.

    Raises:
        Invalid: there is no such channel.
    """
    unknown = sorted(set(only) - set(PUBLISHING))
    if unknown:
        names = ", ".join(PUBLISHING)
        raise Invalid(
            filled("{name} is not among what hubs offer: {names}.", name=unknown[0], names=names)
        )
    for answer in await look_up(services, names):
        if answer.server is None:
            yield answer.asked, answer.error
            continue
        for one in answer.server.offered:
            if only and one.channel and one.channel not in only:
                continue
            try:
                row = await follows.follow(services, one.uri)
            except HubError as error:
                yield one.uri, str(error)
            else:
                yield row.followee.handle, ""

"""What another server offers to follow: the channels of a hub, or its one actor.

A hub is found by its address: WebFinger for the channels that every hub has, and where it has none
of them, the server's own actor, which NodeInfo names (FEP-2677).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from federation.discovery import nodeinfo, webfinger
from federation.errors import FederationError
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.parse import parse
from hub.actors.channels import CHANNELS
from hub.core.errors import Conflict, Elsewhere
from hub.core.services import Services
from hub.core.text import plain, teaser
from hub.core.words import filled
from hub.fediverse import follows, peers, rulings

PUBLISHING: Final = tuple(channel.name for channel in CHANNELS if channel.entry_kinds)
LONGEST_S: Final = 20.0  # for all that is asked of one server
_SPEAKS_FOR_MANY: Final = frozenset({"Service", "Application", "Group", "Organization"})


@dataclass(frozen=True, slots=True)
class Offered:
    """Somebody who can be followed; `channel` is the hub's channel that it is, or empty."""

    channel: str
    uri: str
    title: str
    summary: str


@dataclass(frozen=True, slots=True)
class Server:
    """A server and what it offers, the channels in the order of ours."""

    host: str
    name: str
    offered: tuple[Offered, ...]


def is_server(text: str) -> bool:
    """Whether this names a whole server: `hub.example`, `https://hub.example/`."""
    if "@" in text:
        return False
    parts = urlsplit(text if "://" in text else f"https://{text}")
    return parts.path in {"", "/"} and not parts.query


async def look_up(services: Services, text: str) -> Server:
    """What stands behind an address or a handle.

    Raises:
        Invalid: it is neither.
        Conflict: it is this hub itself, or is blocked here.
        Elsewhere: nobody answers there, or nobody who can be followed.
    """
    host = peers.host_of(text)
    if services.is_ours(host):
        raise Conflict(filled("{handle} is this hub itself.", handle=text))
    async with services.db.read() as session:
        if await rulings.is_blocked(session, host):
            raise Conflict(filled("{host} is blocked here. Unblock it first.", host=host))
    try:
        async with asyncio.timeout(LONGEST_S):
            if not is_server(text.strip()):
                one = _of(await follows.look_up(services, text))
                return Server(host, "", (one,) if one else ())
            return await _server(services, host)
    except TimeoutError:
        raise Elsewhere(filled("{host} takes too long to say what it offers.", host=host)) from None


async def _server(services: Services, host: str) -> Server:
    asked = asyncio.gather(*(_channel(services, f"@{name}@{host}") for name in PUBLISHING))
    about, found = await asyncio.gather(_about(services, host), asked)
    channels = tuple(one for one in found if one is not None)
    if not channels and about.instance_actor is not None:
        one = _of(await follows.look_up(services, about.instance_actor))
        channels = (one,) if one is not None else ()
    if not channels:
        raise Elsewhere(filled("{host} offers nothing that a hub can follow.", host=host))
    return Server(host, about.name or "", channels)


async def _about(services: Services, host: str) -> nodeinfo.NodeInfo:
    """What the server says of itself; it need not say anything."""
    try:
        return await nodeinfo.read(services.fetcher, host)
    except FederationError:
        return nodeinfo.NodeInfo()


async def _channel(services: Services, handle: str) -> Offered | None:
    """The channel with this handle, if there is one; not somebody who is called `news`."""
    try:
        uri = await webfinger.resolve(services.fetcher, handle, fresh=True)
        found = _of((await services.fetcher.fetch(uri, fresh=True)).document)
    except FederationError:
        return None
    return found if found is not None and found.channel else None


def _of(document: dict[str, Any]) -> Offered | None:
    thing = parse(document)
    if not isinstance(thing, ActorDocument) or thing.id is None:
        return None
    name = thing.preferred_username or ""
    many = thing.type in _SPEAKS_FOR_MANY
    return Offered(
        channel=name if name in PUBLISHING and many else "",
        uri=thing.id,
        title=thing.name or name,
        summary=teaser(plain(thing.summary or ""), 200),
    )

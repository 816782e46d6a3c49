"""The keys of our own actors: made once, kept sealed, parsed once per process."""

from __future__ import annotations

import asyncio

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.signatures.keys import SigningKeys, from_bytes, generate_keys, to_bytes
from hub.actors.models import Actor, ActorKey
from hub.core.clock import now
from hub.core.secrets import MasterKey, load_master_key
from hub.core.services import Services


async def make(session: AsyncSession, actor: Actor, master: MasterKey) -> SigningKeys:
    """New keys for an actor, sealed in its row; those that it had are gone."""
    keys = await asyncio.to_thread(generate_keys, actor.uri)  # RSA takes 70 ms
    rsa, ed25519 = to_bytes(keys)
    name = str(actor.id)
    await session.merge(
        ActorKey(
            actor_id=actor.id,
            rsa=master.seal(rsa, f"{name}:rsa"),
            ed25519=master.seal(ed25519, f"{name}:ed25519"),
            created_at=now(),
        )
    )
    return keys


async def load(session: AsyncSession, master: MasterKey) -> dict[str, SigningKeys]:
    """The keys of all our actors, by actor uri.

    Raises:
        CommandFailed: they were sealed with another master key.
    """
    rows = await session.execute(select(Actor, ActorKey).join(ActorKey))
    return {actor.uri: _opened(actor, key, master) for actor, key in rows}


async def take_up(services: Services) -> None:
    """Have all our actors' keys as they are now; another process may have made new ones."""
    async with services.db.read() as session:
        services.keys.update(await load(session, load_master_key(services.settings.data_dir)))


def _opened(actor: Actor, key: ActorKey, master: MasterKey) -> SigningKeys:
    rsa, ed25519 = (
        master.open(key.rsa, f"{actor.id}:rsa"),
        master.open(key.ed25519, f"{actor.id}:ed25519"),
    )
    return from_bytes(actor.uri, rsa, ed25519)


async def at_hand(session: AsyncSession, services: Services, uri: str) -> None:
    """Have the keys of one of our actors among those of this process.

    An actor that was made while the hub runs is new to all processes but the one that made it.
    """
    if uri in services.keys:
        return
    query = select(Actor, ActorKey).join(ActorKey).where(Actor.uri == uri)
    found = (await session.execute(query)).one_or_none()
    if found is not None:
        master = load_master_key(services.settings.data_dir)
        services.keys[uri] = _opened(*found, master)


async def of(services: Services, uri: str) -> SigningKeys:
    """The keys of one of our actors.

    Raises:
        KeyError: it is none of ours.
    """
    if uri not in services.keys:
        async with services.db.read() as session:
            await at_hand(session, services, uri)
    return services.keys[uri]

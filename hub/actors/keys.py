"""The keys of our own actors: made once, kept sealed, parsed once per process."""

from __future__ import annotations

import asyncio

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.signatures.keys import SigningKeys, from_bytes, generate_keys, to_bytes
from hub.actors.models import Actor, ActorKey
from hub.core.clock import now
from hub.core.secrets import MasterKey


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
    return {
        actor.uri: from_bytes(
            actor.uri,
            master.open(key.rsa, f"{actor.id}:rsa"),
            master.open(key.ed25519, f"{actor.id}:ed25519"),
        )
        for actor, key in rows
    }

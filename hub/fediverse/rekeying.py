"""New keys for our actors (PROTOCOL §2.3, SECURITY H1).

They count at once, as after a theft they must: a server that knows the old key cannot verify what
comes next, fetches the actor anew and has the new one (AP-17). What was said before gets new
proofs, since it is still read, and may still be on its way.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import uuid4

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.signatures.digest import digest_header
from federation.signatures.keys import SigningKeys
from federation.signatures.proofs import sign_proof
from federation.vocab.activities import Update
from federation.vocab.names import PUBLIC
from hub.actors import keys, service
from hub.actors.models import Actor
from hub.audit import log as audit
from hub.core.clock import now
from hub.core.secrets import load_master_key
from hub.core.services import Services
from hub.fediverse import outbox
from hub.fediverse.models import OutboxActivity

AT_ONCE: Final = 200


async def rotate(services: Services) -> int:
    """Give each of our actors new keys and tell its followers; how many actors there are.

    In one transaction: either all have new keys, or none.
    """
    fresh: dict[str, SigningKeys] = {}
    async with services.db.write() as session:
        master = load_master_key(services.settings.data_dir)
        actors = (await session.scalars(select(Actor).where(Actor.local))).all()
        for actor in actors:
            fresh[actor.uri] = await keys.make(session, actor, master)
        after = replace(services, keys=fresh)
        for actor in actors:
            if actor.deleted_at is None:
                await _tell(session, after, actor)
        await audit.note(session, "new keys", actors=len(actors))
    services.keys.update(fresh)
    return len(fresh)


async def _tell(session: AsyncSession, services: Services, actor: Actor) -> None:
    update = Update(
        id=f"{actor.uri}#updates/{uuid4()}",
        actor=actor.uri,
        object=replace(service.document(actor, services), updated=now()),
        to=(PUBLIC,),
        cc=(f"{actor.uri}/followers",),
    )
    await outbox.post(session, services, actor, update, to_followers=True)


async def prove_again(services: Services) -> int:
    """New proofs for all that our actors said in public; how many. Again does no harm."""
    last, done = 0, 0
    while True:
        async with services.db.write() as session:
            rows = await session.execute(
                select(OutboxActivity, Actor.uri)
                .join(Actor, Actor.id == OutboxActivity.actor_id)
                .where(OutboxActivity.id > last, OutboxActivity.public)
                .where(OutboxActivity.from_host.is_(None))
                .order_by(OutboxActivity.id)
                .limit(AT_ONCE)
            )
            some = rows.all()
            for row, actor in some:
                document = orjson.loads(row.body)
                document.pop("proof", None)
                row.body = orjson.dumps(sign_proof(document, services.keys[actor], now()))
                row.digest = digest_header(row.body)
        if not some:
            return done
        last, done = some[-1][0].id, done + len(some)

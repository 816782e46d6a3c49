"""Letting one of our actors say something; it leaves only if the transaction is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from federation.signatures.digest import digest_header
from federation.signatures.proofs import sign_proof
from federation.vocab.activities import Activity
from federation.vocab.names import Document, is_public
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.services import Services
from hub.fediverse.models import OutboxActivity


async def post(
    session: AsyncSession,
    services: Services,
    actor: Actor,
    activity: Activity,
    *,
    to_followers: bool = False,
    to_receivers: bool = False,
    inboxes: Sequence[str] = (),
    listed: bool = False,
    run_at: datetime | None = None,
    about: str | None = None,
    whole: Document | None = None,
) -> OutboxActivity:
    """Say `activity` as `actor`: one row, which a worker expands into deliveries.

    `to_followers`, `to_receivers` (every server that was sent the object before) and `inboxes`
    are where it goes; `listed`, whether the actor's outbox shows it; `run_at`, not before then.
    `about` is the object among whose activities it has its place in order, if that is not its
    own; `whole` stands in place of its object, as somebody else wrote it.
    Public activities bear an integrity proof, private ones do not (FEP-8b32, AP-23).
    """
    document = activity.document(context=True)
    if whole is not None:
        document["object"] = whole
    public = any(is_public(uri) for uri in (*activity.to, *activity.cc))
    if public:
        document = sign_proof(document, services.keys[actor.uri], now())
    body = orjson.dumps(document)
    row = OutboxActivity(
        uri=document["id"],
        actor_id=actor.id,
        type=activity.type,
        object_uri=about or activity.object_id or document["id"],
        body=body,
        digest=digest_header(body),
        public=public,
        listed=listed,
        to_followers=to_followers,
        to_receivers=to_receivers,
        inboxes=list(inboxes),
        run_at=run_at or now(),
    )
    await keep(session, services, row)
    return row


async def keep(session: AsyncSession, services: Services, row: OutboxActivity) -> None:
    """Add a row to the outbox, and wake the workers once it is kept for good."""
    session.add(row)
    await session.flush()
    event.listen(session.sync_session, "after_commit", lambda _: services.wake.ring(), once=True)

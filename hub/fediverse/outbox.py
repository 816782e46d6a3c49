"""Letting one of our actors say something; it leaves only if the transaction is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import orjson
from sqlalchemy import delete, event, exists, update
from sqlalchemy.ext.asyncio import AsyncSession

from federation.signatures.digest import digest_header
from federation.signatures.proofs import sign_proof
from federation.vocab.activities import Activity
from federation.vocab.names import Document, is_public
from hub.actors import keys
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.services import Services
from hub.fediverse.models import Delivery, OutboxActivity

# A receipt's key is the object and an inbox, and an index of PostgreSQL takes 2 704 bytes. Ids of
# ours are shorter; what is said about a longer one of others goes by the id of the activity.
LONGEST_OBJECT: Final = 600
WORDS: Final = ("Create", "Update")  # activities that carry the words of their object


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
    await keys.at_hand(session, services, actor.uri)
    body = _body(services, actor, activity, whole)
    row = OutboxActivity(
        uri=activity.id,
        actor_id=actor.id,
        type=activity.type,
        object_uri=about or _about(activity),
        body=body,
        digest=digest_header(body),
        public=_is_public(activity),
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


async def restate(
    session: AsyncSession, services: Services, actor: Actor, activity: Activity
) -> None:
    """Let what was said before carry what its object is now, for those who read it later.

    Who imports from an outbox (Gancio does) must not get the words of long ago, and who had not
    been reached yet gets the newest ones at once.
    """
    body = _body(services, actor, activity)
    await session.execute(
        update(OutboxActivity)
        .where(OutboxActivity.uri == activity.id)
        .values(body=body, digest=digest_header(body))
    )


async def forget(session: AsyncSession, object_uri: str) -> None:
    """Delete the words that we said of something that is gone, where nobody waits for them."""
    await session.execute(
        delete(OutboxActivity)
        .where(
            OutboxActivity.object_uri == object_uri,
            OutboxActivity.type.in_(WORDS),
            OutboxActivity.expanded_at.is_not(None),
            ~exists().where(Delivery.activity_id == OutboxActivity.id),
        )
        .execution_options(synchronize_session=False)
    )


def _body(
    services: Services, actor: Actor, activity: Activity, whole: Document | None = None
) -> bytes:
    document = activity.document(context=True)
    if whole is not None:
        document["object"] = whole
    if _is_public(activity):
        document = sign_proof(document, services.keys[actor.uri], now())
    return orjson.dumps(document)


def _is_public(activity: Activity) -> bool:
    return any(is_public(uri) for uri in (*activity.to, *activity.cc))


def _about(activity: Activity) -> str:
    """The object by which deliveries are ordered and receipts kept."""
    thing, own = activity.object_id, activity.id or ""
    return own if thing is None or len(thing.encode()) > LONGEST_OBJECT else thing

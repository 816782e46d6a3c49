"""The hub's own address, and what happens when `HUB_URL` changes.

Ids are stored whole. Until another server has learnt them, a new address is written into every
row that bears the old one, in one transaction (decision 0009); after that a hub moves
(`relocating`).
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from sqlalchemy import Table, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from federation.origins import authority
from federation.signatures.digest import digest_header
from federation.signatures.proofs import sign_proof
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Base
from hub.core.services import Services
from hub.core.settings import Settings
from hub.fediverse import facts, relocating
from hub.fediverse.models import Delivery, OutboxActivity

# Columns that hold addresses of ours, in tables by name: rooms above this one have theirs too.
TEXTS = {
    "actor": ("uri", "url", "inbox", "shared_inbox", "followers_uri", "icon_url"),
    "entry": ("uri", "url", "content"),
    "event": ("place_uri", "organiser_uri"),
    "reply": ("uri", "url", "content"),
    "picture": ("url",),
    "outbox_activity": ("uri", "object_uri"),
    "announcement": ("uri", "object_uri"),
    "tombstone": ("uri",),
    "idempotency": ("location",),
}
DOCUMENTS = {"entry": "document", "reply": "document", "idempotency": "body"}


@dataclass(frozen=True, slots=True)
class Change:
    """The address was another, `old`; others know that one, so the hub `moved`, or nobody does."""

    old: str
    moved: bool


async def settle(session: AsyncSession, settings: Settings) -> Change | None:
    """Make the rows speak of the address of the settings; None if they do already.

    Raises:
        CommandFailed: others know the hub under its old address, and it was not moved.
    """
    address = settings.url
    old = await facts.get(session, facts.URL)
    if old == address:
        return None
    moved = old is not None and await facts.get(session, facts.FEDERATED) is not None
    if old is not None and moved:
        await relocating.check(session, settings, old)
        await relocating.depart(session, old, address)
    elif old is not None:
        await _rename(session, old, address)
    await facts.note(session, facts.URL, address)
    return None if old is None else Change(old, moved)


async def _rename(session: AsyncSession, old: str, new: str) -> None:
    await session.execute(delete(Delivery))
    for name, columns in TEXTS.items():
        table = Base.metadata.tables[name]
        await session.execute(
            update(table).values({each: func.replace(table.c[each], old, new) for each in columns})
        )
    for name, column in DOCUMENTS.items():
        await _rename_in_documents(session, Base.metadata.tables[name], column, old, new)
    await session.execute(update(Actor).where(Actor.local).values(authority=authority(new)))


async def _rename_in_documents(
    session: AsyncSession, table: Table, column: str, old: str, new: str
) -> None:
    documents = table.c[column]
    rows = await session.execute(
        select(documents, *table.primary_key).where(documents.is_not(None))
    )
    for document, *key in rows.all():
        this = [part == value for part, value in zip(table.primary_key, key, strict=True)]
        renamed = document.replace(old.encode(), new.encode())
        await session.execute(update(table).where(*this).values({documents: renamed}))


async def say_again(session: AsyncSession, services: Services, old: str) -> None:
    """Write the outbox anew under today's address, proofs and digests included."""
    rows = await session.execute(
        select(OutboxActivity, Actor.uri).join(Actor, Actor.id == OutboxActivity.actor_id)
    )
    new = services.settings.url
    for row, actor_uri in rows:
        document = orjson.loads(row.body.replace(old.encode(), new.encode()))
        if document.pop("proof", None) is not None:
            document = sign_proof(document, services.keys[actor_uri], now())
        row.body = orjson.dumps(document)
        row.digest = digest_header(row.body)
        row.inboxes = []

"""From an entry to the outbox, whatever its kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import orjson
from sqlalchemy import delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.vocab.activities import Announce, Delete, Update
from federation.vocab.base import Object
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Note
from federation.vocab.objects import Tombstone as TombstoneDocument
from hub.actors import service
from hub.actors.channels import AUTHOR_OF, RELAY
from hub.actors.models import Actor
from hub.audit import log as audit
from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.services import Services
from hub.core.text import paragraphs
from hub.entries import merging, notes, quotes
from hub.entries.models import FOLDERS, HIDDEN, Entry, Reaction, Reply
from hub.fediverse import ledger, outbox
from hub.fediverse.models import Tombstone


async def author_for(session: AsyncSession, kind: str) -> Actor:
    """The channel in whose name entries of a kind are published."""
    return await service.local(session, AUTHOR_OF[kind])


def address(services: Services, kind: str, entry_id: object) -> str:
    """The id of a local entry, which is its page too (SETTLED 11)."""
    return f"{services.settings.url}/{FOLDERS[kind]}/{entry_id}"


async def publish(
    session: AsyncSession, services: Services, entry: Entry, thing: Object, *, tell: bool = True
) -> None:
    """Keep an entry, and tell the followers of its author; `author` must be loaded.

    What is not public never leaves; `tell=False` keeps quiet about what is.
    """
    entry.document = orjson.dumps(thing.document(context=True))
    session.add(entry)
    await session.flush()
    await merging.consider(session, entry)
    await audit.note_of_others(session, "entry changed", entry.owner_id, entry.id, kind=entry.kind)
    if entry.visibility != "public" or not tell:
        return
    entry.published_at = now()
    create = notes.create_of(thing)
    await outbox.post(session, services, entry.author, create, to_followers=True, listed=True)
    await _announce(session, services, entry)


async def _announce(session: AsyncSession, services: Services, entry: Entry) -> None:
    """The relay passes every public entry on, once (AP-86)."""
    relay = await service.local(session, RELAY)
    announce = Announce(
        id=f"{entry.uri}#announce",
        actor=relay.uri,
        object=entry.uri,
        to=(PUBLIC,),
        cc=(f"{relay.uri}/followers", entry.author.uri),
        published=now(),
    )
    await outbox.post(session, services, relay, announce, to_followers=True, listed=True)


async def tell_holders(
    session: AsyncSession, services: Services, entry: Entry, thing: Object
) -> None:
    """Send what an unpublished entry is now to those who came by it themselves (AP-76)."""
    if entry.visibility == "public" and await ledger.is_held(session, entry.uri):
        update = _update(entry, thing)
        await outbox.post(session, services, entry.author, update, to_receivers=True)


def _update(entry: Entry, thing: Object) -> Update:
    return Update(
        id=f"{entry.uri}#updates/{uuid4()}",
        actor=entry.author.uri,
        object=thing,
        to=thing.to,
        cc=thing.cc,
    )


async def revise(
    session: AsyncSession,
    services: Services,
    entry: Entry,
    thing: Object,
    *,
    note: str | None = None,
    tell: bool = True,
) -> None:
    """Send what an entry is now to everyone who has it or follows its author.

    `note` is said in a short reply besides: Mastodon shows no Update of an Event (N9).
    """
    entry.document = orjson.dumps(thing.document(context=True))
    await session.flush()
    await merging.consider(session, entry)
    await audit.note_of_others(session, "entry changed", entry.owner_id, entry.id, kind=entry.kind)
    if entry.visibility != "public" or not tell:
        return
    if entry.published_at is None:
        await publish(session, services, entry, thing)
        return
    await outbox.restate(session, services, entry.author, notes.create_of(thing))
    update = _update(entry, thing)
    await outbox.post(session, services, entry.author, update, to_followers=True, to_receivers=True)
    if note:
        await _reply_note(session, services, entry, note)


async def _reply_note(session: AsyncSession, services: Services, entry: Entry, text: str) -> None:
    """A public reply under our own entry, by its author."""
    moment = now()
    uri = f"{services.settings.url}/replies/{uuid4()}"
    thing = Note(
        id=uri,
        attributed_to=entry.author.uri,
        in_reply_to=entry.uri,
        content=paragraphs(text),
        language=entry.language,
        url=entry.url,
        published=moment,
        updated=moment,
        to=(PUBLIC,),
        cc=(f"{entry.author.uri}/followers",),
        replies=f"{uri}/replies",
        context=f"{entry.uri}/context",
    )
    row = notes.row_of_ours(thing, entry.author, moment)
    row.entry_id = entry.id
    session.add(row)
    create = replace(notes.create_of(thing), published=None)
    await outbox.post(session, services, entry.author, create, to_followers=True, listed=True)


async def withdraw(
    session: AsyncSession, services: Services, entry: Entry, former_type: str, *, tell: bool = True
) -> None:
    """Take an entry back: a tombstone stays, its words go, and everyone who has it is told."""
    was_out = entry.published_at is not None
    was_held = await ledger.is_held(session, entry.uri)
    await audit.note_of_others(session, "entry deleted", entry.owner_id, entry.id, kind=entry.kind)
    await bury(session, services, entry, former_type)
    if not tell or not (was_out or was_held):
        return
    await _say_gone(session, services, entry, former_type, f"{entry.uri}#delete", was_out)


async def recall(session: AsyncSession, services: Services, entry: Entry, former_type: str) -> None:
    """Ask everyone who has an entry of ours to forget it; here it stays, perhaps hidden."""
    was_out = entry.published_at is not None
    if was_out or await ledger.is_held(session, entry.uri):
        name = f"{entry.uri}#recalled/{uuid4()}"
        await _say_gone(session, services, entry, former_type, name, was_out)


async def _say_gone(
    session: AsyncSession,
    services: Services,
    entry: Entry,
    former_type: str,
    name: str,
    was_out: bool,
) -> None:
    moment = entry.deleted_at or now()
    thing = TombstoneDocument(id=entry.uri, former_type=former_type, deleted=moment)
    gone = Delete(
        id=name,
        actor=entry.author.uri,
        object=thing,
        to=(PUBLIC,),
        cc=(f"{entry.author.uri}/followers",),
    )
    await outbox.post(
        session, services, entry.author, gone, to_followers=was_out, to_receivers=True
    )
    await quotes.end_of_entry(session, services, entry)


async def bury(session: AsyncSession, services: Services, entry: Entry, former_type: str) -> None:
    """Purge an entry of ours or of others; only that it was, and when, stays (AP-34).

    What we answered under it went to others too, and is taken back.
    """
    moment = now()
    entry.deleted_at = entry.deleted_at or moment
    entry.title, entry.summary, entry.content, entry.source = "", "", "", None
    entry.place, entry.latitude, entry.longitude = "", None, None
    entry.empty()
    entry.tags, entry.search_text, entry.document, entry.picture_id = [], "", None, None
    ours = select(Reply).where(Reply.entry_id == entry.id, Reply.from_us, Reply.state != HIDDEN)
    for reply in (await session.scalars(ours.order_by(Reply.published_at))).all():
        await take_back(session, services, reply)
    await session.execute(delete(Reply).where(Reply.entry_id == entry.id))
    await session.execute(delete(Reaction).where(Reaction.entry_id == entry.id))
    await remember_gone(session, entry.uri, former_type)
    await outbox.forget(session, entry.uri)


async def take_back(session: AsyncSession, services: Services, reply: Reply) -> None:
    """Tell everyone who got an answer of ours that it is no more.

    What was taken back before, and then shown again to those who come here, went to nobody since.
    """
    if reply.public and await is_gone(session, reply.uri, None):
        return
    channel = await session.get_one(Actor, reply.author_id)
    asked = await session.get(Reply, reply.answers_id) if reply.answers_id else None
    asker = await session.get(Actor, asked.author_id) if asked else None
    to = (PUBLIC,) if reply.public else ((asker.uri,) if asker else ())
    inboxes: list[str] = []
    if asker is not None and not asker.local:
        # Where the answer went, so that it is not taken back twice.
        inboxes = [asker.delivery_inbox if reply.public else asker.inbox]
    if reply.public:
        await remember_gone(session, reply.uri, "Note")
    await outbox.forget(session, reply.uri)
    await outbox.post(
        session,
        services,
        channel,
        notes.delete_of(reply, channel.uri, now(), to),
        to_followers=reply.public,
        to_receivers=True,
        inboxes=inboxes,
    )


async def remember_gone(
    session: AsyncSession, uri: str, former_type: str | None, *, said_by: str = ""
) -> None:
    """A late Create of `uri` will be refused; with `said_by`, if it is of that very actor."""
    await session.execute(
        insert_for(session, Tombstone)
        .values(uri=uri, said_by=said_by, former_type=former_type, deleted_at=now())
        .on_conflict_do_nothing()
    )


async def tombstone(session: AsyncSession, uri: str) -> dict[str, Any] | None:
    """What is served of something of ours that everybody could read and that is gone (AP-11)."""
    row = await session.get(Tombstone, (uri, ""))
    if row is None:
        return None
    thing = TombstoneDocument(id=uri, former_type=row.former_type, deleted=row.deleted_at)
    return thing.document(context=True)


async def is_gone(session: AsyncSession, uri: str, author: str | None) -> bool:
    """Whether something of this id, which would be `author`'s, was deleted before."""
    said = Tombstone.said_by.in_(("", author or ""))
    return bool(await session.scalar(select(exists().where(Tombstone.uri == uri, said))))


def addressed(thing: Object, author: Actor) -> Object:
    """The same thing, to the public and the author's followers, as hub listings are."""
    return replace(thing, to=(PUBLIC,), cc=(f"{author.uri}/followers",))

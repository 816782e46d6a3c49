"""Replies to entries, and messages to our channels: taken, answered, shown or hidden.

A public reply stands under its entry at once when its server is heard (SETTLED 8), else it waits
for a steward. What is not public is for the stewards alone: it is in no list, page, feed or
collection that anybody else can read (AP-48).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from federation.authority import may_change
from federation.errors import MalformedDocument, Unauthorised
from federation.vocab.base import Object
from hub.actors.models import Actor
from hub.core import text
from hub.core.clock import now
from hub.core.db import WRITES
from hub.core.errors import NotFound
from hub.core.services import Services
from hub.core.text import SafeHtml
from hub.entries import carrying, live, notes, publishing
from hub.entries.models import HELD, SHOWN, Entry, Reply
from hub.entries.visibility import ANYBODY, visible_to
from hub.fediverse import ledger, peers
from hub.fediverse.received import Received

Hearer = Callable[[Received, Object, UUID], Awaitable[None]]

_HEARERS: list[Hearer] = []


def hears(function: Hearer) -> Hearer:
    """Mark a function of a room above: it hears what is answered to an entry, before it is kept."""
    _HEARERS.append(function)
    return function


@dataclass(frozen=True)
class Anchor:
    """Where a reply belongs: under an entry, under another reply, or at a channel's door."""

    entry_id: UUID | None = None
    answers_id: UUID | None = None
    channel_id: UUID | None = None
    public: bool = True


async def check(session: AsyncSession, thing: Object) -> None:
    """Let only those pass that can be a reply at all.

    Raises:
        Unauthorised: it was deleted before.
        MalformedDocument: it has no id or says nothing.
    """
    if thing.id is None or not (thing.content or thing.attachments):
        # A Note with a name and no text is a vote in a poll, and we ask nothing.
        raise MalformedDocument("a reply without id or text")
    if await publishing.is_gone(session, thing.id, thing.attributed_to):
        raise Unauthorised("it was deleted before (AP-34)")


async def anchor_of(session: AsyncSession, thing: Object) -> Anchor | None:
    """Where a reply or a message belongs; None if nothing here is known to be above it."""
    parent = thing.in_reply_to
    if parent is not None:
        reply = await by_uri(session, parent)
        if reply is not None:
            return Anchor(reply.entry_id, reply.id, reply.channel_id, reply.public)
        seen = visible_to(ANYBODY)
        entry = await session.scalar(select(Entry.id).where(Entry.uri == parent, seen))
        if entry is not None:
            return Anchor(entry_id=entry)
    if notes.is_for_all(thing):
        return None
    channel = await channel_of(session, thing)
    return None if channel is None else Anchor(channel_id=channel.id, public=False)


async def receive(received: Received, thing: Object, anchor: Anchor) -> bool:
    """Keep a reply or a message of another server; False if it is here already."""
    if await by_uri(received.session, thing.id or "") is not None:
        return False
    # What is said to others who answered is talk among them.
    if anchor.entry_id is not None and (anchor.answers_id is None or not anchor.public):
        for hearer in _HEARERS:
            await hearer(received, thing, anchor.entry_id)
    content = await text.cleaned(notes.html_of(thing))
    session, services, by = received.session, received.services, received.announcer
    await keep(session, services, thing, anchor, received.author, content, by)
    return True


async def let_in(received: Received, thing: Object) -> bool:
    """Show what waits here, now that somebody whom we follow passed it on; False if it does not.

    So it comes to the same whether it came first by itself or from them.
    """
    reply = await by_uri(received.session, thing.id or "")
    if reply is None or not reply.public or reply.state != HELD or received.announcer is None:
        return False
    if reply.author_id != received.author.id or not await _is_heard(
        received.session, received.services, thing, received.author, received.announcer
    ):
        return False
    reply.state, reply.read_at = SHOWN, received.now
    return True


async def _is_heard(
    session: AsyncSession, services: Services, thing: Object, author: Actor, via: Actor | None
) -> bool:
    """Whether it stands here at once; who calls many waits for a steward, whoever passed it on."""
    return not notes.calls_many(thing) and await peers.hears(session, services, author, via)


async def keep(
    session: AsyncSession,
    services: Services,
    thing: Object,
    anchor: Anchor,
    author: Actor,
    content: SafeHtml,
    via: Actor | None = None,
) -> None:
    """Write down what `author` said, with its cleaned `content`; `via` is who passed it on.

    Their server has what they answer, and will hear of its changes (AP-76). What answers an entry
    of ours goes to the hubs that follow its channel.
    """
    # An answer to something private stays private, whatever it says of itself.
    public = anchor.public and notes.is_for_all(thing)
    heard = await _is_heard(session, services, thing, author, via)
    channel = await channel_of(session, thing)
    reply = notes.row_of_theirs(thing, author, content, now())
    reply.entry_id, reply.answers_id = anchor.entry_id, anchor.answers_id
    reply.channel_id = anchor.channel_id or (channel.id if channel else None)
    reply.public, reply.state = public, SHOWN if heard or not public else HELD
    reply.person_id = None if public else await _whose(session, anchor)
    session.add(reply)
    await session.flush()
    await live.note_tags(session, reply, thing)
    await _note_holders(session, anchor, author)
    await carrying.carry(session, services, reply, author)


async def _whose(session: AsyncSession, anchor: Anchor) -> UUID | None:
    """The person for whom something private is: who wrote before, or the owner of the entry."""
    answered = await session.get(Reply, anchor.answers_id) if anchor.answers_id else None
    if answered is not None and not answered.public:
        return answered.person_id
    entry = await session.get(Entry, anchor.entry_id) if anchor.entry_id else None
    return entry.owner_id if entry is not None and entry.own_box else None


async def _note_holders(session: AsyncSession, anchor: Anchor, author: Actor) -> None:
    entry = await session.get(Entry, anchor.entry_id) if anchor.entry_id else None
    answered = await session.get(Reply, anchor.answers_id) if anchor.answers_id else None
    if entry is not None and entry.local:
        await ledger.note_holder(session, entry.uri, author)
    if answered is not None and answered.from_us:
        await ledger.note_holder(session, answered.uri, author)


async def revise(received: Received, thing: Object) -> None:
    """A reply says something else now; older states are passed over (AP-32, AP-33).

    Raises:
        Unauthorised: it is somebody else's, or not here.
    """
    reply = await by_uri(received.session, thing.id or "")
    if reply is None:
        raise Unauthorised("it is not here")
    if not may_change(reply.author_id, received.author.id):
        raise Unauthorised("it belongs to somebody else (AP-32)")
    stamp, before = _stamp(thing), _stamp_before(reply)
    if before is not None and (stamp is None or stamp <= before):
        return
    reply.content = await text.cleaned(notes.html_of(thing))
    reply.cleaned_by = text.RULES_VERSION
    reply.document = orjson.dumps(thing.document())
    reply.public = reply.public and notes.is_for_all(thing)
    if not reply.public:
        reply.read_at = None
    await live.note_tags(received.session, reply, thing)


async def purge(session: AsyncSession, reply: Reply) -> None:
    """Delete a reply; what answered it moves up to what it answered."""
    await session.execute(
        update(Reply).where(Reply.answers_id == reply.id).values(answers_id=reply.answers_id)
    )
    await publishing.remember_gone(session, reply.uri, "Note")
    await session.execute(delete(Reply).where(Reply.id == reply.id))


async def purge_of(session: AsyncSession, author: Actor) -> None:
    """Delete everything that somebody said here."""
    for reply in (await session.scalars(select(Reply).where(Reply.author_id == author.id))).all():
        await purge(session, reply)


async def by_id(session: AsyncSession, reply_id: UUID) -> Reply:
    """A reply, whatever its state, with its author; in a session that writes, it is ours to change.

    Raises:
        NotFound: there is none.
    """
    query = select(Reply).where(Reply.id == reply_id)
    if session.sync_session.info.get(WRITES):
        # Else two stewards who press a button at once would each do it.
        query = query.with_for_update()
    reply = await session.scalar(
        query.options(selectinload(Reply.author), selectinload(Reply.entry))
    )
    if reply is None:
        raise NotFound("This message is no longer here.")
    return reply


async def by_uri(session: AsyncSession, uri: str) -> Reply | None:
    """The reply that has this ActivityPub id."""
    return await session.scalar(select(Reply).where(Reply.uri == uri))


async def channel_of(session: AsyncSession, thing: Object) -> Actor | None:
    """The first of our actors that it speaks to."""
    uris = notes.addressees(thing)
    rows = await session.scalars(select(Actor).where(Actor.local, Actor.uri.in_(uris)))
    found = {actor.uri: actor for actor in rows}
    return next((found[uri] for uri in uris if uri in found), None)


def _stamp(thing: Object) -> datetime | None:
    return thing.updated or thing.published


def _stamp_before(reply: Reply) -> datetime | None:
    """When the state of a reply that we hold was made."""
    thing = notes.stored(reply.document)
    return None if thing is None else _stamp(thing)

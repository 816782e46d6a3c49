"""Replies to entries, and messages to our channels: taken, answered, shown or hidden.

A public reply stands under its entry at once when its server is heard (SETTLED 8), else it waits
for a steward. What is not public is for the stewards alone: it is in no list, page, feed or
collection that anybody else can read (AP-48).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import orjson
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from federation.errors import FederationError, MalformedDocument, Unauthorised
from federation.origins import authority, same_origin
from federation.vocab.base import Object
from federation.vocab.parse import parse
from hub.actors import service as actors
from hub.actors.channels import RELAY
from hub.actors.models import Actor
from hub.core import text
from hub.core.errors import NotFound
from hub.entries import notes, publishing
from hub.entries.models import Entry, Reply
from hub.entries.visibility import ANYBODY, visible_to
from hub.fediverse import peers
from hub.fediverse.received import Received

SHOWN: Final = "shown"
HELD: Final = "held"
HIDDEN: Final = "hidden"

LONGEST_REPORT: Final = 5000
MAX_CLIMB: Final = 5  # replies between a reply and what we know of its thread


@dataclass(frozen=True)
class Anchor:
    """Where a reply belongs: under an entry, under another reply, or at a channel's door."""

    entry_id: UUID | None = None
    answers_id: UUID | None = None
    channel_id: UUID | None = None
    public: bool = True


async def receive(received: Received, thing: Object) -> Reply | None:
    """Keep a reply or a message of another server; None where there is nothing to keep.

    Raises:
        Unauthorised: it is no reply to anything here, or it was deleted before.
        MalformedDocument: it has no id.
        Wanted: more of its thread is needed first.
    """
    uri = thing.id
    if uri is None or not (thing.content or thing.attachments):
        # A Note with a name and no text is a vote in a poll, and we ask nothing.
        raise MalformedDocument("a reply without id or text")
    session = received.session
    if await publishing.is_gone(session, uri):
        raise Unauthorised("it was deleted before (AP-34)")
    if await by_uri(session, uri) is not None:
        return None
    public = notes.is_for_all(thing)
    above = await _above(received, thing) if public else []
    anchor = await _anchor(received, above[-1] if above else thing)
    for parent in reversed(above):
        kept = await _keep(received, parent, anchor, await received.actor(_author_of(parent)))
        anchor = Anchor(kept.entry_id, kept.id, kept.channel_id, kept.public)
    return await _keep(received, thing, anchor, received.author)


async def _above(received: Received, thing: Object) -> list[Object]:
    """The replies between this one and what we know, nearest first, from their own servers.

    Nothing is fetched for strangers who do not speak to us.
    """
    found: list[Object] = []
    parent = thing.in_reply_to
    while parent is not None and not await _is_known(received.session, parent):
        if received.services.is_ours(authority(parent)):
            raise Unauthorised("a reply to something that is not here")
        if len(found) == MAX_CLIMB or not (found or await _concerns_us(received, thing)):
            raise Unauthorised("not a reply to anything here")
        document = await received.fetched(parent)
        above = parse(document)
        if not isinstance(above, Object) or above.id != parent or not notes.is_for_all(above):
            raise Unauthorised("a reply in a thread that is not public")
        if not same_origin(parent, _author_of(above)):
            raise Unauthorised("a reply whose author is of another origin (SECURITY A2)")
        if await publishing.is_gone(received.session, parent):
            raise Unauthorised("a reply to something that was deleted (AP-34)")
        await received.actor(_author_of(above))
        found.append(above)
        parent = above.in_reply_to
    return found if parent is not None else []


async def _anchor(received: Received, thing: Object) -> Anchor:
    """Where it belongs.

    Raises:
        Unauthorised: nowhere here.
    """
    session = received.session
    parent = thing.in_reply_to
    if parent is not None:
        reply = await by_uri(session, parent)
        if reply is not None:
            return Anchor(reply.entry_id, reply.id, reply.channel_id, reply.public)
        seen = visible_to(ANYBODY)
        entry = await session.scalar(select(Entry.id).where(Entry.uri == parent, seen))
        if entry is not None:
            return Anchor(entry_id=entry)
    channel = await _channel(session, thing)
    if channel is None or notes.is_for_all(thing):
        raise Unauthorised("not a reply to anything here")
    return Anchor(channel_id=channel.id, public=False)


async def _keep(received: Received, thing: Object, anchor: Anchor, author: Actor) -> Reply:
    session = received.session
    # An answer to something private stays private, whatever it says of itself.
    public = anchor.public and notes.is_for_all(thing)
    heard = not notes.calls_many(thing) and await peers.hears(session, received.services, author)
    channel = await _channel(session, thing)
    reply = Reply(
        uri=thing.id or "",
        url=notes.page_of(thing),
        entry_id=anchor.entry_id,
        channel_id=anchor.channel_id or (channel.id if channel else None),
        author_id=author.id,
        answers_id=anchor.answers_id,
        content=await text.cleaned(notes.html_of(thing)),
        cleaned_by=text.RULES_VERSION,
        public=public,
        state=SHOWN if heard or not public else HELD,
        document=orjson.dumps(thing.document()),
        published_at=min(thing.published or received.now, received.now),
        received_at=received.now,
    )
    session.add(reply)
    await session.flush()
    return reply


async def revise(received: Received, thing: Object) -> None:
    """A reply says something else now; older states are passed over (AP-32, AP-33).

    Raises:
        Unauthorised: it is somebody else's.
    """
    reply = await by_uri(received.session, thing.id or "")
    if reply is None:
        await receive(received, thing)
        return
    if reply.author_id != received.author.id:
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


async def report(received: Received, about: Sequence[str], words: str) -> None:
    """Somebody elsewhere complains about something of ours: the stewards should know."""
    session = received.session
    uri = received.activity.id or f"{received.author.uri}#flag-{uuid4()}"
    if await by_uri(session, uri) is not None:
        return
    entry = await session.scalar(select(Entry.id).where(Entry.uri.in_(about)).limit(1))
    relay = await actors.local(session, RELAY)
    links = "<br>".join(f'<a href="{one}">{one}</a>' for one in map(_escaped, about[:20]))
    said = str(text.paragraphs(text.teaser(text.plain(words), LONGEST_REPORT)))
    session.add(
        Reply(
            uri=uri,
            url=received.author.url or received.author.uri,
            entry_id=entry,
            channel_id=relay.id,
            author_id=received.author.id,
            content=text.clean(f"{said}<p>{links}</p>"),
            cleaned_by=text.RULES_VERSION,
            public=False,
            state=SHOWN,
            published_at=received.now,
            received_at=received.now,
        )
    )


async def by_id(session: AsyncSession, reply_id: UUID) -> Reply:
    """A reply, whatever its state, with its author.

    Raises:
        NotFound: there is none.
    """
    reply = await session.scalar(
        select(Reply)
        .where(Reply.id == reply_id)
        .options(selectinload(Reply.author), selectinload(Reply.entry))
    )
    if reply is None:
        raise NotFound("This message is no longer here.")
    return reply


async def by_uri(session: AsyncSession, uri: str) -> Reply | None:
    """The reply that has this ActivityPub id."""
    return await session.scalar(select(Reply).where(Reply.uri == uri))


async def _channel(session: AsyncSession, thing: Object) -> Actor | None:
    """The first of our actors that it speaks to."""
    uris = notes.addressees(thing)
    rows = await session.scalars(select(Actor).where(Actor.local, Actor.uri.in_(uris)))
    found = {actor.uri: actor for actor in rows}
    return next((found[uri] for uri in uris if uri in found), None)


async def _concerns_us(received: Received, thing: Object) -> bool:
    return await received.relevant() or await _channel(received.session, thing) is not None


async def _is_known(session: AsyncSession, uri: str) -> bool:
    for column in (Entry.uri, Reply.uri):
        if await session.scalar(select(column).where(column == uri)) is not None:
            return True
    return False


def _author_of(thing: Object) -> str:
    if thing.attributed_to is None:
        raise MalformedDocument("an object without an author")
    return thing.attributed_to


def _stamp(thing: Object) -> datetime | None:
    return thing.updated or thing.published


def _stamp_before(reply: Reply) -> datetime | None:
    """When the state of a reply that we hold was made."""
    if reply.document is None:
        return None
    try:
        thing = parse(orjson.loads(reply.document))
    except FederationError:
        return None
    return _stamp(thing) if isinstance(thing, Object) else None


def _escaped(uri: str) -> str:
    return str(text.paragraphs(uri)).removeprefix("<p>").removesuffix("</p>")

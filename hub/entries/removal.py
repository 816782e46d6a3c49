"""Deletes of others: of an entry, a reply, or an actor with all that is theirs (AP-34, AP-45)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.authority import may_bury, may_delete
from federation.errors import Unauthorised
from federation.vocab.objects import Tombstone
from hub.actors.models import Actor
from hub.entries import publishing, queries, reactions, replies
from hub.entries.models import TYPES, Entry
from hub.fediverse import follows
from hub.fediverse.received import Received, forget_sent

log = logging.getLogger(__name__)

Forget = Callable[[AsyncSession, Actor], Awaitable[None]]

_FORGET: list[Forget] = []


def forgets(function: Forget) -> Forget:
    """Mark a function of a room above: it deletes what that room keeps of an actor who is gone."""
    _FORGET.append(function)
    return function


async def remove(received: Received, uri: str) -> None:
    """What had this id is gone, if it was the sender's, or its own server says so.

    An id that we do not know yet is remembered, so that its late Create by the same actor is
    refused: to others of that server it might belong.

    Raises:
        Unauthorised: it belongs to somebody else.
    """
    if uri == received.author.uri:
        await _forget_actor(received, received.author)
        return
    session = received.session
    entry = await queries.by_uri(session, uri)
    if entry is not None:
        _check_owner(received, entry.author, uri)
        if entry.deleted_at is None:
            await _bury(received, entry)
        return
    reply = await replies.by_uri(session, uri)
    if reply is not None:
        _check_owner(received, await session.get_one(Actor, reply.author_id), uri)
        await replies.purge(session, reply)
        await forget_sent(session, uri)
        return
    if not may_bury(received.author.uri, uri):
        raise Unauthorised("it is on another server")
    said_by = "" if received.vouched else received.author.uri
    await publishing.remember_gone(session, uri, _former_type(received), said_by=said_by)


def _check_owner(received: Received, owner: Actor, uri: str) -> None:
    """Only the owner deletes; or the server that it came from, by answering that it is gone."""
    if owner.local:
        raise Unauthorised("it is ours")
    sender = received.author.uri
    if not may_delete(owner.uri, sender, uri, confirmed=received.vouched):
        raise Unauthorised("it belongs to somebody else (AP-34)")


async def _forget_actor(received: Received, actor: Actor) -> None:
    """Everything of an actor who is no more: entries, replies, reactions, follows."""
    session = received.session
    if actor.local:
        raise Unauthorised("it is ours")
    entries = select(Entry).where(Entry.author_id == actor.id, Entry.deleted_at.is_(None))
    for entry in (await session.scalars(entries)).all():
        await _bury(received, entry)
    await replies.purge_of(session, actor)
    await reactions.remove_of(session, actor.uri)
    await follows.forget(session, actor.id)
    for forget in _FORGET:
        await forget(session, actor)
    await publishing.remember_gone(session, actor.uri, actor.kind)
    actor.deleted_at = received.now
    actor.document = None
    actor.display_name, actor.summary, actor.icon_url = actor.name, "", None


async def _bury(received: Received, entry: Entry) -> None:
    former_type = TYPES.get(entry.kind, "Object")
    log.info("%s says that one %s of its own is gone: deleted", entry.origin, entry.kind)
    await publishing.bury(received.session, received.services, entry, former_type)
    await forget_sent(received.session, entry.uri)


def _former_type(received: Received) -> str | None:
    thing = received.activity.object
    return thing.former_type if isinstance(thing, Tombstone) else None

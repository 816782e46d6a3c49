"""An activity with its author and an object that their own server said (AP-29, AP-31, FEP-fe34).

The rules are those of `federation.authority`; here is fetched what they ask for.
"""

from __future__ import annotations

from dataclasses import replace

import orjson

from federation.authority import may_bring, may_describe, may_embed, may_publish
from federation.errors import Gone, MalformedDocument, Unauthorised
from federation.origins import same_origin
from federation.vocab.activities import Create, Delete, Update
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.base import Object
from federation.vocab.parse import parse
from hub.actors import service
from hub.actors.models import Actor
from hub.fediverse import follows, peers
from hub.fediverse.models import InboxActivity
from hub.fediverse.received import Received

GONE_FOR_GOOD = 410


async def author_of(received: Received, row: InboxActivity) -> Actor:
    """The row of who did it, brought up to date with the document that proved the key."""
    if row.actor_document is not None:
        thing = parse(orjson.loads(row.actor_document))
        if isinstance(thing, ActorDocument) and thing.id == row.actor_uri:
            return await peers.remember(received.session, thing, row.actor_document)
    return await received.actor(row.actor_uri)


async def authentic(received: Received, trust: str) -> Received:
    """The same, with an object that its own origin said (AP-29, AP-31, SETTLED 9)."""
    activity = received.activity
    if isinstance(activity, Create | Update):
        return await _own_object(received, activity, trust)
    if trust != "refetch":
        return received
    if isinstance(activity, Delete) and activity.object_id:
        try:
            await received.fetched(activity.object_id)
        except Gone as gone:
            # Of a whole actor only 410 tells: 404 may be an accident (PROTOCOL 2.3).
            if gone.status == GONE_FOR_GOOD or activity.object_id != activity.actor:
                return replace(received, vouched=True)
    raise Unauthorised("the signer is not the actor, and the origin does not confirm it")


async def _own_object(received: Received, activity: Create | Update, trust: str) -> Received:
    thing = activity.object
    if isinstance(thing, ActorDocument):
        if not may_describe(activity.actor, thing.id) or trust == "refetch":
            raise Unauthorised("an actor may only be updated by itself")
        return received
    embedded = (
        trust != "refetch"
        and isinstance(thing, Object)
        and may_embed(activity.actor, thing.id, thing.attributed_to)
    )
    if embedded:
        return received
    if trust == "refetch":
        # Nothing of the wrapper is believed but who brought it: a server that we follow.
        received = replace(received, via=await peers.followed_at(received.session, received.host))
    found = await _of_its_origin(received, activity)
    owner = found.attributed_to or ""
    if trust != "refetch":
        if owner == activity.actor:
            return replace(received, activity=replace(activity, object=found))
        # Members of a Mobilizon group create what is the group's; its server alone may say so.
        if not may_bring(activity.actor, owner):
            raise Unauthorised("the object is somebody else's")
        received = replace(received, via=received.author)
    author = await received.actor(owner)
    activity = replace(activity, actor=author.uri, object=found)
    return replace(received, author=author, activity=activity)


async def _of_its_origin(received: Received, activity: Create | Update) -> Object:
    """What the object's own server says that it is."""
    uri = activity.object_id
    if uri is None:
        raise MalformedDocument("an object without an id")
    if not await _may_matter(received, activity):
        raise Unauthorised("nobody here asked for it (AP-30)")
    found = parse(await received.fetched(uri))
    if not isinstance(found, Object) or found.id is None or found.attributed_to is None:
        raise MalformedDocument("not an object with id and author")
    if not may_publish(found.id, found.attributed_to):
        raise Unauthorised("the object's author is of another origin")
    return found


async def _may_matter(received: Received, activity: Create | Update) -> bool:
    """Whether its object is worth a look: of somebody we follow, to us, or perhaps a reply.

    Of an object that is named by its id alone nobody knows; look-ups are counted (SECURITY B8).
    """
    hint = activity.object
    if isinstance(activity, Update) or not isinstance(hint, Object) or hint.in_reply_to:
        return True
    named = (*activity.to, *activity.cc, *activity.audience, *hint.to, *hint.cc)
    mentioned = tuple(tag.href for tag in hint.tags if tag.href)
    home = received.services.settings.url
    to_us = any(same_origin(uri, home) for uri in (*named, *mentioned))
    return to_us or await received.relevant() or await _of_a_group(received, hint)


async def _of_a_group(received: Received, hint: Object) -> bool:
    """Whether it is said to be another's on the same server whom we follow (Mobilizon's groups)."""
    owner = await service.by_uri(received.session, hint.attributed_to or "")
    return owner is not None and await follows.is_followed(received.session, [owner.id])

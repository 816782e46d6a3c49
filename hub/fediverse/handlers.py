"""What others do to follows and actors: Follow, Accept, Reject, Undo, Block, Update of an actor."""

from __future__ import annotations

import orjson

from federation.authority import may_answer, may_undo
from federation.errors import Unauthorised
from federation.inbox import Inbox
from federation.vocab.activities import Accept, Block, Follow, Move, Reject, Undo, Update
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.names import is_public
from hub.actors import service
from hub.actors.channels import RELAY
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.closing import closing_of
from hub.fediverse import backfill, follows, moving, peers, rulings, undone
from hub.fediverse.models import Follow as FollowRow
from hub.fediverse.received import Received

inbox = Inbox[Received]()


@inbox.knows
async def follow_by_id(received: Received, uri: str) -> Follow | None:
    """A Follow of ours or of others."""
    row = await follows.by_uri(received.session, uri)
    return None if row is None else follows.activity_of(row)


@inbox.on(Follow)
async def followed(received: Received, activity: Follow) -> None:
    """Somebody wants to hear of one of our actors; whoever is let in at all may (AP-35)."""
    followee = await _ours(received, activity)
    session, services = received.session, received.services
    if await undone.came_before(session, activity):
        return
    closing = closing_of(services.settings)
    closed = closing is not None and closing.over
    # Who moved is followed where it is now; who closed has nothing more to say.
    if closed or followee.moved_to is not None:
        await follows.reject(session, services, received.author, followee, activity)
        return
    await follows.accept(session, services, received.author, followee, activity)
    if followee.name == RELAY and await _wants_us_back(received):
        await follows.ask(session, services, received.author, follows.AS_ACTOR)


async def _wants_us_back(received: Received) -> bool:
    """Whether a relay of LitePub's kind follows us, and we are not choosy (FEP-ae0c).

    To follow is to trust: with the usual settings that is for a steward to decide.
    """
    author, session = received.author, received.session
    mode = await rulings.mode(session, received.services)
    if mode != "open" or author.kind != "Application":
        return False
    relay = await service.local(session, RELAY)
    known = await follows.between(session, relay.id, author.id)
    return author.uri.endswith("/relay") and known is None


async def _ours(received: Received, activity: Follow) -> Actor:
    """The actor of ours that is meant; Follow of Public means the relay (PROTOCOL §4.2)."""
    uri = activity.object_id or ""
    if is_public(uri):
        return await service.local(received.session, RELAY)
    actor = await service.by_uri(received.session, uri)
    if actor is None or not actor.local or actor.deleted_at is not None:
        raise Unauthorised(f"{uri} is not an actor of this hub")
    return actor


@inbox.on(Accept, Follow)
async def accepted(received: Received, activity: Accept) -> None:
    """Our Follow was accepted, by the one whom we asked (AP-37); what they said of old is read."""
    row = await _asked(received, activity)
    # A relay may be followed as anybody else later on: then what it said of old is read too.
    if not row.relay and not (
        row.state == follows.ACCEPTED and await backfill.began(received.session, row.id)
    ):
        await backfill.begin(received.session, row.id)
    await follows.agreed(received.session, row)


@inbox.on(Reject, Follow)
async def rejected(received: Received, activity: Reject) -> None:
    """Our Follow was refused, or ended later (AP-38)."""
    row = await _asked(received, activity)
    row.state, row.answered_at = follows.REJECTED, now()


async def _asked(received: Received, activity: Accept | Reject) -> FollowRow:
    """The Follow of ours that is answered: found by its id, else by who asked whom."""
    inner = activity.object
    if not isinstance(inner, Follow):
        raise Unauthorised("an answer to nothing")
    row = await follows.by_uri(received.session, inner.id or "")
    if row is None:
        asker = await service.by_uri(received.session, inner.actor)
        if asker is not None and asker.local:
            row = await follows.between(received.session, asker.id, received.author.id)
    if row is None or not may_answer(row.followee_id, received.author.id):
        raise Unauthorised("an answer to a Follow that was not sent to this actor")
    return row


@inbox.on(Undo, Follow)
async def unfollowed(received: Received, activity: Undo) -> None:
    """A follower has left (AP-39)."""
    inner = activity.object
    if not isinstance(inner, Follow):
        return
    if not may_undo(inner.actor, received.author.uri):
        raise Unauthorised("it was somebody else's (AP-39)")
    followee, session = await _ours(received, inner), received.session
    if await follows.between(session, received.author.id, followee.id) is None:
        await undone.remember(session, received.author.uri, inner)
    await follows.forget(session, received.author.id, followee.id)


@inbox.on(Block)
async def blocked(received: Received, activity: Block) -> None:
    """Somebody does not want to hear of us: they are a follower no more."""
    actor = await service.by_uri(received.session, activity.object_id or "")
    if actor is not None and actor.local:
        await follows.forget(received.session, received.author.id, actor.id)


@inbox.on(Move)
async def moved(received: Received, activity: Move) -> None:
    """Somebody lives elsewhere from now on; we follow them there (AP-44)."""
    await moving.follow_on(received, activity)


@inbox.on(Update, ActorDocument)
async def renamed(received: Received, activity: Update) -> None:
    """An actor changed what it says of itself."""
    thing = activity.object
    if isinstance(thing, ActorDocument):
        await peers.remember(received.session, thing, orjson.dumps(received.document["object"]))

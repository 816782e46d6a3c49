"""What others do to things of any kind: reply, like, boost, pass on, delete, complain.

These activities carry an id, not a kind, so the floor that knows no kinds answers them. New things
themselves are for the features; a boost by somebody whom we follow hands them on.
"""

from __future__ import annotations

from hashlib import sha256

from federation.errors import MalformedDocument, Unauthorised
from federation.inbox import Inbox
from federation.origins import authority
from federation.vocab.activities import (
    Activity,
    Announce,
    Create,
    Delete,
    EmojiReact,
    Flag,
    Like,
    QuoteRequest,
    Undo,
    Update,
)
from federation.vocab.base import Object
from federation.vocab.names import is_public
from federation.vocab.objects import Note
from federation.vocab.parse import parse
from hub.entries import board, notes, quotes, reactions, removal, replies
from hub.fediverse.received import Received

inbox = Inbox[Received]()


@inbox.on(Create, Note)
async def replied(received: Received, activity: Create) -> None:
    """Somebody answered an entry, wrote to one of our channels, or posts to the board."""
    thing = _object(activity)
    if not await board.receive(received, thing):
        await replies.receive(received, thing)


@inbox.on(Update, Note)
async def reworded(received: Received, activity: Update) -> None:
    """Somebody changed an answer."""
    await replies.revise(received, _object(activity))


@inbox.on(Delete)
async def deleted(received: Received, activity: Delete) -> None:
    """Something is gone: an entry, an answer, or an actor with everything of theirs."""
    uri = activity.object_id
    if uri is None:
        raise MalformedDocument("a Delete of nothing")
    await removal.remove(received, uri)


@inbox.on(Like)
async def liked(received: Received, activity: Like) -> None:
    """Somebody likes an entry."""
    await _react(received, activity, reactions.LIKE)


@inbox.on(EmojiReact)
async def reacted(received: Received, activity: EmojiReact) -> None:
    """Somebody likes an entry, with a sign of their own."""
    await _react(received, activity, reactions.LIKE)


@inbox.on(Announce)
async def announced(received: Received, activity: Announce) -> None:
    """Somebody boosts an entry of ours, or passes on what another server published.

    What is passed on counts as published by its author, on the word of its own server, and only
    where we follow who passes it on (AP-46).
    """
    inner = activity.object
    if isinstance(inner, Announce):
        raise Unauthorised("an Announce of an Announce")
    # Groups pass on whole activities (FEP-1b12); only the id of what they are about is believed.
    uri = inner.object_id if isinstance(inner, Activity) else activity.object_id
    if uri is None:
        raise MalformedDocument("an Announce of nothing")
    if received.services.is_ours(authority(uri)):
        await _react(received, activity, reactions.BOOST, uri)
        return
    if not await received.relevant():
        raise Unauthorised("nobody here follows whoever passes it on")
    if received.via is not None:
        raise Unauthorised("it was passed on twice")
    document = await received.fetched(uri)
    thing = parse(document)
    if not isinstance(thing, Object) or not notes.is_for_all(thing):
        raise Unauthorised("not a public object")
    await received.hand_on(document)


@inbox.on(Undo)
async def undone(received: Received, activity: Undo) -> None:
    """Somebody takes a like or a boost back; other Undos have nothing to undo here."""
    inner = activity.object
    if isinstance(inner, Activity):
        if inner.actor and inner.actor != received.author.uri:
            raise Unauthorised("it was somebody else's (AP-39)")
        kind = _kind_of(inner)
        if kind is None:
            return
        await reactions.remove(
            received.session,
            actor=received.author.uri,
            uri=inner.id,
            entry_uri=inner.object_id,
            kind=kind,
        )
    elif activity.object_id is not None:
        await reactions.remove(
            received.session,
            actor=received.author.uri,
            uri=activity.object_id,
            entry_uri=None,
            kind=None,
        )


@inbox.on(Flag)
async def reported(received: Received, activity: Flag) -> None:
    """Somebody complains; the stewards find it among their messages."""
    about = list(activity.objects) or ([activity.object_id] if activity.object_id else [])
    ours = [uri for uri in about if uri.startswith(f"{received.services.settings.url}/")]
    if ours:
        await replies.report(received, ours, activity.content or "")


@inbox.on(QuoteRequest)
async def asked_to_quote(received: Received, activity: QuoteRequest) -> None:
    """Somebody wants to quote an entry of ours."""
    await quotes.asked(received, activity)


async def _react(received: Received, activity: Activity, kind: str, uri: str | None = None) -> None:
    if kind == reactions.BOOST and not any(map(is_public, (*activity.to, *activity.cc))):
        raise Unauthorised("a boost that is not public")
    author, entry = received.author.uri, uri or activity.object_id or ""
    # Two whole addresses would be more than an index holds.
    name = f"{author}#{kind}-{sha256(entry.encode()).hexdigest()}"
    await reactions.add(
        received.session, entry_uri=entry, actor=author, kind=kind, uri=activity.id or name
    )


def _kind_of(activity: Activity) -> str | None:
    if isinstance(activity, Like | EmojiReact):
        return reactions.LIKE
    return reactions.BOOST if isinstance(activity, Announce) else None


def _object(activity: Activity) -> Object:
    thing = activity.object
    if not isinstance(thing, Object):
        raise MalformedDocument("an activity without its object")
    return thing

"""What others do to things of any kind: reply, like, boost, pass on, delete, complain.

These activities carry an id, not a kind, so the floor that knows no kinds answers them. New things
themselves are for the features; a boost by somebody whom we follow hands them on.
"""

from __future__ import annotations

from hashlib import sha256

from federation.authority import is_local, may_undo
from federation.errors import MalformedDocument, Unauthorised
from federation.inbox import Inbox
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
from hub.entries import (
    board,
    gathering,
    notes,
    queries,
    quotes,
    reactions,
    receiving,
    removal,
    replies,
    reports,
)
from hub.fediverse import ledger, undone
from hub.fediverse.received import Received

inbox = Inbox[Received]()
inbox.looks_ahead(receiving.look_ahead)


@inbox.on(Create, Note)
async def replied(received: Received, activity: Create) -> None:
    """Somebody answered an entry, wrote to one of our channels, or posts to a group."""
    thing = _object(activity)
    if not await board.receive(received, thing):
        await _reply(received, thing)


@inbox.on(Update, Note)
async def reworded(received: Received, activity: Update) -> None:
    """Somebody changed an answer."""
    thing = _object(activity)
    if await replies.by_uri(received.session, thing.id or "") is None:
        await _reply(received, thing)
    else:
        await replies.revise(received, thing)


async def _reply(received: Received, thing: Object) -> None:
    """Keep it where it belongs, or ask for what stands between."""
    await replies.check(received.session, thing)
    anchor = await replies.anchor_of(received.session, thing)
    if anchor is None:
        await gathering.climb_later(received, thing)
    elif not await replies.receive(received, thing, anchor):
        if await replies.let_in(received, thing):
            await board.catch_up(received.session, received.services)
    elif anchor.public:
        await gathering.look_around_later(received.session, thing)


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
    if is_local(uri, received.services.is_ours):
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
async def took_back(received: Received, activity: Undo) -> None:
    """Somebody takes a like or a boost back; what is not here yet is remembered."""
    inner, session, author = activity.object, received.session, received.author.uri
    if isinstance(inner, Activity) and not may_undo(inner.actor, author):
        raise Unauthorised("it was somebody else's (AP-39)")
    if activity.object_id is not None:
        # Whether it is here, on its way, or comes twice: what was undone counts no more.
        await reactions.remove(session, actor=author, uri=activity.object_id)
        await undone.remember(session, author, activity.object_id)
    elif isinstance(inner, Activity):
        kind, entry = _kind_of(inner), inner.object_id or ""
        if kind is None or not await reactions.remove_all(
            session, actor=author, entry_uri=entry, kind=kind
        ):
            await undone.remember(session, author, inner)


@inbox.on(Flag)
async def reported(received: Received, activity: Flag) -> None:
    """Somebody complains; it waits in the moderators' queue."""
    about = list(activity.objects) or ([activity.object_id] if activity.object_id else [])
    ours = [uri for uri in about if uri.startswith(f"{received.services.settings.url}/")]
    if ours:
        await reports.flagged(received, ours, activity.content or "")


@inbox.on(QuoteRequest)
async def asked_to_quote(received: Received, activity: QuoteRequest) -> None:
    """Somebody wants to quote an entry of ours."""
    await quotes.asked(received, activity)


async def _react(received: Received, activity: Activity, kind: str, uri: str | None = None) -> None:
    if kind == reactions.BOOST and not any(map(is_public, (*activity.to, *activity.cc))):
        raise Unauthorised("a boost that is not public")
    if kind == reactions.BOOST and activity.id is None:
        raise MalformedDocument("a boost without an id, which could not be listed")
    session, author, target = received.session, received.author, uri or activity.object_id or ""
    if await undone.came_before(session, activity):
        return
    entry = await queries.seen_by_all(session, target)
    if entry is None:
        return
    if entry.local:
        await ledger.note_holder(session, entry.uri, author)
    # Two whole addresses would be more than an index holds.
    name = activity.id or f"{author.uri}#{kind}-{sha256(target.encode()).hexdigest()}"
    await reactions.add(session, entry=entry.id, actor=author.uri, kind=kind, uri=name)


def _kind_of(activity: Activity) -> str | None:
    if isinstance(activity, Like | EmojiReact):
        return reactions.LIKE
    return reactions.BOOST if isinstance(activity, Announce) else None


def _object(activity: Activity) -> Object:
    thing = activity.object
    if not isinstance(thing, Object):
        raise MalformedDocument("an activity without its object")
    return thing

"""What others publish: may it be kept, and the members that all kinds share."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

import orjson
from sqlalchemy import bindparam, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from federation.authority import may_change, page_of
from federation.errors import MalformedDocument, Unauthorised
from federation.vocab.activities import Update
from federation.vocab.base import Attachment, Object
from federation.vocab.names import is_public
from hub.actors import service as actors
from hub.core import text
from hub.core.licences import is_licence
from hub.entries import categories, gathering, merging, newcomers, publishing
from hub.entries.models import Entry, Picture
from hub.entries.schemas import EntryDraft
from hub.fediverse.models import Peer
from hub.fediverse.received import Received

E = TypeVar("E", bound=Entry)

# Whether what has this id was deleted, and whether it is here: one question for each activity.
_FATE = select(
    publishing.gone(bindparam("uri"), bindparam("author")),
    exists().where(Entry.uri == bindparam("uri")),
)
AHEAD = timedelta(hours=1)  # a peer's clock may be this wrong; later stamps would block all others


async def known(received: Received, thing: Object, kind: type[E]) -> E | None:
    """The entry that `thing` is a new state of; None if it is new here.

    Raises:
        Unauthorised: it is not the author's to say, was deleted, or nobody here asked for it.
        MalformedDocument: it has no id, or is of another kind than before.
    """
    uri = thing.id
    if uri is None or thing.attributed_to != received.author.uri:
        raise MalformedDocument("an object without id, or of another author")
    session = received.session
    asked = {"uri": uri, "author": received.author.uri}
    is_gone, is_here = (await session.execute(_FATE, asked)).one()
    if is_gone:
        raise Unauthorised("it was deleted before (AP-34)")
    if is_here:
        query = select(kind).where(kind.uri == uri).options(selectinload(kind.picture))
        entry = await session.scalar(query)
        if entry is None:
            raise MalformedDocument("it was of another kind before (AP-33)")
        if entry.local or not may_change(entry.author_id, received.author.id):
            raise Unauthorised("it belongs to somebody else (AP-32)")
        entry.heard_at = received.now
        return entry
    if not any(is_public(one) for one in (*thing.to, *thing.cc)):
        raise Unauthorised("it is not public")
    if not await received.relevant() and not await _addressed(received, thing):
        raise Unauthorised("nobody here follows its author (AP-30)")
    return None


async def _addressed(received: Received, thing: Object) -> bool:
    """Whether one of our actors is meant by it."""
    mentions = [tag.href for tag in thing.tags if tag.type == "Mention" and tag.href]
    named = {*thing.to, *thing.cc, *thing.audience, *mentions}
    for uri in sorted(named):
        actor = await actors.by_uri(received.session, uri)
        if actor is not None and actor.local:
            return True
    return False


def is_newer(received: Received, thing: Object, entry: Entry) -> bool:
    """Whether `thing` is a later state of the entry than ours (AP-33)."""
    stamp = thing.updated or thing.published
    if stamp is None:
        return isinstance(received.activity, Update)
    return stamp > entry.updated_at


async def fill(
    received: Received, thing: Object, entry: Entry, draft: EntryDraft, body: str
) -> None:
    """Write into the entry of another server what all kinds have; `body` is cleaned here."""
    entry.uri = thing.id or entry.uri
    entry.url = page_of(entry.uri, thing.url)
    entry.origin = received.author.authority
    entry.heard_at = received.now
    entry.licence = thing.license if thing.license and is_licence(thing.license) else ""
    entry.author = received.author
    entry.title = draft.title
    entry.source = None
    entry.content = await text.cleaned(body)
    entry.cleaned_by = text.RULES_VERSION
    entry.language = thing.language or received.services.settings.language
    entry.place = draft.location
    entry.latitude, entry.longitude = draft.latitude, draft.longitude
    entry.tags = await categories.added(received.session, entry.origin, thing, draft.tags)
    entry.visibility = "public" if _is_public(thing) else "private"
    if entry.published_at is None:
        entry.via = _via(received)
        entry.published_at = _not_ahead(thing.published, received.now)
        # What was published before we followed is not new here, and nobody is told of it.
        entry.created_at = entry.published_at if received.listed else received.now
    entry.updated_at = _not_ahead(thing.updated or thing.published, received.now)
    picture = _picture(thing, entry.picture)
    unwanted = picture is not None and await _without_pictures(received)
    entry.picture = None if unwanted else picture
    entry.document = orjson.dumps(thing.document(context=True))


async def keep(received: Received, entry: Entry) -> bool:
    """Add a new entry; False if another worker added it in this moment."""
    try:
        async with received.session.begin_nested():
            received.session.add(entry)
    except IntegrityError:
        return False
    await merging.consider(received.session, entry, new=True)
    await newcomers.watch(received)
    # Of what is old nobody asked for the answers: thousands of look-ups (decision 0048).
    if isinstance(received.activity.object, Object) and not received.listed:
        await gathering.look_around_later(received.session, received.activity.object)
    return True


def _via(received: Received) -> str:
    """The server that passed it on, if that is another than its own."""
    via = received.via
    return "" if via is None or via.authority == received.author.authority else via.authority


def _is_public(thing: Object) -> bool:
    return any(is_public(uri) for uri in (*thing.to, *thing.cc))


def _not_ahead(moment: datetime | None, now: datetime) -> datetime:
    return now if moment is None else min(moment, now + AHEAD)


async def _without_pictures(received: Received) -> bool:
    """Whether stewards want no pictures from the author's server."""
    query = select(Peer.no_pictures).where(Peer.host == received.author.authority)
    return bool(await received.session.scalar(query))


def _picture(thing: Object, before: Picture | None) -> Picture | None:
    """The first picture of a remote object; it stays where it is, we keep its address."""
    found = next((one for one in thing.attachments if _is_picture(one)), thing.image)
    if found is None:
        return None
    picture = before if before is not None and before.url == found.url else Picture()
    picture.name = None
    picture.url = found.url
    picture.alt = text.teaser(text.plain(found.summary or found.name or ""), 1500)
    picture.media_type = found.media_type
    picture.width, picture.height = found.width, found.height
    return picture


def _is_picture(attachment: Attachment) -> bool:
    return attachment.type == "Image" or attachment.media_type.startswith("image/")

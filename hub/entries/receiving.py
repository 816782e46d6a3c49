"""What others publish: may it be kept, and the members that all kinds share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import uuid4

import orjson
from sqlalchemy import bindparam, null, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from federation.authority import may_change, page_of
from federation.errors import MalformedDocument, Unauthorised
from federation.vocab.activities import Activity, Create, Update
from federation.vocab.base import Attachment, Object
from federation.vocab.names import is_public
from hub.actors import service as actors
from hub.core import questions, text
from hub.core.licences import is_licence
from hub.core.questions import Question
from hub.entries import categories, gathering, merging, newcomers
from hub.entries.models import Entry, Picture
from hub.entries.schemas import EntryDraft
from hub.fediverse import peers, rulings
from hub.fediverse.models import Tombstone
from hub.fediverse.received import Received

E = TypeVar("E", bound=Entry)

_URIS: Final[Any] = bindparam("uris", expanding=True)
# Who said of these that they are deleted, and which of them are here.
_FATES = (
    select(Tombstone.uri, Tombstone.said_by)
    .where(Tombstone.uri.in_(_URIS))
    .union_all(select(Entry.uri, null()).where(Entry.uri.in_(_URIS)))
)
HERE: Final = None  # in a fate: nobody said so, it is here
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
    fate = await FATE.of(session, uri)
    if not fate.isdisjoint(("", received.author.uri)):
        raise Unauthorised("it was deleted before (AP-34)")
    if HERE in fate:
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


async def _fates(session: AsyncSession, uris: Sequence[str]) -> Mapping[str, frozenset[str | None]]:
    found: dict[str, frozenset[str | None]] = {}
    for uri, said_by in await session.execute(_FATES, {"uris": uris}):
        found[uri] = found.get(uri, frozenset()) | {said_by}
    return found


# Who said that something is deleted, "" for us, and HERE if it is here. That it came meanwhile is
# told by `keep`; if it came otherwise, its id stands there twice, and nothing of the round is kept.
FATE: Question[str, frozenset[str | None]] = Question(_fates, Tombstone, otherwise=frozenset())


async def look_ahead(
    session: AsyncSession, activities: Sequence[Activity], hosts: Collection[str]
) -> None:
    """Ask at once what is asked of each of these, which come from `hosts`."""
    things = [one.object for one in activities if isinstance(one, Create | Update)]
    known = [thing for thing in things if isinstance(thing, Object) and thing.id is not None]
    await FATE.ahead(session, (thing.id or "" for thing in known))
    for question in (categories.OURS, peers.FOLLOWED, rulings.NO_PICTURES):
        await question.ahead(session, hosts)


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
    entry.author, entry.author_id = received.author, received.author.id
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
    if picture is not None and await rulings.NO_PICTURES.of(received.session, entry.origin):
        picture = None
    entry.picture = picture
    entry.document = orjson.dumps(thing.document())


async def keep(received: Received, entry: Entry) -> bool:
    """Add a new entry; False if another worker added it in this moment.

    It is not changed any more: with others of its round it may be written by now, or soon.
    """
    session = received.session
    if received.together is not None:
        _add(session, entry)
        FATE.tell(session, entry.uri, frozenset({HERE}))
    else:
        try:
            async with session.begin_nested():
                session.add(entry)
        except IntegrityError:
            return False
    await received.afterwards(merging.consider_new, entry)
    await newcomers.watch(received)
    # Of what is old nobody asked for the answers: thousands of look-ups (decision 0048).
    if isinstance(received.activity.object, Object) and not received.listed:
        await gathering.look_around_later(session, received.activity.object)
    return True


def _add(session: AsyncSession, entry: Entry) -> None:
    """Have it written with all that is new in the round, under ids that it has now."""
    entry.id = uuid4()
    if entry.picture is not None:
        entry.picture.id = entry.picture_id = uuid4()
        questions.add(session, entry.picture)
    questions.add(session, entry)


def _via(received: Received) -> str:
    """The server that passed it on, if that is another than its own."""
    via = received.via
    return "" if via is None or via.authority == received.author.authority else via.authority


def _is_public(thing: Object) -> bool:
    return any(is_public(uri) for uri in (*thing.to, *thing.cc))


def _not_ahead(moment: datetime | None, now: datetime) -> datetime:
    return now if moment is None else min(moment, now + AHEAD)


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

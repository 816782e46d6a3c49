"""What every list of published things can be asked for, and how it is read page by page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from federation.vocab.base import moment
from federation.vocab.names import AS2
from hub.actors.models import Actor
from hub.core.db import WRITES
from hub.core.errors import Gone, NotFound
from hub.entries import merging, paging, search
from hub.entries.models import SHOWN, TYPES, Entry, Noted, Reaction, Reply
from hub.entries.paging import Cursor, Listed
from hub.entries.reactions import BOOST, LIKE
from hub.entries.sameness import KINDS
from hub.entries.schemas import EAST
from hub.entries.visibility import ANYBODY, Viewer, visible_to
from hub.fediverse import peers

E = TypeVar("E", bound=Entry)

METRES_PER_DEGREE = 111_195.0  # of latitude, on a sphere of the Earth's mean radius


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What a list is narrowed to; empty members do not narrow.

    `words` is a question (`entries/search.py`). `near` is latitude and longitude, `within_m` the
    radius around it. `bbox` is west, south, east, north. `origin` is `local`, `all` or the host
    that things come from. `language` takes in what is written in a region's form of it.
    """

    words: str = ""
    tag: str = ""
    place: str = ""
    near: tuple[float, float] | None = None
    within_m: float = 2000.0
    bbox: tuple[float, float, float, float] | None = None
    origin: str = "all"
    language: str = ""
    limit: int = 30
    cursor: str | None = None


class Filters(TypedDict, total=False):
    """The members of `Filter` as keywords; see there."""

    words: str
    tag: str
    place: str
    near: tuple[float, float] | None
    within_m: float
    bbox: tuple[float, float, float, float] | None
    origin: str
    language: str
    limit: int
    cursor: str | None


@dataclass(frozen=True)
class Counts:
    """How often an entry was answered, liked and passed on."""

    replies: int = 0
    likes: int = 0
    boosts: int = 0


def conditions(
    wanted: Filter, others: Sequence[ColumnElement[bool]] = ()
) -> list[ColumnElement[bool]]:
    """The filter as SQL over `Entry`, but for its words; what several hubs have comes once.

    `others` is what is asked besides, said of `merging.OTHER`.
    """
    # Another source stands for the whole group only where it would be found as well.
    answers = search.answers(search.question(wanted.words), merging.OTHER)
    once = merging.shown_once(answers, *_narrowed(wanted, merging.OTHER), *others)
    return [*_narrowed(wanted, Entry), once]


def _narrowed(wanted: Filter, entry: Any) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.tag:
        found.append(search.has_tag(wanted.tag, entry))
    if wanted.place:
        found.append(search.has_place(wanted.place, entry))
    if wanted.near is not None:
        found.append(within(*wanted.near, wanted.within_m, entry))
    if wanted.bbox is not None:
        found.append(_in_box(*wanted.bbox, entry))
    if wanted.origin == "local":
        found.append(entry.origin == "")
    elif wanted.origin != "all":
        found.append(entry.origin == wanted.origin.lower())
    if wanted.language:
        spoken, asked = func.lower(entry.language), wanted.language.lower()
        found.append(or_(spoken == asked, spoken.like(f"{asked}-%")))
    return found


def _in_box(
    west: float, south: float, east: float, north: float, entry: Any
) -> ColumnElement[bool]:
    """Whether an entry lies in the box; one that begins east of its end goes over the date line."""
    beyond, before = entry.longitude >= west, entry.longitude <= east
    across = and_(beyond, before) if west <= east else or_(beyond, before)
    return and_(entry.latitude.between(south, north), across)


def within(latitude: float, longitude: float, radius_m: float, entry: Any) -> ColumnElement[bool]:
    """Whether an entry lies in the circle; arithmetic only, so that both databases can do it.

    A flat map around the centre: right to a part in a thousand at 100 km, which is far enough.
    """
    narrow = math.cos(math.radians(latitude))
    apart = func.abs(entry.longitude - longitude)
    around = case((apart > EAST, 2 * EAST - apart), else_=apart)  # the short way round the Earth
    north = (entry.latitude - latitude) * METRES_PER_DEGREE
    east = around * (METRES_PER_DEGREE * narrow)
    span = radius_m / METRES_PER_DEGREE
    return and_(
        entry.latitude.between(latitude - span, latitude + span),
        north * north + east * east <= radius_m * radius_m,
    )


async def page(
    session: AsyncSession,
    kind: type[E],
    query: Select[E],
    wanted: Filter,
    viewer: Viewer,
    *,
    newest_first: bool = False,
    authors: bool = True,
    others: Sequence[ColumnElement[bool]] = (),
) -> Listed[E]:
    """One page of what `query`, a query for `kind`, finds, as far as `viewer` may see it.

    They come with their pictures, and with their `authors` unless nobody is to be named. `others`
    is what `query` asks, said of `merging.OTHER`.

    Raises:
        Invalid: the cursor is none of ours.
    """
    query = query.where(visible_to(viewer), *conditions(wanted, others))
    asked, few = search.question(wanted.words), False
    if asked:
        answers, few = await search.narrowing(session, asked)
        query = query.where(answers)
    query = query.where(_of(kind, way_in=not few))
    cursor = Cursor.decode(wanted.cursor)
    if cursor is not None:
        query = query.where(
            paging.after(Entry.happens_at, Entry.id, cursor, descending=newest_first)
        )
    order = (Entry.happens_at, Entry.id)
    query = query.order_by(*(column.desc() if newest_first else column for column in order))
    query = query.options(joinedload(kind.picture))
    if authors:
        query = query.options(joinedload(kind.author, innerjoin=True))
    rows = list(await session.scalars(query.limit(wanted.limit + 1)))
    await note(session, rows)
    return paging.page(rows, wanted.limit)


async def note(session: AsyncSession, entries: Sequence[Entry]) -> None:
    """Note on entries what each hub says that tells of them, and whether theirs is silent.

    Two queries for all of them.
    """
    told = await merging.sources(session, [entry.id for entry in entries if entry.kind in KINDS])
    silent = await peers.quiet(session, [entry.origin for entry in entries])
    for entry in entries:
        said, since = told.get(entry.id, ()), silent.get(entry.origin)
        if said or since is not None:
            entry.noted = Noted(said, since)


def _of(kind: type[Entry], *, way_in: bool) -> ColumnElement[bool]:
    """Said of `Entry` itself, where the index of lists begins; if that shall be the way in."""
    names = [each.polymorphic_identity for each in kind.__mapper__.self_and_descendants]
    column = Entry.kind if way_in else func.lower(Entry.kind)
    return column == names[0] if len(names) == 1 else column.in_(names)


def whole(kind: type[Entry]) -> tuple[ExecutableOption, ...]:
    """The options of a query for entries that are to be shown or said: author and picture."""
    return (selectinload(kind.author), selectinload(kind.picture))


async def by_id(session: AsyncSession, kind: type[E], id_: UUID, viewer: Viewer) -> E:
    """One entry, with its author and picture; in a session that writes, it is ours to change.

    Raises:
        NotFound: there is none that `viewer` may see.
        Gone: it was deleted.
    """
    query = select(kind).where(kind.id == id_, visible_to(viewer))
    if session.sync_session.info.get(WRITES):
        # Else two who change it at once would each say it without the other's change.
        query = query.with_for_update()
    found = await session.scalar(query.options(*whole(kind)))
    if found is not None:
        if not session.sync_session.info.get(WRITES):
            await note(session, [found])
        return found
    await _check_gone(session, kind, id_)
    raise NotFound("There is nothing here. Perhaps the address has a typing mistake.")


async def _check_gone(session: AsyncSession, kind: type[Entry], id_: UUID) -> None:
    """Say so of what was public once; of the rest nobody learns that it ever was (SECURITY D2)."""
    kinds = [each.polymorphic_identity for each in kind.__mapper__.self_and_descendants]
    row = (
        await session.execute(
            select(Entry.uri, Entry.kind, Entry.origin, Entry.deleted_at).where(
                Entry.id == id_,
                Entry.kind.in_(kinds),
                Entry.deleted_at.is_not(None),
                Entry.visibility == "public",
            )
        )
    ).one_or_none()
    if row is None:
        return
    ours = {
        "@context": AS2,
        "id": row.uri,
        "type": "Tombstone",
        "formerType": TYPES[row.kind],
        "deleted": moment(row.deleted_at),
    }
    message = "This was taken down by whoever published it."
    raise Gone(message, None if row.origin else ours)


async def by_uri(session: AsyncSession, uri: str) -> Entry | None:
    """The entry that has this ActivityPub id, whatever became of it."""
    query = select(Entry).where(Entry.uri == uri)
    return await session.scalar(query.options(selectinload(Entry.author)))


async def seen_by_all(session: AsyncSession, uri: str) -> Entry | None:
    """The entry of this ActivityPub id, if anybody may see it."""
    return await session.scalar(select(Entry).where(Entry.uri == uri, visible_to(ANYBODY)))


async def counts(session: AsyncSession, entries: Sequence[Entry]) -> dict[UUID, Counts]:
    """Replies that are shown, likes and boosts of each entry."""
    ids = [entry.id for entry in entries]
    shown = select(Reply.entry_id, func.count()).where(
        Reply.entry_id.in_(ids), Reply.public, Reply.state == SHOWN
    )
    replies = await _counted(session, shown.group_by(Reply.entry_id))
    likes = await _counted(session, _reactions(ids, LIKE))
    boosts = await _counted(session, _reactions(ids, BOOST))
    return {id_: Counts(replies.get(id_, 0), likes.get(id_, 0), boosts.get(id_, 0)) for id_ in ids}


def _reactions(ids: Sequence[UUID], kind: str) -> Select[Any, Any]:
    """How many actors reacted, without those who are barred."""
    barred = exists().where(Actor.uri == Reaction.actor_uri, Actor.suspended_at.is_not(None))
    found = select(Reaction.entry_id, func.count(Reaction.actor_uri.distinct())).where(
        Reaction.entry_id.in_(ids), Reaction.kind == kind, ~barred
    )
    return found.group_by(Reaction.entry_id)


async def _counted(session: AsyncSession, query: Select[Any, Any]) -> dict[UUID, int]:
    return dict((await session.execute(query)).all())

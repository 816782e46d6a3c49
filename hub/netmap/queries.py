"""The records that the graph is made of: organisations, and the events that they hold."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.text import fold
from hub.directory.models import Organisation, Place
from hub.entries.models import Entry, Merged
from hub.entries.visibility import ANYBODY, visible_to
from hub.events.models import Event
from hub.netmap import graph
from hub.netmap.graph import Graph, Happening, Point

MOST_RECORDS: Final = 1000  # of organisations, and of places
MOST_EVENTS: Final = 5000
# What an event says of who holds it, and where.
_POINTERS: Final = (
    *(Event.organiser, Event.organiser_id, Event.organiser_uri),
    *(Event.place_id, Event.place_uri),
)


@dataclass(frozen=True, slots=True)
class _Records:
    """Records of one kind: the key of each, and by which id or address others name it."""

    keys: dict[UUID, str]
    by_uri: dict[str, UUID]
    rows: tuple[Any, ...]

    def key(self, id_: UUID | None, uri: str | None) -> str | None:
        """The key of the record that is meant."""
        found = id_ if id_ in self.keys else self.by_uri.get(uri or "")
        return None if found is None else self.keys[found]


async def made_of(session: AsyncSession, since: datetime, until: datetime) -> bytes:
    """What stands for the records of a graph: the same as long as none of them is otherwise.

    The database reads them, and hands out one text.
    """
    lines = (
        (_of_groups(), (Merged.entry_id, Merged.group_id)),
        (_of_records(Organisation), (*_stamps(Organisation), Organisation.uri)),
        (_of_records(Place), (*_stamps(Place), Place.uri)),
        (_of_events(since, until), (*_stamps(Event), *_POINTERS)),
    )
    row = (await session.execute(select(*(_text(*each) for each in lines)))).one()
    return hashlib.blake2b("\n".join(each or "" for each in row).encode()).digest()


def _stamps(kind: type[Entry]) -> tuple[Any, ...]:
    """What changes with a record; stewards' words for its tags do without its being said anew."""
    return kind.id, kind.updated_at, kind.tags


def _text(query: Select[*tuple[Any, ...]], columns: Iterable[Any]) -> ColumnElement[str | None]:
    """All rows of a query as one text, of these columns."""
    line: ColumnElement[str] = func.coalesce("", "")
    for column in columns:
        line = line + func.coalesce(cast(column, String), "") + "|"
    rows = query.with_only_columns(line.label("line")).subquery()
    return select(func.aggregate_strings(rows.c.line, "\n")).scalar_subquery()


async def graph_of(
    session: AsyncSession, since: datetime, until: datetime, word: str = ""
) -> Graph:
    """Who is linked by what everybody may see, of events that begin between the two moments.

    With a `word`, only what has it in its own words or those of a host.
    """
    groups = {row.entry_id: str(row.group_id) for row in await session.execute(_of_groups())}
    hosts = await _records(session, Organisation, groups)
    places = await _records(session, Place, groups)
    events = (await session.execute(_of_events(since, until))).all()
    return await asyncio.to_thread(_drawn_up, groups, hosts, places, events, fold(word))


def _drawn_up(
    groups: dict[UUID, str], hosts: _Records, places: _Records, events: Sequence[Any], word: str
) -> Graph:
    points = _points(hosts)
    return graph.linked(points, _happenings(groups, hosts, places, points, events), word)


def _of_groups() -> Select[*tuple[Any, ...]]:
    """What several hubs tell of, by the name of its group."""
    query = select(Merged.entry_id, Merged.group_id).join(Entry, Entry.id == Merged.entry_id)
    return query.where(Entry.kind.in_(("organisation", "place", "event"))).order_by(Merged.entry_id)


def _of_records(kind: type[Organisation] | type[Place]) -> Select[*tuple[Any, ...]]:
    query = select(
        kind.id, kind.uri, kind.url, kind.title, kind.origin, kind.kind, kind.search_text
    ).where(visible_to(ANYBODY))
    return query.order_by(kind.origin, kind.number).limit(MOST_RECORDS)


async def _records(
    session: AsyncSession, kind: type[Organisation] | type[Place], groups: dict[UUID, str]
) -> _Records:
    rows = (await session.execute(_of_records(kind))).all()
    keys = {row.id: groups.get(row.id, str(row.id)) for row in rows}
    return _Records(keys, {row.uri: row.id for row in rows}, tuple(rows))


def _points(records: _Records) -> list[Point]:
    """One for each organisation, as its own hub or ours tells of it."""
    found: dict[str, Point] = {}
    for row in records.rows:  # our own come first
        key = records.keys[row.id]
        point = Point(
            key=key,
            title=row.title,
            path=f"/organisations/{row.id}",
            url=row.url,
            origin=row.origin,
            words=row.search_text,
        )
        found.setdefault(key, point)
    return list(found.values())


def _of_events(since: datetime, until: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(Event.id, Event.title, Event.starts_at, Event.search_text, *_POINTERS)
        .where(
            visible_to(ANYBODY),
            Event.starts_at >= since,
            Event.starts_at < until,
            Event.status != "cancelled",
            or_(
                Event.organiser_id.is_not(None),
                Event.organiser_uri.is_not(None),
                Event.organiser != "",
            ),
        )
        .order_by(Event.starts_at.desc(), Event.id)
        .limit(MOST_EVENTS)
    )


def _happenings(
    groups: dict[UUID, str],
    hosts: _Records,
    places: _Records,
    points: Sequence[Point],
    events: Sequence[Any],
) -> list[Happening]:
    names = graph.names_of(points)
    titles = {places.keys[row.id]: row.title for row in places.rows}
    said: dict[str, frozenset[str]] = {}
    found = []
    for row in events:
        if row.organiser not in said:
            said[row.organiser] = graph.named(row.organiser, names)
        chosen = hosts.key(row.organiser_id, row.organiser_uri)
        place = places.key(row.place_id, row.place_uri) or ""
        found.append(
            Happening(
                key=groups.get(row.id, str(row.id)),
                title=row.title,
                starts_at=row.starts_at,
                hosts=said[row.organiser] | ({chosen} if chosen else set()),
                place=place,
                place_title=titles.get(place, ""),
                words=row.search_text,
            )
        )
    return _once(found)


def _once(happenings: Iterable[Happening]) -> list[Happening]:
    """The same event of several hubs as one, held by all who are named anywhere."""
    found: dict[str, Happening] = {}
    for one in happenings:
        known = found.get(one.key)
        if known is None:
            found[one.key] = one
            continue
        found[one.key] = replace(
            known,
            hosts=known.hosts | one.hosts,
            place=known.place or one.place,
            place_title=known.place_title or one.place_title,
            words=f"{known.words} {one.words}",
        )
    return list(found.values())

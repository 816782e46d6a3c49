"""What the map shows: everything with coordinates and a layer, as far as somebody may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    String,
    Uuid,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.db import Database
from hub.core.prepared import Prepared
from hub.entries import finding, merging, queries, search
from hub.entries.layers import LAYERS, Layer
from hub.entries.models import FOLDERS, Entry
from hub.entries.paging import Listed
from hub.entries.queries import Filter
from hub.entries.visibility import Viewer, visible_to
from hub.events.models import Event
from hub.maps.earth import Box

MOST: Final = 2000  # at once; who wants more looks closer
# What a question is asked with, each time it is asked.
PERSON: Final = cast("UUID", bindparam("person", type_=Uuid()))
MOMENT: Final = cast("datetime", bindparam("moment", type_=Entry.__table__.c.happens_at.type))
UNTIL: Final = cast("datetime", bindparam("until", type_=Entry.__table__.c.happens_at.type))
SIDES: Final = Box(
    *(cast("float", bindparam(name, type_=Float())) for name in ("west", "south", "east", "north"))
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the map is narrowed to; empty members do not narrow.

    `moment` is now; what happens is shown if it begins before `until`. `access` are facts about
    getting in, with commas, all of which must be yes.
    """

    moment: datetime
    layer: str = ""
    tag: str = ""
    until: datetime | None = None
    box: Box | None = None
    access: str = ""


class Spot(NamedTuple):
    """Something on the map: `happens_at` is what lists sort by.

    `key` is its id as the database keeps it, on SQLite without dashes.
    """

    key: str
    kind: str
    title: str
    place: str
    latitude: float
    longitude: float
    happens_at: datetime
    origin: str
    status: str
    all_day: bool

    @property
    def id(self) -> str:
        """Its id as addresses have it; a UUID would cost as much as finding it."""
        given = self.key
        if "-" in given:
            return given
        return f"{given[:8]}-{given[8:12]}-{given[12:16]}-{given[16:20]}-{given[20:]}"

    @property
    def layer(self) -> Layer:
        """The layer that it lies on."""
        return LAYERS[self.kind]

    @property
    def starts_at(self) -> datetime | None:
        """When it begins; None for what does not happen."""
        return self.happens_at if self.layer.happens else None

    @property
    def path(self) -> str:
        """Its page on this hub."""
        return f"/{FOLDERS[self.kind]}/{self.id}"


async def spots(database: Database, viewer: Viewer, wanted: Wanted, most: int = MOST) -> list[Spot]:
    """Up to `most` things, the newest first; only what a map needs of each."""
    anyone = replace(viewer, person_id=viewer.person_id and PERSON)
    timed, everywhere = wanted.until is not None, wanted.box is None
    narrow = (wanted.layer, wanted.tag, wanted.access)
    question = _question(database, anyone, *narrow, timed=timed, everywhere=everywhere)
    values = {"person": viewer.person_id, "most": most, **_values(wanted)}
    return [Spot._make(row) for row in await question.read(values)]


@lru_cache(maxsize=64)
def _question(
    database: Database,
    viewer: Viewer,
    layer: str,
    tag: str,
    access: str,
    *,
    timed: bool,
    everywhere: bool,
) -> Prepared:
    """What `spots` asks; kept, since writing it takes longer than answering it (P12)."""
    box = None if everywhere else SIDES
    wanted = Wanted(MOMENT, layer, tag, UNTIL if timed else None, box, access)
    event = Event.__table__
    columns = (
        sql_cast(Entry.id, String),
        Entry.kind,
        Entry.title,
        Entry.place,
        Entry.latitude,
        Entry.longitude,
        Entry.happens_at,
        Entry.origin,
        Entry.status,
        func.coalesce(event.c.all_day, false()),
    )
    query = select(*columns).outerjoin(event, event.c.id == Entry.id)
    once = merging.shown_once(*_somewhere(wanted, merging.OTHER))
    query = query.where(visible_to(viewer), *_conditions(wanted, _chosen(wanted)), once)
    query = query.order_by(Entry.number.desc()).limit(bindparam("most", type_=Integer()))
    return Prepared(database, query, columns)


def _values(wanted: Wanted) -> dict[str, Any]:
    """What stands for the parameters of a question."""
    sides = {} if wanted.box is None else asdict(wanted.box)
    return {"moment": wanted.moment, "until": wanted.until, **sides}


async def listed(
    session: AsyncSession,
    viewer: Viewer,
    wanted: Wanted,
    layer: Layer,
    *,
    limit: int,
    cursor: str | None = None,
) -> Listed[Entry]:
    """One layer as a list, page by page: what happens soonest first, else the newest.

    Raises:
        Invalid: the cursor is none of ours.
    """
    kind = cast("type[Entry]", Entry.__mapper__.polymorphic_map[layer.kind].class_)
    query = select(kind).where(*_conditions(wanted, [layer]))
    page = Filter(limit=limit, cursor=cursor)
    return await queries.page(
        session,
        kind,
        query,
        page,
        viewer,
        newest_first=not layer.happens,
        authors=False,
        others=_somewhere(wanted, merging.OTHER),  # who stands for a group is on the map as well
    )


async def one(session: AsyncSession, viewer: Viewer, entry_id: UUID) -> Spot | None:
    """Something of whatever kind, if it has a place on the map, and the viewer may see it."""
    query = select(Entry).where(Entry.id == entry_id, visible_to(viewer))
    entry = await session.scalar(query)
    if entry is None or entry.latitude is None or entry.longitude is None:
        return None
    if entry.kind not in LAYERS:
        return None
    return Spot(
        str(entry.id),
        entry.kind,
        entry.title,
        entry.place,
        entry.latitude,
        entry.longitude,
        entry.happens_at,
        entry.origin,
        entry.status,
        all_day=False,
    )


def _chosen(wanted: Wanted) -> list[Layer]:
    return [layer for layer in LAYERS.values() if wanted.layer in {"", layer.kind}]


def _conditions(wanted: Wanted, chosen: Sequence[Layer]) -> list[ColumnElement[bool]]:
    shown = or_(false(), *(_on(layer, wanted) for layer in chosen))
    return [*_somewhere(wanted, Entry), finding.not_over(wanted.moment), shown]


def _somewhere(wanted: Wanted, entry: Any) -> list[ColumnElement[bool]]:
    """Said of `entry`, which may be an alias: it lies in the box, has the tag, and lets one in."""
    found = [entry.latitude.is_not(None), entry.longitude.is_not(None)]
    if wanted.box is not None:
        box = wanted.box
        found.append(entry.latitude.between(box.south, box.north))
        found.append(entry.longitude.between(box.west, box.east))
    if wanted.tag:
        found.append(search.has_tag(wanted.tag, entry))
    if wanted.access:
        ways_in = [
            and_(func.lower(entry.kind) == layer.kind, layer.access(wanted.access, entry))
            for layer in _chosen(wanted)
            if layer.access is not None
        ]
        found.append(or_(false(), *ways_in))
    return found


def _on(layer: Layer, wanted: Wanted) -> ColumnElement[bool]:
    # The kind is no way in: what lies in a box is found by where it is.
    parts = [func.lower(Entry.kind) == layer.kind, *layer.current(wanted.moment)]
    if layer.happens and wanted.until is not None:
        parts.append(Entry.happens_at < wanted.until)
    return and_(*parts)

"""Reading the directory."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Unpack
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.text import fold
from hub.core.words import later
from hub.directory import hours
from hub.directory.hours import When
from hub.directory.models import Organisation, Place, Record
from hub.directory.schemas import Sort
from hub.entries import access as getting_in
from hub.entries import layers, merging, search
from hub.entries import queries as entries
from hub.entries.layers import Layer
from hub.entries.merging import OTHER
from hub.entries.models import Entry, Further
from hub.entries.paging import Listed
from hub.entries.places import metres
from hub.entries.queries import METRES_PER_DEGREE, Filter, Filters
from hub.entries.visibility import ANYBODY, PRIVATE, PUBLIC, Viewer, standing, visible_to

ROWS: Final[dict[Sort, type[Place] | type[Organisation]]] = {
    "place": Place,
    "organisation": Organisation,
}
NEARBY_M: Final = 1000
MOST_NEARBY: Final = 6
MOST_HOURS: Final = 5000  # different ways to write opening hours that are read for one question
MOST_NAMES: Final = 200  # that a form suggests


def _lets_in(facts: str, entry: Any) -> ColumnElement[bool]:
    return layers.saying_yes(Record.__table__, facts, entry)


layers.add(Layer("place", later("Places"), "map-pin", access=_lets_in))
# Those who keep to the hub may meet in somebody's home: their page says where, the map does not.
layers.add(
    Layer(
        "organisation",
        later("Organisations"),
        "building-2",
        current=lambda _moment: [Entry.visibility == PUBLIC],
        access=_lets_in,
    )
)

UTC: Final = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Needs:
    """What somebody needs of a place or an organisation.

    `access` are facts about getting in, with commas, all of which must be yes. `open`: at this
    moment, or on the next such day, by the clock of the `zone`; empty for any time.
    """

    access: str = ""
    open: When = ""
    zone: ZoneInfo = UTC


Beside = Callable[[AsyncSession, Record, Viewer], Awaitable[Sequence[Entry]]]
BESIDE: Final[dict[str, Beside]] = {}
"""What rooms above show on the page of a record, by its name there."""


def beside(name: str) -> Callable[[Beside], Beside]:
    """Registers what a room above shows on the page of a record."""

    def register(function: Beside) -> Beside:
        BESIDE[name] = function
        return function

    return register


async def by_id(session: AsyncSession, sort: Sort, record_id: UUID, viewer: Viewer) -> Record:
    """One record, with its author and picture.

    Raises:
        NotFound: there is none that `viewer` may see.
        Gone: it was deleted.
    """
    return await entries.by_id(session, ROWS[sort], record_id, viewer)


async def listed(
    session: AsyncSession,
    sort: Sort,
    viewer: Viewer,
    *,
    needs: Needs | None = None,
    **filters: Unpack[Filters],
) -> Listed[Record]:
    """Records of a sort, those checked last first.

    Raises:
        Invalid: the cursor is none of ours.
    """
    kind: type[Record] = ROWS[sort]
    wanted = needs or Needs()
    opened = await _opened(session, sort, wanted)
    query = select(kind).where(*_needed(wanted, opened, Entry))
    return await entries.page(
        session,
        kind,
        query,
        Filter(**filters),
        viewer,
        newest_first=True,
        others=_needed(wanted, opened, OTHER),  # who stands for a group fulfils them as well
    )


def _needed(needs: Needs, opened: Sequence[str] | None, entry: Any) -> list[ColumnElement[bool]]:
    """What only lists of records can be asked for, said of `entry`, which may be an alias."""
    found: list[ColumnElement[bool]] = []
    if needs.access:
        found.append(_lets_in(needs.access, entry))
    if opened is not None:
        rows = Record.__table__.alias()
        found.append(entry.id.in_(select(rows.c.id).where(rows.c.opening_hours.in_(opened))))
    return found


async def _opened(session: AsyncSession, sort: Sort, needs: Needs) -> list[str] | None:
    """Those of the opening hours of all records by which they are open then; None for any time.

    A town has few different ones, and no database can read them.
    """
    if not needs.open:
        return None
    said = select(Record.opening_hours).where(Record.kind == sort, Record.opening_hours != "")
    stated = list(await session.scalars(said.where(standing()).distinct().limit(MOST_HOURS)))
    moment = now().replace(second=0, microsecond=0)
    if needs.open != "now":
        moment = moment.astimezone(needs.zone).replace(hour=0, minute=0)

    def found() -> list[str]:
        return [one for one in stated if hours.opens(one, needs.zone, needs.open, moment)]

    return await asyncio.to_thread(found)


async def counts(
    session: AsyncSession,
    sort: Sort,
    viewer: Viewer,
    names: Sequence[str],
    *,
    needs: Needs,
    **filters: Unpack[Filters],
) -> dict[str, int]:
    """How many records of a list are left once each of these facts about getting in is needed."""
    wanted = Filter(**filters)
    opened = await _opened(session, sort, needs)
    chosen = [one for one in needs.access.split(",") if one]
    asked = search.question(wanted.words)
    answers = [(await search.narrowing(session, asked))[0]] if asked else []
    found: dict[str, int] = {}
    for name in names:
        more = replace(needs, access=",".join(dict.fromkeys((*chosen, name))))
        told = entries.conditions(wanted, _needed(more, opened, OTHER))
        query = select(func.count()).select_from(ROWS[sort]).where(visible_to(viewer), *told)
        query = query.where(*answers, *_needed(more, opened, Entry))
        found[name] = await session.scalar(query) or 0
    return found


async def nearby(session: AsyncSession, record: Record, viewer: Viewer) -> list[Record]:
    """Other records within a short walk, the nearest first."""
    if record.latitude is None or record.longitude is None:
        return []
    here = (record.latitude, record.longitude)
    around = entries.conditions(Filter(near=here, within_m=NEARBY_M))
    query = select(Record).where(visible_to(viewer), *around, Record.id != record.id)
    rows = (await session.scalars(query.limit(10 * MOST_NEARBY))).all()
    away = {row.id: metres(here, (row.latitude or 0.0, row.longitude or 0.0)) for row in rows}
    return sorted(rows, key=lambda row: away[row.id])[:MOST_NEARBY]


@merging.besides("place", "organisation")
async def _besides(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, tuple[Further, ...]]:
    return {
        record.id: (
            *_said("opening_hours", later("Opening hours"), record.opening_hours),
            *_said("phone", later("Telephone"), record.phone),
            *_said("email", later("E-mail"), record.email),
            *_said("website", later("Web site"), record.website),
            *getting_in.further(record.access_facts),
        )
        for record in await session.scalars(select(Record).where(Record.id.in_(ids)))
    }


def _said(name: str, label: str, value: str | None) -> tuple[Further, ...]:
    return (Further(name, label, value),) if value else ()


async def linkable(session: AsyncSession, sort: Sort, record_id: UUID) -> Record | None:
    """The record that something of ours may point to: it stands, and is not private."""
    query = select(Record).where(Record.id == record_id, Record.kind == sort)
    return await session.scalar(query.where(standing(), Record.visibility != PRIVATE))


async def by_uris(
    session: AsyncSession, uris: Sequence[str | None], viewer: Viewer
) -> dict[str, Record]:
    """The records that have these ids, as far as `viewer` may see them."""
    wanted = {uri for uri in uris if uri}
    if not wanted:
        return {}
    query = select(Record).where(Record.uri.in_(wanted), visible_to(viewer))
    return {record.uri: record for record in await session.scalars(query)}


async def named(session: AsyncSession, sort: Sort, words: str) -> Record | None:
    """The record that is meant by a name: the only public one that has it."""
    if not words.strip():
        return None
    query = select(Record).where(Record.kind == sort, visible_to(ANYBODY))
    wanted = func.lower(Record.title) == words.strip().lower()
    rows = (await session.scalars(query.where(wanted).limit(2))).all()
    return rows[0] if len(rows) == 1 else None


async def names(session: AsyncSession, sort: Sort) -> list[str]:
    """Names that a form can suggest."""
    query = select(Record.title).where(Record.kind == sort, visible_to(ANYBODY))
    return list(await session.scalars(query.order_by(Record.title).limit(MOST_NAMES)))


async def alike(
    session: AsyncSession,
    sort: Sort,
    title: str,
    place: str,
    point: tuple[float, float] | None,
    near_m: float = NEARBY_M,
) -> Record | None:
    """A record of ours that a new one would double: the same name near by, or the same address.

    Without `place`, that is its name within `near_m` alone.
    """
    query = select(Record).where(Record.kind == sort, Record.origin == "", standing())
    same = func.lower(Record.title) == title.lower()
    if place:
        same |= func.lower(Record.place) == place.lower()
    if point is not None:
        span = near_m / METRES_PER_DEGREE
        wide = span / max(math.cos(math.radians(point[0])), 0.01)
        same |= Record.latitude.between(point[0] - span, point[0] + span) & (
            Record.longitude.between(point[1] - wide, point[1] + wide)
        )
    rows = await session.scalars(query.where(same).options(*entries.whole(Record)).limit(500))
    return next((row for row in rows if _is_same(row, title, place, point, near_m)), None)


def _is_same(
    record: Record, title: str, place: str, point: tuple[float, float] | None, near_m: float
) -> bool:
    called, stands = fold(record.title) == fold(title), fold(record.place) == fold(place)
    if place and stands:
        return called or _is_close(record, point, near_m)
    far = record.latitude is not None and point is not None
    far = far and not _is_close(record, point, near_m)
    return called and not far


def _is_close(record: Record, point: tuple[float, float] | None, near_m: float) -> bool:
    if point is None or record.latitude is None or record.longitude is None:
        return False
    return metres((record.latitude, record.longitude), point) <= near_m

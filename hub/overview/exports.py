"""All that everybody may see of the region, in one file: JSON, GeoJSON, CSV or iCalendar.

Written as it is read, a hundred entries at a time and a session for each hundred, so that a slow
reader holds nothing. What is hidden or deleted meanwhile is left out.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from io import StringIO
from typing import Any, Final

import orjson
from sqlalchemy import select

from hub.core.clock import now
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.text import plain
from hub.entries import finding, queries
from hub.entries.models import Entry
from hub.entries.queries import Filter
from hub.entries.visibility import ANYBODY, visible_to
from hub.events.ical import calendar_of
from hub.events.models import Event
from hub.exchange.models import Listing

PAGE: Final = 100
MOST: Final = 20_000  # entries in a file, the newest
MOST_EVENTS: Final = 5000  # in a calendar; programs take no more
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a program would run
COLUMNS: Final = (
    *("type", "id", "uri", "url", "origin", "via", "license", "heard_at", "sources"),
    *("title", "description"),
    *("location", "latitude", "longitude", "tags", "language", "status"),
    *("starts_at", "ends_at", "timezone", "kind", "mode", "created_at", "updated_at"),
)


async def entries(services: Services, kind: str = "") -> AsyncIterator[Sequence[Entry]]:
    """What is public, current and of a kind (empty: of all), the newest first, page by page.

    What several hubs tell of comes once.
    """
    moment, below, count = now(), None, 0
    while count < MOST:
        query = select(Entry.id, Entry.number).where(
            visible_to(ANYBODY), finding.not_over(moment), *queries.conditions(Filter())
        )
        if kind:
            query = query.where(Entry.kind == kind)
        if below is not None:
            query = query.where(Entry.number < below)
        async with services.db.read() as session:
            rows = (await session.execute(query.order_by(Entry.number.desc()).limit(PAGE))).all()
            found = await finding.whole(session, [row.id for row in rows])
        if not rows:
            return
        below, count = rows[-1].number, count + len(rows)
        yield found


def row_of(entry: Entry, settings: Settings) -> dict[str, Any]:
    """An entry as all files have it: with its id at its origin, and the way by which it came."""
    row: dict[str, Any] = {
        "type": entry.kind,
        "id": str(entry.id),
        "uri": entry.uri,
        "url": entry.url,
        "origin": entry.origin or settings.authority,
        "via": entry.via or None,
        "license": entry.licence or None,
        "heard_at": _moment(entry.heard_at),
        "sources": _sources(entry, settings),
        "title": entry.title,
        "description": entry.source if entry.source is not None else plain(entry.content),
        "location": entry.place,
        "latitude": entry.latitude,
        "longitude": entry.longitude,
        "tags": list(entry.tags),
        "language": entry.language,
        "status": entry.status,
        "starts_at": None,
        "ends_at": None,
        "timezone": None,
        "kind": None,
        "mode": None,
        "created_at": _moment(entry.created_at),
        "updated_at": _moment(entry.updated_at),
    }
    if isinstance(entry, Event):
        row |= {"starts_at": _moment(entry.starts_at), "ends_at": _moment(entry.ends_at)}
        row["timezone"] = entry.timezone
    if isinstance(entry, Listing):
        row |= {"kind": entry.item_kind, "mode": entry.mode}
    return row


def _sources(entry: Entry, settings: Settings) -> list[str]:
    """The hosts of all that tell of it; its own alone, if no other does."""
    told = entry.noted.sources or (entry,)
    return list(dict.fromkeys(each.origin or settings.authority for each in told))


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


# ----------------------------------------------------------------------------------- formats


async def as_json(services: Services, kind: str) -> AsyncIterator[bytes]:
    """`{"items": […]}`, each with all COLUMNS."""
    async for part in _joined(services, kind, b'{"items":[', b"]}", lambda row: row):
        yield part


async def as_geojson(services: Services, kind: str) -> AsyncIterator[bytes]:
    """A FeatureCollection (RFC 7946) of what has a place on the map."""
    begins = b'{"type":"FeatureCollection","features":['
    async for part in _joined(services, kind, begins, b"]}", _feature):
        yield part


def _feature(row: dict[str, Any]) -> dict[str, Any] | None:
    longitude, latitude = row.pop("longitude"), row.pop("latitude")
    if longitude is None or latitude is None:
        return None
    point = {"type": "Point", "coordinates": [longitude, latitude]}
    return {"type": "Feature", "id": row["uri"], "geometry": point, "properties": row}


async def _joined(
    services: Services,
    kind: str,
    begins: bytes,
    ends: bytes,
    shape: Callable[[dict[str, Any]], dict[str, Any] | None],
) -> AsyncIterator[bytes]:
    yield begins
    first = True
    async for found in entries(services, kind):
        shaped = (shape(row_of(entry, services.settings)) for entry in found)
        parts = [orjson.dumps(one) for one in shaped if one is not None]
        if parts:
            yield (b"" if first else b",\n") + b",\n".join(parts)
            first = False
    yield ends


async def as_csv(services: Services, kind: str) -> AsyncIterator[bytes]:
    """A table with a head, every cell in quotes, none of which a program takes for a formula."""
    yield _lines([COLUMNS])
    async for found in entries(services, kind):
        rows = (row_of(entry, services.settings) for entry in found)
        yield _lines([_cell(row[name]) for name in COLUMNS] for row in rows)


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    out = StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    """SECURITY F8; numbers are ours, and stay as they are."""
    if isinstance(value, float):
        return repr(value)
    text = ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


async def calendar(services: Services) -> bytes:
    """The events as iCalendar; each names its id at its origin."""
    found: list[Event] = []
    async for page in entries(services, "event"):
        found += [entry for entry in page if isinstance(entry, Event)]
        if len(found) >= MOST_EVENTS:
            break
    settings = services.settings
    shown = sorted(found[:MOST_EVENTS], key=lambda event: (event.starts_at, event.id))
    return await asyncio.to_thread(calendar_of, shown, settings.name, f"{settings.url}/region")

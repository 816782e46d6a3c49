"""Lists as tables: CSV that spreadsheets open, and that an import takes in again. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final

from hub.core.licences import CREDIT_OF_OSM
from hub.core.text import plain
from hub.directory.models import Record

CSV: Final = "text/csv; charset=utf-8"
COLUMNS: Final = (
    *("type", "id", "title", "summary", "description", "location", "latitude", "longitude"),
    *("email", "phone", "website", "links", "opening_hours", "access", "has", "lacks", "tags"),
    *("language", "checked_at", "origin", "url", "credit"),
)
# What a spreadsheet would take for a formula (SECURITY F8).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def of_records(records: Sequence[Record], here: str) -> bytes:
    """The records with their headings; `here` is our authority."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for record in records:
        writer.writerow([safe(cell) for cell in _cells(record, here)])
    return b"\xef\xbb\xbf" + file.getvalue().encode()  # else Excel takes it for Windows-1252


def _cells(record: Record, here: str) -> tuple[str, ...]:
    access = (f"{name}: {fact['state']}" for name, fact in record.access_facts.items())
    return (
        *(record.kind, str(record.id), record.title, record.summary),
        plain(record.content) if record.source is None else record.source,
        *(record.place, _degrees(record.latitude), _degrees(record.longitude)),
        *(record.email, record.phone, record.website or "", "\n".join(record.links)),
        *(record.opening_hours, "; ".join(access)),
        *("; ".join(record.has), "; ".join(record.lacks), ", ".join(record.tags)),
        *(record.language, record.happens_at.isoformat(), record.origin or here, record.url),
        CREDIT_OF_OSM if record.of_osm else "",
    )


def _degrees(value: float | None) -> str:
    return "" if value is None else f"{value:.7g}"


def safe(cell: str) -> str:
    """The text, with a sign before it where it would be reckoned; a number stays one."""
    if not cell.startswith(_FORMULA) or cell.removeprefix("-").replace(".", "", 1).isdigit():
        return cell
    return f"'{cell}"

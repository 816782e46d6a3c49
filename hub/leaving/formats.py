"""Entries in formats that any program reads: ActivityStreams, iCalendar, CSV, pictures.

A person's copy and the whole hub's are written by the same hand.
"""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from hub.core.text import plain
from hub.entries.models import FOLDERS, Entry
from hub.events import ical
from hub.events.models import Event

CONTEXT: Final = "https://www.w3.org/ns/activitystreams"
COLUMNS: Final = (
    "kind", "title", "text", "status", "visibility", "place", "happens_at", "created_at", "tags",
    "id",
)  # fmt: skip
# Cells that begin so are formulas to spreadsheet programs (SECURITY F8).
FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


class Archive:
    """A new zip file, for its owner alone."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False)

    def close(self) -> None:
        """Make it whole."""
        with self._file, self._zip:
            pass

    def put(self, name: str, content: bytes | str) -> None:
        """A file of these bytes or words."""
        self._zip.writestr(name, content)

    def json(self, name: str, document: Any) -> None:
        """A JSON file that people can read too."""
        self.put(name, orjson.dumps(document, option=orjson.OPT_INDENT_2, default=str))

    def picture(self, name: str, media: Path) -> None:
        """A picture of the media folder; nothing if it is not there any more."""
        source = media / name
        if source.is_file():
            self._zip.write(source, f"pictures/{name}", zipfile.ZIP_STORED)


def place_of(entry: Entry) -> str:
    """The name of an entry's file."""
    return f"activitystreams/{FOLDERS[entry.kind]}/{entry.id}.json"


def json_of(document: bytes | None) -> dict[str, Any]:
    """A stored document, as other servers see it, or would."""
    found: dict[str, Any] = orjson.loads(document or b"{}")
    return found


def collection(things: Iterable[Any], name: str) -> dict[str, Any]:
    """An ordered collection of them (ActivityStreams §4.4)."""
    items = list(things)
    return {
        "@context": CONTEXT,
        "type": "OrderedCollection",
        "name": name,
        "totalItems": len(items),
        "orderedItems": items,
    }


def calendar(events: Sequence[Event], name: str, url: str) -> bytes:
    """Events as a calendar file; none make an empty one."""
    return ical.calendar_of(events, name, url)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV that no spreadsheet program takes for formulas (RFC 4180)."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def _cell(value: object) -> str:
    said = "" if value is None else str(value)
    return f"'{said}" if said.startswith(FORMULAS) else said


def entry_table(entries: Iterable[Entry]) -> str:
    """Entries as a table."""
    return table(COLUMNS, (_row(entry) for entry in entries))


def _row(entry: Entry) -> Sequence[object]:
    return (
        entry.kind,
        entry.title,
        entry.source if entry.source is not None else plain(entry.content),
        entry.status,
        entry.visibility,
        entry.place,
        entry.happens_at.isoformat(),
        entry.created_at.isoformat(),
        ", ".join(entry.tags),
        entry.uri,
    )

"""Finds streets, addresses and places by their names, in the file that `hub map build` made."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.core.settings import Settings
from hub.maps import shelf

SCHEMA: Final = """
CREATE TABLE spot (
    id INTEGER PRIMARY KEY, sort INTEGER NOT NULL, name TEXT NOT NULL, inside TEXT NOT NULL,
    latitude REAL NOT NULL, longitude REAL NOT NULL, length REAL NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5 (
    name, inside, content='spot', content_rowid='id', prefix='2 3',
    tokenize='unicode61 remove_diacritics 2'
);
"""
# In this order they are offered, where nothing else decides.
SORTS: Final = {"settlement": 0, "street": 1, "place": 2, "address": 3}
WORD: Final = re.compile(r"\w+")
NUMBER: Final = re.compile(r"\b\d+\w?\b")
LONGEST: Final = 120
MOST_WORDS: Final = 8
LOOKED_AT: Final = 400  # hits that are put into order; more have no use

_FOUND: Final = """
SELECT sort, name, inside, latitude, longitude FROM (
    SELECT rowid AS id FROM words WHERE words MATCH ? LIMIT ?
) JOIN spot USING (id)
ORDER BY
    lower(name) != lower(?),
    sort,
    abs(latitude - ?) + abs(longitude - ?),
    name
LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Found:
    """Somewhere with a name; `sort` is one of `SORTS`, `inside` the settlement it lies in."""

    sort: str
    name: str
    inside: str
    latitude: float
    longitude: float

    @property
    def words(self) -> str:
        """As it is offered: `Mill Road 3, Linden`."""
        return f"{self.name}, {self.inside}" if self.inside else self.name

    @property
    def spot(self) -> str:
        """Latitude and longitude, as forms send them: `50.93000,6.94000`."""
        return f"{self.latitude:.5f},{self.longitude:.5f}"


async def search(settings: Settings, text: str, most: int = 8) -> list[Found]:
    """Up to `most` that have all words of `text`; the nearest to the hub's middle of equals.

    A house number that nobody has mapped still finds its street. Empty where nothing fits, or the
    hub has no map.
    """
    here = shelf.current(settings)
    if here is None or not question(text):
        return []
    near = here.box.centre
    if settings.latitude is not None and settings.longitude is not None:
        near = settings.latitude, settings.longitude
    path = here.folder / here.addresses
    for words in (text.strip(), NUMBER.sub(" ", text).strip()):
        given = (question(words), LOOKED_AT, words, *near, most)
        hits = await asyncio.to_thread(_search, path, given) if given[0] else []
        if hits:
            return hits
    return []


def question(text: str) -> str:
    """The words as FTS5 asks for them: each by its beginning, but for numbers."""
    words = WORD.findall(text[:LONGEST])[:MOST_WORDS]
    return " ".join(f'"{word}"' + ("" if word.isdecimal() else "*") for word in words)


def _search(path: Path, given: tuple[str | int | float, ...]) -> list[Found]:
    names = {number: name for name, number in SORTS.items()}
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
        rows = database.execute(_FOUND, given).fetchall()
    return [Found(names[row[0]], *row[1:]) for row in rows]

"""The graphs that were asked for last, kept as long as what they are made of stays as it is.

Nothing is shown that a moment ago was hidden, and a stranger who asks again and again has the
database look whether anything changed, and no more.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import lru_cache
from typing import Final

from hub.core.db import Database
from hub.netmap import queries
from hub.netmap.graph import Graph

MOST: Final = 8  # graphs that are kept; of one a word, or how far back it goes, makes another


class Kept:
    """The graphs of one database; they are looked for one at a time, however many ask."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._graphs: dict[tuple[bytes, str], Graph] = {}
        self._asking = asyncio.Lock()

    async def graph(self, since: datetime, until: datetime, word: str) -> Graph:
        """The graph of `queries.graph_of`."""
        async with self._asking, self._database.read() as session:
            key = (await queries.made_of(session, since, until), word)
            found = self._graphs.pop(key, None)
            if found is None:
                found = await queries.graph_of(session, since, until, word)
            self._graphs[key] = found  # the last of them now
            if len(self._graphs) > MOST:
                del self._graphs[next(iter(self._graphs))]
            return found


@lru_cache(maxsize=4)
def of(database: Database) -> Kept:
    """What is kept of this database."""
    return Kept(database)

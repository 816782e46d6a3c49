"""A bell for workers: it says that there may be work, the rows say what."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy.exc import SQLAlchemyError

from hub.core.db import Database

log = logging.getLogger(__name__)

TOGETHER_S = 0.02  # rings within this are one call to the other processes
LISTEN_S = 30.0  # how often a silent line is tried
TROUBLE_S = 2.0  # how long to wait when the database does not answer


class Wake:
    """Rings for every worker that waits, of this process and of others at the same database.

    Only PostgreSQL carries it to others; a missed ring costs a second, never the work.
    """

    def __init__(self) -> None:
        self._bells: set[asyncio.Event] = set()
        self._outside = asyncio.Event()

    def ring(self) -> None:
        """There may be work now."""
        self.ring_here()
        self._outside.set()

    def ring_here(self) -> None:
        """There may be work now, for this process alone."""
        for bell in self._bells:
            bell.set()

    @contextmanager
    def listen(self) -> Iterator[asyncio.Event]:
        """A bell of one's own; clear it before looking for work."""
        bell = asyncio.Event()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)

    @asynccontextmanager
    async def shared(self, database: Database) -> AsyncIterator[None]:
        """Within the block, rings go to the other processes and come from them."""
        if database.is_sqlite:
            yield
            return
        line = asyncio.create_task(self._hold_line(database), name="wake")
        try:
            yield
        finally:
            line.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await line

    async def _hold_line(self, database: Database) -> None:
        while True:
            try:
                async with database.line(self.ring_here) as call:
                    while True:
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(LISTEN_S):
                                await self._outside.wait()
                        self._outside.clear()
                        await call()
                        await asyncio.sleep(TOGETHER_S)
            except (SQLAlchemyError, OSError):
                log.warning("no line to the other processes; they look for themselves")
                await asyncio.sleep(TROUBLE_S)

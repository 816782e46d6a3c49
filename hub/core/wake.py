"""A bell for workers: it says that there may be work, the rows say what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Wake:
    """Rings for every worker of this process that waits."""

    def __init__(self) -> None:
        self._bells: set[asyncio.Event] = set()

    def ring(self) -> None:
        """There may be work now."""
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

"""Group commit: many callers, one transaction.

Each caller waits for its own item; items that arrive while a transaction runs share the next one.
Durability then costs one `fsync` for all of them (PERFORMANCE §0.7).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")

MOST = 500  # items in one transaction; keeps the writer free for others


class GroupCommit(Generic[Item]):
    """Collects items and writes them together with `write`, which is one transaction.

    `linger_s` is how long the first item waits for company: nothing where somebody waits for the
    answer, a little where throughput counts more.
    """

    def __init__(
        self, write: Callable[[list[Item]], Awaitable[None]], *, linger_s: float = 0
    ) -> None:
        self._write = write
        self._linger_s = linger_s
        self._pending: list[tuple[Item, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> None:
        """Returns when the item is on disk.

        Raises:
            Exception: what `write` raised for this item.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((item, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        await done

    async def _drain(self) -> None:
        while self._pending:
            await asyncio.sleep(self._linger_s)
            batch, self._pending = self._pending[:MOST], self._pending[MOST:]
            try:
                await self._write([item for item, _ in batch])
            except Exception:
                # One bad item must not take its neighbours along.
                await self._one_by_one(batch)
            else:
                for _, done in batch:
                    if not done.done():
                        done.set_result(None)

    async def _one_by_one(self, batch: list[tuple[Item, asyncio.Future[None]]]) -> None:
        for item, done in batch:
            try:
                await self._write([item])
            except Exception as error:
                if not done.done():
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(None)

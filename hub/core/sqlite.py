"""SQLite's driver with one visit to the connection's thread for each statement.

SQLAlchemy's adapter of aiosqlite goes there four times: to open a cursor, to execute, to fetch
and to close. Each costs two changes of thread, more than most of our statements themselves. What
a reading session begins goes along with its first statement, and nobody waits for its end.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)


class Done(NamedTuple):
    """What a statement left; nothing of it is open any more."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    rows: Sequence[Any] = ()
    arraysize: int = 1

    def close(self) -> None:
        """There is nothing to close."""


NOTHING: Final = Done()


def _finish(driver: sqlite3.Connection, begin: bool, many: bool, *given: Any) -> Done:
    """Execute and fetch, on the connection's thread."""
    if begin:
        driver.execute("BEGIN").close()
    cursor = driver.executemany(*given) if many else driver.execute(*given)
    try:
        rows = cursor.fetchall() if cursor.description else ()
        return Done(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
    finally:
        cursor.close()


class Cursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor that is open only while it executes."""

    __slots__ = ()
    _awaitable_cursor_close = False

    def _make_new_cursor(self, connection: Any) -> Any:
        return NOTHING

    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor

    async def _execute_async(self, operation: Any, parameters: Any) -> None:
        await self._visit(False, operation, parameters or ())

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:
        await self._visit(True, operation, seq_of_parameters)

    async def _visit(self, many: bool, *given: Any) -> None:
        adapted: Any = self._adapt_connection
        there = adapted._connection
        begin, adapted.to_begin, adapted.under_way = adapted.to_begin, False, True
        done: Done = await there._execute(_finish, there._conn, begin, many, *given)
        adapted.under_way = False
        self._cursor, self._rows = done, deque(done.rows)  # type: ignore[assignment]


class Connection(AsyncAdapt_aiosqlite_connection):
    """A connection with such cursors.

    `under_way`: a statement was sent of whose end nobody heard, since it failed or its caller was
    cancelled.
    """

    __slots__ = ("reads", "to_begin", "under_way")
    _cursor_cls = Cursor

    def __init__(self, dbapi: Driver, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.reads = False
        self.to_begin = self.under_way = False

    def begin_reading(self) -> None:
        """Begin with the next statement, as SQLite would do anyway."""
        self.reads = self.to_begin = True

    def rollback(self) -> None:
        """Undo what was begun; the pool asks for it once more when nothing was."""
        there: Any = self._connection
        driver = there._connection
        self.to_begin = False
        if driver is None or not (self.under_way or driver.in_transaction):
            return
        if self.reads:
            there._tx.put_nowait((None, driver.rollback))  # whatever comes next comes after it
        else:
            super().rollback()
        self.under_way = False


class Driver(AsyncAdapt_aiosqlite_dbapi):
    """What `create_engine` takes as its `module`."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *given: Any, **named: Any) -> Connection:
        """A new connection."""
        return Connection(self, super().connect(*given, **named)._connection)

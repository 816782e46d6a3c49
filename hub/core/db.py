"""The database: SQLite with one writer, or PostgreSQL; the same code above.

SQLite (decision 0004): WAL and `synchronous=FULL`, so that what was acknowledged survives a power
cut; exactly one writing connection, which also does every checkpoint; readers are `query_only`.
PostgreSQL: one pool for both. No other file speaks a dialect; `serving` and `worker` ask only
whether they are alone.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    JSON,
    Dialect,
    LargeBinary,
    MetaData,
    Select,
    Uuid,
    collate,
    event,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.ext.asyncio import (
    AsyncSession as AsyncSession,  # routers name it, and import no SQLAlchemy
)
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.types import TypeEngine

from hub.core.moments import UTCDateTime as UTCDateTime
from hub.core.sqlite import Driver

log = logging.getLogger(__name__)

READERS = 8  # SQLite connections for reading; each costs about 100 kB
KEPT = 2  # connections that wait for the next question of `asking`
LINE = "hub_work"  # the channel on which processes at one PostgreSQL wake each other
WRITES = "writes"  # in a session's `info`: it is one of `write`
BUSY_MS = 5000  # how long a connection waits for a lock that another process holds

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The root of every row class."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UTCDateTime(),
        UUID: Uuid(),
        bytes: LargeBinary(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
    }


class Database:
    """One database, open.

    `read` gives a session that sees what is committed; `write` gives one whose work is kept when
    the block ends, and undone when it raises. On SQLite there is one writer at a time, so a block
    under `write` does nothing slow: no network, no pictures.
    """

    def __init__(self, address: str) -> None:
        self.url: URL = make_url(address)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.at_close: list[Callable[[], None]] = []
        self._writing = asyncio.Lock()
        self._kept: list[tuple[AsyncConnection, Any]] = []
        if self.is_sqlite:
            self.writer = _sqlite_engine(self.url, writes=True)
            self.reader = _sqlite_engine(self.url, writes=False)
        else:
            self.writer = create_async_engine(
                self.url, pool_size=20, max_overflow=10, hide_parameters=True
            )
            self.reader = self.writer
        self._reads = async_sessionmaker(self.reader, expire_on_commit=False)
        self._writes = async_sessionmaker(self.writer, expire_on_commit=False, info={WRITES: True})

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for reading."""
        async with self._reads() as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A session whose work is one transaction."""
        if not self.is_sqlite:
            async with self._writes.begin() as session:
                yield session
            return
        async with self._writing, self._writes.begin() as session:
            yield session

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Any]:
        """The driver's own connection, for one question about what is committed.

        It waits for the next one afterwards: to have a connection out of the pool and to give it
        back costs as much as a small question (P12).
        """
        connection, driver = await self._taken()
        try:
            yield driver
        except BaseException:
            await asyncio.shield(connection.close())
            raise
        self._kept.append((connection, driver))
        if len(self._kept) > KEPT:
            await self._let_go()

    async def _taken(self) -> tuple[AsyncConnection, Any]:
        while self._kept:
            connection, driver = self._kept.pop()
            if self.is_sqlite or not driver.is_closed():
                return connection, driver
            await connection.close()
        connection = await self.reader.connect()
        return connection, (await connection.get_raw_connection()).driver_connection

    async def _let_go(self, keep: int = KEPT) -> None:
        while len(self._kept) > keep:
            await self._kept.pop()[0].close()

    @asynccontextmanager
    async def line(self, heard: Callable[[], None]) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
        """A way to call the other processes at this PostgreSQL; `heard` is called when one does.

        It carries no data: what there is to do stands in the rows (`LISTEN`, `NOTIFY`).
        """
        async with self.writer.connect() as opened:
            connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
            driver: Any = (await connection.get_raw_connection()).driver_connection
            ours = driver.get_server_pid()

            def listener(_connection: object, sender: int, *_: object) -> None:
                if sender != ours:
                    heard()

            await driver.add_listener(LINE, listener)
            try:
                yield partial(connection.exec_driver_sql, f"NOTIFY {LINE}")
            finally:
                if not driver.is_closed():
                    await driver.remove_listener(LINE, listener)

    @asynccontextmanager
    async def turn(self, work: int) -> AsyncIterator[None]:
        """At most one process at this PostgreSQL does this `work`; the others wait for their turn.

        Whoever is killed hands it on. SQLite has one process.
        """
        if self.is_sqlite:
            yield
            return
        async with self.writer.connect() as opened:
            connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
            await connection.exec_driver_sql("SET statement_timeout = 0")
            await connection.exec_driver_sql("SET lock_timeout = 0")
            if not await connection.scalar(select(func.pg_try_advisory_lock(work))):
                log.warning("another process is at it; this one waits for its turn")
                await connection.execute(select(func.pg_advisory_lock(work)))
            try:
                yield
            finally:
                await connection.invalidate()  # the lock ends with it, whatever became of it

    async def driver(self, session: AsyncSession) -> Any:
        """The driver's own connection, inside the session's transaction.

        SQLAlchemy begins one at asyncpg only with the first statement that it sends itself; what
        the driver did before would be kept whatever becomes of the rest.
        """
        connection = await session.connection()
        driver: Any = (await connection.get_raw_connection()).driver_connection
        if not self.is_sqlite and not driver.is_in_transaction():
            await connection.exec_driver_sql("SELECT 1")
        return driver

    @contextmanager
    def driven(self, statement: str) -> Iterator[None]:
        """Errors of the driver itself become those that SQLAlchemy makes of them elsewhere.

        Raises:
            OperationalError: the driver could not do it.
        """
        module: Any = self.writer.dialect.dbapi
        errors = (
            (module.Error,)
            if self.is_sqlite
            else (module.asyncpg.PostgresError, module.asyncpg.InterfaceError)
        )
        try:
            yield
        except errors as error:
            raise OperationalError(statement, None, error) from error

    async def close(self) -> None:
        """Let go of every connection."""
        for close in self.at_close:
            close()
        await self._let_go(keep=0)
        await self.reader.dispose()
        if self.writer is not self.reader:
            await self.writer.dispose()


class Append:
    """Rows added to one table on the hottest path, and left alone where they are there already.

    SQLAlchemy compiles the statement once; the driver takes the rows (PERFORMANCE §0.6, SETTLED
    16). `columns` are the ones that rows give, in this order.
    """

    def __init__(self, database: Database, table: type[Base], columns: Sequence[str]) -> None:
        self._database = database
        dialect = database.writer.dialect
        made = insert_into(database, table).on_conflict_do_nothing()
        compiled = made.compile(dialect=dialect, column_keys=list(columns))
        order = compiled.positiontup or list(columns)
        described = table.__table__.c
        self._sql = str(compiled)
        self._take = [
            (columns.index(name), to_driver(described[name].type, dialect)) for name in order
        ]

    async def rows(self, session: AsyncSession, rows: Iterable[Sequence[Any]]) -> None:
        """Add the rows, in the session's transaction."""
        given = [
            tuple(row[at] if to is None else to(row[at]) for at, to in self._take) for row in rows
        ]
        driver = await self._database.driver(session)
        with self._database.driven(self._sql):
            await driver.executemany(self._sql, given)


class Lookup:
    """One row by text keys, on a path too hot for a session.

    SQLAlchemy compiles the statement once. SQLite is asked on the spot, by a connection of its
    own: reading a page that lies in memory takes a tenth of the time that waking a thread does.
    What it selects comes as the driver has it, so it selects bytes, text and numbers only.
    """

    def __init__(self, database: Database, statement: Select[Any]) -> None:
        compiled = statement.compile(dialect=database.reader.dialect)
        self._database = database
        self._sql = str(compiled)
        self._order = compiled.positiontup or []
        self._given = compiled.params
        self._file: sqlite3.Connection | None = None
        database.at_close.append(self._close)

    async def row(self, **keys: str) -> Sequence[Any] | None:
        """The first row for these values of the statement's parameters, or None."""
        values = [keys.get(name, self._given[name]) for name in self._order]
        if self._database.is_sqlite:
            try:
                return self._asked(values)
            except sqlite3.OperationalError:
                pass  # it is busy: asked once more below, with patience
        async with self._database.asking() as raw:
            row: Sequence[Any] | None
            if self._database.is_sqlite:
                row = await (await raw.execute(self._sql, values)).fetchone()
            else:
                row = await raw.fetchrow(self._sql, *values)
        return row

    def _asked(self, values: Sequence[Any]) -> Sequence[Any] | None:
        if self._file is None:
            self._file = sqlite3.connect(
                self._database.url.database or "", timeout=0, isolation_level=None
            )
            self._file.execute("PRAGMA query_only=ON")
        row: Sequence[Any] | None = self._file.execute(self._sql, values).fetchone()
        return row

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()


def to_driver(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """What turns a value of a column into what the driver takes; None: nothing."""
    return kind.dialect_impl(dialect).bind_processor(dialect)


def insert_for(session: AsyncSession, table: Any) -> Any:
    """The INSERT of the dialect at hand, which knows `on_conflict_do_update`."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    return dialect.insert(table)


def by_bytes(session: AsyncSession, column: Any) -> Any:
    """A text column in the order of bytes, by which all that begins alike stands together."""
    sqlite_has_it = session.get_bind().dialect.name == "sqlite"
    return column if sqlite_has_it else collate(column, "C")


def insert_into(database: Database, table: Any) -> Any:
    """The same, where there is no session yet."""
    return (sqlite if database.is_sqlite else postgresql).insert(table)


def _sqlite_engine(url: URL, *, writes: bool) -> AsyncEngine:
    """An engine of one writing connection, or of a few that can only read."""
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1 if writes else READERS,
        max_overflow=0,
        connect_args={"timeout": BUSY_MS / 1000},
        hide_parameters=True,  # errors go to the log, what people wrote does not (SECURITY D8)
        module=Driver(),
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in _pragmas(writes=writes):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        if writes:
            # The lock is taken at once, never upgraded half-way (SQLITE_BUSY_SNAPSHOT).
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.connection.dbapi_connection.begin_reading()

    return engine


def _pragmas(*, writes: bool) -> tuple[str, ...]:
    """What a connection is told first (SECURITY 1.5, 1.6)."""
    common = (f"busy_timeout={BUSY_MS}", "mmap_size=0", "foreign_keys=ON")
    if writes:
        return ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", *common)
    return ("query_only=ON", "wal_autocheckpoint=0", *common)

"""The tables of a database as lines of JSON, read at one moment, and a database made of such lines.

Lines look the same whichever kind of database they come from: what SQLite keeps as text and
PostgreSQL as uuid or timestamp is written in one form, and JSON is passed on as it stands. Columns
are those that the database has, not those of the models, so that an older one can be read too.
What a database works out by itself (the index of words) is left out, and works itself out again.
"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from hub.core.db import BUSY_MS
from hub.core.errors import CommandFailed

AT_ONCE: Final = 200  # rows in memory at a time
UUID_LENGTH: Final = 32  # of the CHAR in which SQLite keeps one
VERSION: Final = "alembic_version"  # said by `revision`, and made by the migrations

Batch = tuple[str, tuple[str, ...], Sequence[bytes]]  # a table, its columns, some of its lines


@dataclass
class Tally:
    """How many lines there were, and a digest of them in whatever order they came."""

    rows: int = 0
    _sum: int = field(default=0, repr=False)

    def add(self, lines: Iterable[bytes]) -> None:
        """Count these too."""
        for line in lines:
            self.rows += 1
            self._sum += int.from_bytes(hashlib.sha256(line).digest())

    @property
    def digest(self) -> str:
        """The sum of the lines' SHA-256, of which 256 bits are kept."""
        return f"{self._sum % 2**256:064x}"


class Snapshot:
    """A database as it was at one moment; what is written meanwhile is not seen."""

    def __init__(self, connection: AsyncConnection, revision: str, found: list[sa.Table]) -> None:
        self._connection = connection
        self.revision = revision
        self.tables = found

    async def batches(self) -> AsyncIterator[Batch]:
        """All rows of all tables, a few at a time; a table without rows gives one empty batch."""
        for table in self.tables:
            name, names = str(table.name), tuple(map(str, table.columns.keys()))
            writers = [_writer(column) for column in table.columns]
            yield name, names, ()
            async with self._connection.stream(
                sa.select(table), execution_options={"yield_per": AT_ONCE}
            ) as rows:
                async for part in rows.partitions():
                    yield name, names, await asyncio.to_thread(_lines, part, writers)

    async def tallies(self) -> dict[str, Tally]:
        """What each table holds, counted."""
        counted = {str(table.name): Tally() for table in self.tables}
        async for name, _, lines in self.batches():
            counted[name].add(lines)
        return counted

    async def is_empty(self) -> bool:
        """Whether no table has a row."""
        for table in self.tables:
            one = sa.select(sa.literal(1)).select_from(table).limit(1)
            if await self._connection.scalar(one) is not None:
                return False
        return True


@asynccontextmanager
async def snapshot(address: str) -> AsyncIterator[Snapshot]:
    """A database that has tables, at one moment, on a connection of its own."""
    engine = _engine(address)
    alone = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        async with engine.connect() as connection:
            if not _is_sqlite(connection):
                await connection.execution_options(**alone)
            revision = await connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
            yield Snapshot(connection, str(revision), await connection.run_sync(_tables))
    finally:
        await engine.dispose()


async def load(address: str, batches: AsyncIterator[Batch]) -> None:
    """Put lines into the tables of a database that holds no rows, all of them or none.

    Raises:
        CommandFailed: they do not fit the tables, or each other.
    """
    engine = _engine(address, writes=True)
    name = ""
    try:
        async with engine.begin() as connection:
            found = {table.name: table for table in await connection.run_sync(_tables)}
            ties = await connection.run_sync(_loosen)
            async for name, columns, lines in batches:
                if name not in found or set(columns) != set(found[name].columns.keys()):
                    raise CommandFailed(f"The table {name} is not what this hub knows.")
                if lines:
                    rows = await asyncio.to_thread(_rows, found[name], columns, lines)
                    await connection.execute(sa.insert(found[name]), rows)
            name = ""
            await connection.run_sync(_tighten, ties)
    except DBAPIError as error:
        where = f" in the table {name}" if name else ""
        raise CommandFailed(f"The rows{where} could not be taken over: {error.orig}") from error
    finally:
        await engine.dispose()


# ------------------------------------------------------------------------- both databases


def _engine(address: str, *, writes: bool = False) -> AsyncEngine:
    """An engine that streams, and reads and writes JSON as text."""
    engine = create_async_engine(
        address, poolclass=NullPool, json_serializer=_as_it_is, json_deserializer=_as_it_is
    )
    if engine.dialect.name != "sqlite":
        return engine
    # Checkpoints are the hub's alone (SECURITY 1.6), and what is loaded is tied up at the end.
    pragmas = ("foreign_keys=OFF",) if writes else ("query_only=ON", "wal_autocheckpoint=0")

    @sa.event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={BUSY_MS}", "mmap_size=0", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine.sync_engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _is_sqlite(connection: Any) -> bool:
    return bool(connection.dialect.name == "sqlite")


def _tables(connection: sa.Connection) -> list[sa.Table]:
    """Every table that holds what cannot be worked out, by name."""
    inspector = sa.inspect(connection)
    inside: list[str] = []
    if _is_sqlite(connection):
        # An index of words, and the tables in which it keeps itself.
        virtual = "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%'"
        inside = list(connection.scalars(sa.text(virtual)))
    return [
        sa.Table(name, sa.MetaData(), *_columns(inspector, name))
        for name in sorted(inspector.get_table_names())
        if name != VERSION and not any(f"{name}_".startswith(f"{one}_") for one in inside)
    ]


def _columns(inspector: sa.Inspector, table: str) -> list[sa.Column[Any]]:
    return [
        sa.Column(column["name"], column["type"])
        for column in inspector.get_columns(table)
        if not column.get("computed")
    ]


def _loosen(connection: sa.Connection) -> list[str]:
    """Let rows refer to rows that come later; PostgreSQL's ties, as its statements name them."""
    if _is_sqlite(connection):
        return []
    inspector = sa.inspect(connection)
    quote = connection.dialect.identifier_preparer.quote
    ties = [
        f"ALTER TABLE {quote(table)} ALTER CONSTRAINT {quote(str(tie['name']))}"
        for table in inspector.get_table_names()
        for tie in inspector.get_foreign_keys(table)
    ]
    for tie in ties:
        connection.exec_driver_sql(f"{tie} DEFERRABLE INITIALLY DEFERRED")
    return ties


def _tighten(connection: sa.Connection, ties: list[str]) -> None:
    """Look whether every row finds what it refers to, and let numbers go on where they were.

    Raises:
        CommandFailed: a row refers to nothing.
    """
    if _is_sqlite(connection):
        lost = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if lost is not None:
            raise CommandFailed(
                f"A row of {lost[0]} belongs to one of {lost[2]} that is not there."
            )
        state = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
        if state != "ok":
            raise CommandFailed(f"The new database is damaged: {state}")
        return
    connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    for tie in ties:
        connection.exec_driver_sql(f"{tie} NOT DEFERRABLE")
    _count_on(connection)


def _count_on(connection: sa.Connection) -> None:
    """Let PostgreSQL's numbers go on after the greatest of each table."""
    inspector = sa.inspect(connection)
    quote = connection.dialect.identifier_preparer.quote
    for name in inspector.get_table_names():
        for found in inspector.get_columns(name):
            if found.get("autoincrement") is not True:
                continue
            column: sa.ColumnClause[int] = sa.column(found["name"], sa.BigInteger())
            sequence = sa.func.pg_get_serial_sequence(quote(name), found["name"])
            last = sa.func.coalesce(sa.func.max(column), 1)
            set_ = sa.func.setval(sa.cast(sequence, REGCLASS), last, sa.func.count() > 0)
            connection.execute(sa.select(set_).select_from(sa.table(name, column)))


# ------------------------------------------------------------------------- values and lines


def _as_it_is(value: Any) -> Any:
    return value


def _lines(rows: Sequence[Any], writers: Sequence[Callable[[Any], Any]]) -> list[bytes]:
    return [
        orjson.dumps(
            [
                None if value is None else write(value)
                for write, value in zip(writers, row, strict=True)
            ]
        )
        for row in rows
    ]


def _rows(table: sa.Table, names: Sequence[str], lines: Sequence[bytes]) -> list[dict[str, Any]]:
    readers = [_reader(table.columns[name]) for name in names]
    return [
        {
            name: None if value is None else read(value)
            for name, read, value in zip(names, readers, orjson.loads(line), strict=True)
        }
        for line in lines
    ]


def _writer(column: sa.Column[Any]) -> Callable[[Any], Any]:
    """What turns a value of the column into one of JSON.

    Raises:
        CommandFailed: nobody has said how.
    """
    kind = column.type
    if _is_uuid(kind):
        return _uuid_out
    if isinstance(kind, sa.DateTime):
        return _moment_out
    if isinstance(kind, sa.LargeBinary):
        return _bytes_out
    if isinstance(kind, (sa.Boolean, sa.Integer, sa.Float, sa.String, sa.JSON)):
        return _as_it_is
    raise CommandFailed(f"The column {column} has a type that backups do not know: {kind}.")


def _reader(column: sa.Column[Any]) -> Callable[[Any], Any]:
    """What turns a value of JSON into one of the column."""
    kind = column.type
    if _is_uuid(kind):
        return UUID if isinstance(kind, sa.Uuid) else _hex_of
    if isinstance(kind, sa.DateTime):
        return datetime.fromisoformat if kind.timezone else _without_zone
    return b64decode if isinstance(kind, sa.LargeBinary) else _as_it_is


def _is_uuid(kind: Any) -> bool:
    return isinstance(kind, sa.Uuid) or (isinstance(kind, sa.CHAR) and kind.length == UUID_LENGTH)


def _uuid_out(value: UUID | str) -> str:
    return str(value if isinstance(value, UUID) else UUID(value))


def _moment_out(value: datetime) -> str:
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat()


def _bytes_out(value: bytes) -> str:
    return b64encode(value).decode()


def _hex_of(text: str) -> str:
    return UUID(text).hex


def _without_zone(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)

"""How a hub reads and writes its SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiosqlite
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from hub.core.db import KEPT, READERS, Database

SLOW = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000)
SELECT count(*) FROM n"""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    found = Database(f"sqlite+aiosqlite:///{tmp_path / 'hub.db'}")
    async with found.write() as session:
        await session.execute(text("CREATE TABLE thing (id INTEGER PRIMARY KEY)"))
    yield found
    await found.close()


async def _add(database: Database, *ids: int) -> None:
    async with database.write() as session:
        for id_ in ids:
            await session.execute(text("INSERT INTO thing VALUES (:id)"), {"id": id_})


async def _count(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(text("SELECT count(*) FROM thing")) or 0


async def test_reading_waits_for_the_thread_once_for_each_statement(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _count(database)  # connected
    visits = 0
    execute = aiosqlite.Connection._execute

    async def counted(connection: aiosqlite.Connection, *given: object) -> object:
        nonlocal visits
        visits += 1
        return await execute(connection, *given)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
    async with database.read() as session:
        for _ in range(3):
            await session.execute(text("SELECT 1"))

    assert visits == 3


async def test_a_reading_session_sees_one_state_and_the_next_one_sees_the_newest(
    database: Database,
) -> None:
    async with database.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM thing")) == 0
        await _add(database, 1)
        assert await session.scalar(text("SELECT count(*) FROM thing")) == 0

    assert await _count(database) == 1


async def test_a_reading_session_can_be_used_on_after_a_statement_that_failed(
    database: Database,
) -> None:
    async with database.read() as session:
        with pytest.raises(OperationalError, match="no such table"):
            await session.execute(text("SELECT * FROM missing"))
    await _add(database, 1)

    assert await _count(database) == 1


async def test_what_was_begun_is_undone_when_it_fails(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await _add(database, 1, 2, 2)

    assert await _count(database) == 0
    await _add(database, 1)
    assert await _count(database) == 1


@pytest.mark.parametrize("writes", [False, True])
async def test_who_is_cancelled_in_mid_statement_leaves_nothing_begun(
    database: Database, writes: bool
) -> None:
    async def slow() -> None:
        async with database.write() if writes else database.read() as session:
            if writes:
                await session.execute(text("INSERT INTO thing VALUES (7)"))
            await session.execute(text(SLOW))

    task = asyncio.create_task(slow())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _add(database, 1)

    assert [await _count(database) for _ in range(10)] == [1] * 10


async def test_statements_run_beside_the_loop(database: Database) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    async with database.read() as session:
        assert await session.scalar(text(SLOW)) == 500_000
    ticking.cancel()

    assert ticks > 5


async def _asked(database: Database) -> tuple[object, int]:
    """Whom was asked, and what they said."""
    async with database.asking() as driver:
        (row,) = await driver.execute_fetchall("SELECT count(*) FROM thing")
        return driver, row[0]


async def test_a_question_finds_the_connection_of_the_one_before_and_the_newest_state(
    database: Database,
) -> None:
    first, there = await _asked(database)
    assert there == 0
    await _add(database, 1)

    assert await _asked(database) == (first, 1)


async def test_questions_that_fail_or_come_all_at_once_leave_the_connections_to_others(
    database: Database,
) -> None:
    for _ in range(2 * READERS):
        with pytest.raises(sqlite3.OperationalError):
            async with database.asking() as driver:
                await driver.execute_fetchall("SELECT * FROM missing")
    all_here = asyncio.Barrier(READERS)

    async def together() -> None:
        async with database.asking():
            await all_here.wait()

    await asyncio.gather(*(together() for _ in range(READERS)))

    async with AsyncExitStack() as sessions:
        for _ in range(READERS - KEPT):
            session = await sessions.enter_async_context(database.read())
            await session.execute(text("SELECT 1"))
        assert (await _asked(database))[1] == 0

"""The migrations make exactly the tables that the models describe, and take them away again."""

from __future__ import annotations

import asyncio
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, select

from hub import migrating, schema
from hub.core.clock import now
from hub.core.db import Base, Database
from hub.core.settings import Settings
from hub.events.models import Series
from tests.conftest import Databases


def _settings(databases: Databases) -> Settings:
    return Settings(_env_file=None, database_url=databases.fresh(), timezone="UTC")


async def _looked_at(address: str, look: Any) -> Any:
    database = Database(address)
    try:
        async with database.writer.connect() as connection:
            return await connection.run_sync(look)
    finally:
        await database.close()


def _drift(connection: Connection) -> list[Any]:
    def of_models(_object: Any, name: str | None, *_: Any) -> bool:
        # The index of words is the databases' own, and nothing that a model could say.
        return not (name or "").startswith(("entry_words", "search_vector", "ix_entry_search_vec"))

    opts = {"compare_type": True, "include_object": of_models}
    context = MigrationContext.configure(connection, opts=opts)
    return list(compare_metadata(context, Base.metadata))


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_the_migrations_and_the_models_say_the_same(databases: Databases) -> None:
    assert await _looked_at(_settings(databases).database, _drift) == []


async def test_migrations_go_down_and_up_again(databases: Databases) -> None:
    settings = _settings(databases)
    config = migrating.config(settings.database)
    await asyncio.to_thread(command.downgrade, config, "base")
    assert await _looked_at(settings.database, _tables) <= {"alembic_version"}
    await schema.upgrade(settings)
    assert await _looked_at(settings.database, _drift) == []
    assert await schema.current(settings.database) == schema.newest()


async def test_series_from_before_0002_go_on_as_they_were(databases: Databases) -> None:
    """How people come along was not asked then, and other servers were told: not by us."""
    settings = _settings(databases)
    await asyncio.to_thread(command.downgrade, migrating.config(settings.database), "0001")
    database = Database(settings.database)
    async with database.write() as session:
        draft = {"event": {"title": "Choir"}, "owner": None, "tell": True}
        session.add(Series(rule="FREQ=WEEKLY", starts_at=now(), timezone="UTC", draft=draft))
    await schema.upgrade(settings)
    async with database.read() as session:
        (series,) = await session.scalars(select(Series))
    await database.close()
    assert series.draft["event"] == {"title": "Choir", "joining": "external"}

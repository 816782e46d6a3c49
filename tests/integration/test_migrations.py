"""The migrations make exactly the tables that the models describe, and take them away again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Uuid, bindparam, column, insert, inspect, select, table, text

from hub import migrating, schema
from hub.core.clock import now
from hub.core.db import Base, Database, UTCDateTime
from hub.core.settings import Settings
from hub.entries import publishing, search
from hub.entries.models import Entry
from hub.entries.queries import Filter, conditions
from hub.events.models import Series
from hub.fediverse.models import Tombstone
from hub.people.models import Person, Session, SignInLink
from tests.conftest import Databases, MakeHub, Running

KINDS: dict[str, Any] = {"person": Uuid(), "at": UTCDateTime(), "soon": UTCDateTime()}


def _settings(databases: Databases) -> Settings:
    return Settings(_env_file=None, database_url=databases.fresh(), timezone="UTC")


async def _looked_at(address: str, look: Any) -> Any:
    database = Database(address)
    try:
        async with database.writer.connect() as connection:
            return await connection.run_sync(look)
    finally:
        await database.close()


def drift(connection: Connection) -> list[Any]:
    """How the tables are otherwise than the models say."""

    def of_models(_object: Any, name: str | None, *_: Any) -> bool:
        # The index of words and that of bytes are the databases' own: no model could say them.
        own = ("entry_words", "search_vector", "ix_entry_search_vec", "ix_inbox_activity_uri_bytes")
        return not (name or "").startswith(own)

    opts = {"compare_type": True, "include_object": of_models}
    context = MigrationContext.configure(connection, opts=opts)
    return list(compare_metadata(context, Base.metadata))


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_the_migrations_and_the_models_say_the_same(databases: Databases) -> None:
    assert await _looked_at(_settings(databases).database, drift) == []


async def test_migrations_go_down_and_up_again(databases: Databases) -> None:
    settings = _settings(databases)
    config = migrating.config(settings.database)
    await asyncio.to_thread(command.downgrade, config, "base")
    assert await _looked_at(settings.database, _tables) <= {"alembic_version"}
    await schema.upgrade(settings)
    assert await _looked_at(settings.database, drift) == []
    assert await schema.current(settings.database) == schema.newest()


async def test_each_migration_says_who_may_use_the_tables_after_it(databases: Databases) -> None:
    """And the tables say so: the number of the oldest code that can (R26)."""
    settings = _settings(databases)
    scripts = ScriptDirectory.from_config(migrating.config(settings.database))
    numbers = schema.numbers()
    for number in numbers[numbers.index("0033") :]:
        oldest = scripts.get_revision(number).module.works_with
        assert "0033" <= oldest <= number, number
        assert oldest in numbers, number
    there = await schema.look(settings.database)
    newest = scripts.get_revision(schema.newest()).module.works_with
    assert there == schema.Tables(schema.newest(), newest)


@pytest.mark.parametrize(
    ("at", "oldest", "fit"),
    [("0033", "0033", True), ("0034", "0033", True), ("0035", "0034", False), ("0031", "", False)],
)
def test_a_version_uses_newer_tables_as_long_as_they_let_it(
    monkeypatch: pytest.MonkeyPatch, at: str, oldest: str, fit: bool
) -> None:
    monkeypatch.setattr(schema, "newest", lambda: "0033")
    assert schema.Tables(at, oldest or at).fit is fit


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


async def test_people_links_and_sessions_from_before_0010_go_on_as_they_were(
    databases: Databases,
) -> None:
    settings = _settings(databases)
    config = migrating.config(settings.database)
    await asyncio.to_thread(command.downgrade, config, "0007")
    database = Database(settings.database)
    given = {"person": uuid4(), "at": now(), "soon": now() + timedelta(days=1)}
    statements = (
        "INSERT INTO person (id, name, role, created_at) VALUES (:person, 'Ann', 'steward', :at)",
        "INSERT INTO session (digest, person_id, created_at, expires_at)"
        " VALUES ('s', :person, :at, :soon)",
        "INSERT INTO sign_in_link (digest, person_id, role, created_at, expires_at, used_at)"
        " VALUES ('used', :person, 'steward', :at, :soon, :at)",
        "INSERT INTO sign_in_link (digest, person_id, role, created_at, expires_at)"
        " VALUES ('open', :person, 'steward', :at, :soon)",
    )
    async with database.write() as session:
        for statement in statements:
            made = text(statement).bindparams(
                *(bindparam(name, type_=KINDS[name]) for name in given if f":{name}" in statement)
            )
            await session.execute(made, given)
    await schema.upgrade(settings)
    async with database.read() as session:
        person = (await session.scalars(select(Person))).one()
        (device,) = await session.scalars(select(Session))
        links = {link.digest: link.uses_left for link in await session.scalars(select(SignInLink))}
    await database.close()
    assert (person.notices, person.email, person.stop_secret) == ("now", None, None)
    assert (device.last_used_at, device.role, device.device) == (device.created_at, None, "")
    assert links == {"used": 0, "open": 1}
    await asyncio.to_thread(command.downgrade, config, "0007")
    await schema.upgrade(settings)
    assert await _looked_at(settings.database, drift) == []
    await database.close()


async def test_tombstones_from_before_0009_hold_as_they_did(databases: Databases) -> None:
    """Nobody wrote down then who had said it; going back, only what holds for all is kept."""
    settings = _settings(databases)
    config = migrating.config(settings.database)
    database = Database(settings.database)
    await asyncio.to_thread(command.downgrade, config, "0007")
    old = table("tombstone", column("uri"), column("deleted_at", Tombstone.deleted_at.type))
    async with database.write() as session:
        await session.execute(insert(old).values(uri="https://a.example/1", deleted_at=now()))
    await schema.upgrade(settings)
    async with database.write() as session:
        session.add(Tombstone(uri="https://a.example/1", said_by="https://a.example/bob"))
        session.add(Tombstone(uri="https://a.example/2", said_by="https://a.example/bob"))
    async with database.read() as session:
        assert await publishing.is_gone(session, "https://a.example/1", "https://a.example/ada")
        assert not await publishing.is_gone(session, "https://a.example/2", "https://a.example/ada")
    await asyncio.to_thread(command.downgrade, config, "0007")
    async with database.read() as session:
        assert list(await session.scalars(select(old.c.uri))) == ["https://a.example/1"]
    await database.close()


async def test_entries_from_before_0013_are_found_and_0014_leaves_no_news_behind(
    make_hub: MakeHub,
) -> None:
    hub: Running = await make_hub()
    settings = hub.services.settings
    for path, members in (
        ("offers", {"title": "Vélo", "location": "Lange Straße", "tags": ["bike"]}),
        ("news", {"title": "The fountain runs", "description": "Again."}),
    ):
        answer = await hub.web.post(f"/api/v1/{path}", json=members, headers=hub.steward)
        assert answer.status_code == 201
    await hub.services.db.close()
    config = migrating.config(settings.database)
    await asyncio.to_thread(command.downgrade, config, "0007")
    old = sa.table("entry", sa.column("title"), sa.column("search_text"))
    database = Database(settings.database)
    async with database.write() as session:
        # As the filters of that time left it.
        before = "velo lange strasse, please! #bike \x1flange strasse\x1f"
        await session.execute(sa.update(old).values(search_text=before))
        assert list(await session.scalars(sa.select(old.c.title))) == ["Vélo"]
    await schema.upgrade(settings)
    assert await _looked_at(settings.database, drift) == []
    async with database.read() as session:
        for q in ("velo", "strasse", "bike", '"lange strasse" -fountain', "pleas"):
            numbers = list(await session.scalars(search.hits(session, search.question(q))))
            assert len(numbers) == 1, q
        found = Filter(tag="bike", place="lange")
        assert len((await session.scalars(sa.select(Entry).where(*conditions(found)))).all()) == 1
    await database.close()

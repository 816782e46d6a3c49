"""Saving a hub, making it anew elsewhere, and taking it from one kind of database to the other."""

from __future__ import annotations

import asyncio
import json
import shutil
import stat
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import REGCLASS

from hub import migrating, schema
from hub.core.db import Base, Database
from hub.core.errors import CommandFailed
from hub.core.settings import Settings
from hub.entries import search
from hub.fediverse import follows
from hub.keeping import phrase, restoring, saving, tables, upgrading
from hub.keeping.archive import MANIFEST, SIGNED, Reader, signature
from tests.conftest import ENGINE, Databases, MakeHub, Running, settle, started
from tests.integration.faults.test_saved import elsewhere, key_of, picture
from tests.towns import EVENT

SEEN = "/api/v1/events?origin=all"

SEVERAL = pytest.mark.skipif(ENGINE == "sqlite", reason="SQLite has one process")


async def _post(hub: Running, **given: Any) -> dict[str, Any]:
    answer = await hub.web.post("/api/v1/events", json={**EVENT, **given}, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


async def _rows(address: str) -> dict[str, set[str]]:
    """Every row of every table, as the database itself says it."""
    database = Database(address)
    try:
        async with database.read() as session:
            return {
                name: {repr(tuple(row)) for row in await session.execute(sa.select(table))}
                for name, table in Base.metadata.tables.items()
            }
    finally:
        await database.close()


# ------------------------------------------------------------------------- from backup to hub


async def test_t03_a_restored_hub_goes_on_where_it_was(
    make_hub: MakeHub, databases: Databases, tmp_path: Path
) -> None:
    """The same keys, followers and pictures; who followed gets the next post."""
    south: Running = await make_hub("south.example")
    settings = Settings(
        _env_file=None,
        url="https://north.example",
        data_dir=tmp_path / "old",
        database_url=databases.fresh(),
        name="North",
        timezone="Europe/Berlin",
    )
    async with started(settings, south.wire) as north:
        await follows.follow(south.services, "@events@north.example")
        await settle(north, south)
        shown = await _post(north, title="Choir", image={"data": picture(7), "alt": "A colour"})
        actor = (await north.web.get("/actors/events", headers={"Accept": "*/*"})).json()
        path = await saving.save(settings)
    again = elsewhere(settings, tmp_path / "new", databases.fresh())
    done = await restoring.restore(again, path, key_of(settings), only_try=False)
    assert (done.tried, done.pictures, done.manifest.url) == (False, 1, settings.url)
    assert await _rows(again.database) == await _rows(settings.database)
    async with started(again, south.wire) as north:
        assert (await north.web.get("/actors/events", headers={"Accept": "*/*"})).json() == actor
        assert (await north.web.get(shown["image"]["url"])).status_code == 200
        await _post(north, title="Repair café")
        await settle(north, south)
        listed = (await south.web.get(SEEN)).json()["items"]
        assert {item["title"] for item in listed} == {"Choir", "Repair café"}


async def test_h4_a_backup_is_for_its_owner_alone_and_holds_no_key_in_the_clear(
    hub: Running,
) -> None:
    settings = hub.services.settings
    (settings.data_dir / "hub.env").write_text("HUB_SMTP_URL=smtp://me:very-secret@mail.example\n")
    phrase.make(settings.data_dir)
    path = await saving.save(settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    master = (settings.data_dir / "secret.key").read_bytes()
    with zipfile.ZipFile(path) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    for secret in (b"PRIVATE KEY", b"very-secret", master, master.hex().encode()):
        assert secret not in everything
        assert secret not in path.read_bytes()


async def test_nothing_that_is_there_is_replaced_and_a_backup_can_be_tried_beside_it(
    hub: Running,
) -> None:
    settings = hub.services.settings
    await _post(hub)
    path = await saving.save(settings)
    await _post(hub, title="After it")
    before = await _rows(settings.database)
    with pytest.raises(CommandFailed, match="There is a hub in"):
        await restoring.restore(settings, path, key_of(settings), only_try=False)
    done = await restoring.restore(settings, path, key_of(settings), only_try=True)
    assert done.tried
    assert done.rows > 0
    assert await _rows(settings.database) == before
    left = {each.name for each in settings.data_dir.iterdir()}
    assert left <= {"backups", "media", "secret.key"}, "what was tried is gone again"


async def test_h4_the_phrase_opens_a_backup_and_no_other_does(
    hub: Running, databases: Databases, tmp_path: Path
) -> None:
    settings = hub.services.settings
    words = phrase.make(settings.data_dir)
    path = await saving.save(settings)
    again = elsewhere(settings, tmp_path / "new", databases.fresh())

    def by(text: str) -> Callable[[Any], bytes]:
        (tmp_path / "phrase").write_text(text)
        return lambda manifest: phrase.master_key(
            manifest.recovery,
            again.data_dir,
            key_file_given=None,
            phrase_file=tmp_path / "phrase",
            ask=None,
        )

    with pytest.raises(CommandFailed, match="Give the recovery phrase as --phrase-file"):
        phrase.master_key(b"x", again.data_dir, key_file_given=None, phrase_file=None, ask=None)
    with pytest.raises(CommandFailed, match="opens only with the hub's file"):
        phrase.master_key(None, again.data_dir, key_file_given=None, phrase_file=None, ask=None)
    other = phrase.make(settings.data_dir)
    with pytest.raises(CommandFailed, match="not the recovery phrase"):
        await restoring.restore(again, path, by(other), only_try=False)
    with pytest.raises(CommandFailed, match="has 8 words"):
        await restoring.restore(again, path, by("open sesame"), only_try=False)
    await restoring.restore(again, path, by(words.upper().replace(" ", "-\n")), only_try=False)
    assert key_of(again)(None) == key_of(settings)(None)


async def test_another_hubs_key_is_left_alone(
    hub: Running, databases: Databases, tmp_path: Path
) -> None:
    settings = hub.services.settings
    path = await saving.save(settings)
    again = elsewhere(settings, tmp_path / "new", databases.fresh())
    again.data_dir.mkdir()
    (again.data_dir / "secret.key").write_bytes(b"k" * 32)
    with pytest.raises(CommandFailed, match="does not belong to this key"):
        await restoring.restore(again, path, key_of(again), only_try=False)
    with pytest.raises(CommandFailed, match="is the key of another hub"):
        await restoring.restore(again, path, key_of(settings), only_try=False)
    assert key_of(again)(None) == b"k" * 32


# ------------------------------------------------------------------------- damage


def _without(path: Path, name: str, content: bytes | None = None) -> None:
    """The archive with one member changed, or left out, and all else as it was."""
    with zipfile.ZipFile(path) as old:
        members = {each: old.read(each) for each in old.namelist()}
    assert name in members
    members.pop(name)
    if content is not None:
        members[name] = content
    with zipfile.ZipFile(path, "w") as new:
        for each, held in members.items():
            new.writestr(each, held)


def _cut(share: float) -> Callable[[Path, bytes], None]:
    def cut(path: Path, _key: bytes) -> None:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return cut


def _another_title(path: Path, _key: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        rows = archive.read("tables/entry.jsonl")
    assert b"Choir" in rows
    _without(path, "tables/entry.jsonl", rows.replace(b"Choir", b"Chaos"))


def _another_picture(path: Path, _key: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        (name,) = (each for each in archive.namelist() if each.startswith("media/"))
    _without(path, name, b"RIFF")


def _no_table(path: Path, _key: bytes) -> None:
    _without(path, "tables/peer.jsonl")


def _another_manifest(path: Path, _key: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        told = json.loads(archive.read(MANIFEST))
    _without(path, MANIFEST, json.dumps({**told, "url": "https://bad.example"}).encode())


def _of_tomorrow(path: Path, key: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        told = json.loads(archive.read(MANIFEST))
    document = json.dumps({**told, "revision": "9999"}).encode()
    _without(path, MANIFEST, document)
    _without(path, SIGNED, signature(document, key))


def _more_than_was_saved(path: Path, _key: bytes) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("media/../../evil", b"")


def _a_bit(path: Path, _key: bytes) -> None:
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("tables/entry.jsonl")
    data[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 1
    path.write_bytes(data)


HARMS: dict[str, Callable[[Path, bytes], object]] = {
    "is not a whole backup": _cut(0.5),
    "is not a whole backup of": _cut(0.999),
    "or was broken off": lambda path, _: path.write_bytes(b""),
    "cannot be read: No such file": lambda path, _: path.unlink(),
    r"entry\.jsonl is not as it was": _a_bit,
    r"tables/entry\.jsonl is not as it was saved": _another_title,
    "media/.* is not as it was saved": _another_picture,
    r"tables/peer\.jsonl is not as it was saved": _no_table,
    "evil is not as it was saved": _more_than_was_saved,
    "another hub's, or was changed": _another_manifest,
    "of a newer version": _of_tomorrow,
}


async def test_a_backup_that_was_broken_off_or_changed_is_refused_by_name(
    hub: Running, databases: Databases, tmp_path: Path
) -> None:
    settings = hub.services.settings
    await _post(hub, title="Choir", image={"data": picture(3), "alt": "A colour"})
    whole = await saving.save(settings)
    again = elsewhere(settings, tmp_path / "new", databases.fresh())
    for told, harm in HARMS.items():
        path = tmp_path / "harmed.zip"
        shutil.copy(whole, path)
        harm(path, key_of(settings)(None))
        with pytest.raises(CommandFailed, match=told):
            await restoring.restore(again, path, key_of(settings), only_try=False)
        assert await restoring.is_empty(again.database), "the place is as empty as before"
    assert not (tmp_path / "evil").exists()
    await restoring.restore(again, whole, key_of(settings), only_try=False)


async def test_a_backup_that_is_broken_off_leaves_nothing(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = hub.services.settings
    kept = await saving.save(settings)

    async def broken(self: Any) -> AsyncIterator[tables.Batch]:
        yield "entry", ("id",), [b"[]"]
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tables.Snapshot, "batches", broken)
        with pytest.raises(CommandFailed, match="No space left"):
            await saving.save(settings)
    zips = [each.name for each in kept.parent.iterdir() if each.name.startswith("hub-")]
    assert zips == [kept.name]


async def test_a_full_disk_gets_no_backup(hub: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "SPARE_BYTES", 1 << 60)
    with pytest.raises(CommandFailed, match="There is no room for a backup"):
        await saving.save(hub.services.settings)


async def test_the_oldest_backups_go(hub: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = hub.services.settings.model_copy(update={"backups_kept": 2})
    moments = iter(datetime(2026, 11, day, tzinfo=UTC) for day in range(1, 30))
    monkeypatch.setattr(saving, "now", lambda: next(moments))
    made = [await saving.save(settings) for _ in range(4)]
    assert [path.exists() for path in made] == [False, False, True, True]


# ------------------------------------------------------------------------- between databases


def _value(column: sa.Column[Any], number: int) -> Any:
    """Something hard to carry, of the column's type."""
    values: dict[type[Any], Any] = {
        sa.Uuid: uuid4(),
        sa.Boolean: True,
        sa.JSON: {"größe": [1, 2.5, None, "\u0001 \u2028 😀"], "z": True, "a": {}},
        sa.LargeBinary: bytes(range(256)),
        sa.BigInteger: 2**40 + number,
        sa.Integer: number + 1,
        sa.Float: 0.1 + number,
        sa.String: f"{column.name} {number} “ä” 'quoted', \\ tab\t 😀",
    }
    moment = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC) + timedelta(days=number)
    kinds = (kind for kind in values if isinstance(column.type, kind))
    return next((values[kind] for kind in kinds), moment)


async def _furnish(address: str) -> None:
    """One more row in each table, with every column filled."""
    database = Database(address)
    firsts: dict[str, dict[str, Any]] = {}
    async with database.write() as session:
        if database.is_sqlite:
            await session.execute(sa.text("PRAGMA defer_foreign_keys=ON"))
        for number, table in enumerate(Base.metadata.sorted_tables):
            row = {column.name: _value(column, number) for column in table.columns}
            for column in table.columns:
                for tie in column.foreign_keys:
                    other = firsts.get(tie.column.table.name)
                    row[column.name] = other[tie.column.name] if other else row.get("id")
            firsts[table.name] = row
            await session.execute(sa.insert(table).values(row))
    await database.close()


@pytest.mark.skipif(ENGINE == "sqlite", reason="it needs both databases; the other run has them")
async def test_r30_from_sqlite_to_postgresql_and_back_nothing_differs(
    databases: Databases, tmp_path: Path, make_hub: MakeHub
) -> None:
    first = f"sqlite:///{tmp_path}/first.db"
    await schema.make(first.replace("sqlite:", "sqlite+aiosqlite:"), schema.newest())
    hub: Running = await make_hub(database_url=first)
    await _post(hub, title="Choir", image={"data": picture(3), "alt": "A colour"})
    settings = hub.services.settings
    await _furnish(settings.database)
    before = await _rows(settings.database)
    assert [name for name, rows in before.items() if not rows] == [], "every table has rows"
    second = databases.fresh()
    count = await restoring.copy(settings, second)
    assert count == sum(len(rows) for rows in before.values())
    there = elsewhere(settings, tmp_path / "there", second)
    assert await _rows(there.database) == before
    third = f"sqlite:///{tmp_path}/third.db"
    await restoring.copy(there, third)
    back = elsewhere(settings, tmp_path / "back", third)
    assert await _rows(back.database) == before
    await _goes_on_counting(there)
    await _is_found(there)
    await _is_found(back)


async def _goes_on_counting(settings: Settings) -> None:
    """PostgreSQL's numbers come after those that were brought along."""
    database = Database(settings.database)
    async with database.write() as session:
        for table in Base.metadata.sorted_tables:
            key = table.autoincrement_column
            if key is None:
                continue
            last = await session.scalar(sa.select(sa.func.max(key)))
            sequence = sa.func.pg_get_serial_sequence(f'"{table.name}"', key.name)
            following = sa.select(sa.func.nextval(sa.cast(sequence, REGCLASS)))
            assert await session.scalar(following) == (last or 0) + 1, table.name
    await database.close()


async def _is_found(settings: Settings) -> None:
    """The index of words came to be again by itself."""
    database = Database(settings.database)
    async with database.read() as session:
        assert list(await session.scalars(search.hits(session, search.question("choir"))))
    await database.close()


async def test_a_database_with_something_in_it_is_left_alone(
    hub: Running, make_hub: MakeHub
) -> None:
    other: Running = await make_hub("other.example")
    before = await _rows(other.services.settings.database)
    with pytest.raises(CommandFailed, match="There is something in that database already"):
        await restoring.copy(hub.services.settings, other.services.settings.database_url)
    assert await _rows(other.services.settings.database) == before
    with pytest.raises(CommandFailed, match="must begin with sqlite"):
        await restoring.copy(hub.services.settings, "mysql://x")


async def test_rows_that_belong_to_nothing_are_refused(hub: Running, databases: Databases) -> None:
    settings = hub.services.settings

    async def one() -> AsyncIterator[tables.Batch]:
        async with tables.snapshot(settings.database) as snapshot:
            async for name, columns, lines in snapshot.batches():
                yield name, columns, () if name == "actor" else lines

    target = Settings(_env_file=None, database_url=databases.fresh())
    with pytest.raises(CommandFailed, match=r"not there|foreign key"):
        await tables.load(target.database, one())
    assert await restoring.is_empty(target.database)


# ------------------------------------------------------------------------- upgrades


async def test_t02_an_upgrade_saves_the_rows_first_and_the_way_back_works(
    hub: Running, tmp_path: Path
) -> None:
    """The archive is of the older tables, and becomes a hub of today as well."""
    settings = hub.services.settings
    await _post(hub, title="Choir")
    await hub.services.db.close()
    config = migrating.config(settings.database)
    await asyncio.to_thread(command.downgrade, config, "0017")
    older = await schema.current(settings.database)
    path = await upgrading.upgrade(settings)
    assert path is not None
    assert path.name == f"before-{schema.newest()}-from-{older}.zip"
    assert await upgrading.upgrade(settings) is None, "there is nothing to do, and nothing to save"
    reader = Reader(path)
    assert (reader.manifest.revision, reader.manifest.media) == (older, False)
    reader.close()
    fresh = f"sqlite:///{tmp_path}/new/hub.db"
    again = elsewhere(settings, tmp_path / "new", fresh)
    await restoring.restore(again, path, key_of(settings), only_try=False)
    assert await schema.current(again.database) == older
    await upgrading.upgrade(again)
    assert "Choir" in repr((await _rows(again.database))["entry"])


@SEVERAL
async def test_t02_of_processes_that_start_at_once_one_saves_and_upgrades(hub: Running) -> None:
    settings = hub.services.settings
    await hub.services.db.close()
    await asyncio.to_thread(command.downgrade, migrating.config(settings.database), "0017")
    saved = await asyncio.gather(*(upgrading.upgrade(settings) for _ in range(3)))
    assert len([path for path in saved if path is not None]) == 1
    assert await schema.current(settings.database) == schema.newest()


@SEVERAL
async def test_a_database_that_is_not_there_is_told_in_a_sentence(
    hub: Running, tmp_path: Path
) -> None:
    address = hub.services.settings.database_url.rpartition("/")[0]
    gone = Settings(_env_file=None, data_dir=tmp_path, database_url=f"{address}/not_there")
    with pytest.raises(CommandFailed) as failed:
        await upgrading.upgrade(gone)
    said = 'The database cannot be used: database "not_there" does not exist'
    assert str(failed.value) == said


@SEVERAL
async def test_a_turn_ends_well_though_its_connection_is_lost_meanwhile(hub: Running) -> None:
    database, number = hub.services.db, 4711
    holders = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objid = 4711")
    async with database.turn(number), database.write() as session:
        await session.execute(holders)

    async def fail() -> None:
        async with database.turn(number):
            async with database.write() as session:
                await session.execute(holders)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with asyncio.timeout(5), database.turn(number):
        pass


@pytest.mark.parametrize(
    ("said", "sqlite", "postgresql"),
    [("sqlite", True, False), ("always", True, True), ("never", False, False)],
)
def test_whether_an_upgrade_saves_is_as_the_settings_say(
    said: str, sqlite: bool, postgresql: bool
) -> None:
    for address, wanted in (("sqlite:///hub.db", sqlite), ("postgresql://a/hub", postgresql)):
        settings = Settings(
            _env_file=None,
            database_url=address,
            backup_before_upgrade=said,
        )
        assert upgrading.wanted(settings) is wanted


def test_the_phrase_is_kept_nowhere_and_its_words_can_be_said(tmp_path: Path) -> None:
    key = b"m" * 32
    (tmp_path / "secret.key").write_bytes(key)
    words = phrase.make(tmp_path)
    assert all(phrase.WORD.fullmatch(word) for word in words.split(" "))
    assert stat.S_IMODE((tmp_path / phrase.FILE).stat().st_mode) == 0o600
    sealed = phrase.sealed(tmp_path)
    assert sealed is not None
    assert key not in sealed
    assert phrase.open_with(words, sealed) == key

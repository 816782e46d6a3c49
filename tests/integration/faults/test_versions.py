"""R25, R26, R27: upgrades that are killed, that run beside the old version, that are taken back."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from alembic import command
from sqlalchemy import func, select, update

from hub import migrating, schema
from hub.core.db import Database
from hub.core.errors import CommandFailed
from hub.entries.models import Entry
from hub.keeping import tables
from tests.conftest import Databases, MakeHub, Running
from tests.integration.faults import tracing
from tests.integration.faults.scale import ENGINE, SOAK, noted, patience, scaled
from tests.integration.test_migrations import drift
from tests.processes import ROOT, HubProcess
from tests.towns import EVENT
from tests.versions import NARROWER, WIDER, newer

RESTARTS = scaled(3, 60)
POSTS = scaled(6, 300)
ROWS = scaled(16, 4_000)
PADDING = 250_000 if SOAK else 0  # characters of each: with 4,000 rows a gigabyte
LONG = 100  # characters
LONG_AGO = "0022"  # before tables of entries were made anew, and much else
EARLIER = "0031"  # the last before tables said who may use them
DURABLE = tracing.DURABLE if ENGINE == "sqlite" else "sendto"


async def _fill(hub: Running, count: int) -> None:
    """A neighbourhood's entries, one of each kind that there was long ago, in turn."""
    bodies: dict[str, dict[str, Any]] = {
        "events": {**EVENT, "tags": ["choir"]},
        "offers": {"kind": "item", "mode": "lend"},
        "wants": {"kind": "skill", "visibility": "hub"},
        "news": {"description": "Größe & <b>more</b>"},
    }
    for number in range(count):
        path, body = list(bodies.items())[number % len(bodies)]
        sent = {**body, "title": f"No {number} 😀"}
        answer = await hub.web.post(f"/api/v1/{path}", json=sent, headers=hub.steward)
        assert answer.status_code == 201, answer.text


async def _pad(hub: Running) -> int:
    """Make contents long, each in its own way; how many megabytes they are then."""
    text = random.Random(27).randbytes(PADDING // 2).hex()
    async with hub.services.db.write() as session:
        for number, key in enumerate((await session.scalars(select(Entry.id))).all()):
            turned = text[number:] + text[:number]
            longer = {"content": Entry.content + turned}
            await session.execute(update(Entry).where(Entry.id == key).values(longer))
        return (await session.scalar(select(func.sum(func.length(Entry.content)))) or 0) >> 20


async def _down(address: str, revision: str) -> None:
    await asyncio.to_thread(command.downgrade, migrating.config(address), revision)


async def _drift(address: str) -> list[Any]:
    database = Database(address)
    try:
        async with database.writer.connect() as connection:
            return await connection.run_sync(drift)
    finally:
        await database.close()


Content = dict[str, list[dict[str, Any]]]


async def _content(address: str) -> Content:
    """All rows of all tables, in an order of their own; of what is long, its digest."""
    found: Content = {}
    async with tables.snapshot(address) as snapshot:
        async for table, columns, lines in snapshot.batches():
            rows = [
                dict(zip(columns, map(_short, json.loads(line)), strict=True)) for line in lines
            ]
            found.setdefault(table, []).extend(rows)
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


def _short(value: Any) -> Any:
    is_long = isinstance(value, str) and len(value) > LONG
    return hashlib.sha256(value.encode()).hexdigest() if is_long else value


def _as_seen_by(older: Content, newer: Content) -> Content:
    """Of the newer rows what the older tables have: a column that is not there is not compared."""
    seen: Content = {}
    for table, rows in older.items():
        columns = set(rows[0]) if rows else set()
        kept = [{name: row[name] for name in row if name in columns} for row in newer[table]]
        seen[table] = sorted(kept, key=repr)
    return seen


# ------------------------------------------------------------------------------ R25


def _migrate(address: str, *strace: str) -> int:
    """How the process of the migrations ended."""
    done = subprocess.run(
        [*strace, sys.executable, "-m", "hub.migrating"],
        cwd=ROOT,
        env={**os.environ, schema.ADDRESS: address, schema.UNTIL: schema.newest()},
        capture_output=True,
        check=False,
    )
    return done.returncode


@pytest.mark.slow
@pytest.mark.skipif(tracing.why_not() is not None, reason=str(tracing.why_not()))
@pytest.mark.timeout(patience(600, 3600))
async def test_r25_a_migration_that_is_killed_anywhere_is_done_by_the_next_start(
    make_hub: MakeHub, tmp_path: Path
) -> None:
    """Of SQLite at any request to the disk, of PostgreSQL at any word to the server."""
    hub: Running = await make_hub()
    address = hub.services.settings.database
    await _fill(hub, 8)
    await hub.services.db.close()
    await _down(address, LONG_AGO)
    before = await _content(address)
    log = tmp_path / "strace"
    watched = ("strace", "-f", "-qq", "-o", str(log), "-e")
    assert await asyncio.to_thread(_migrate, address, *watched, f"trace={DURABLE}") == 0
    requests = sum(DURABLE in line or "pwrite" in line for line in log.open(errors="replace"))
    after = await _content(address)
    halfway = 0
    with noted("R25", "migrations killed and started again") as figures:
        for number in range(RESTARTS):
            await _down(address, LONG_AGO)
            when = 1 + number * requests // RESTARTS
            kill = f"inject={DURABLE}:signal=KILL:when={when}"
            await asyncio.to_thread(_migrate, address, *watched, kill)
            there = await schema.look(address)
            assert there is not None
            halfway += LONG_AGO < there.at < schema.newest()
            await schema.upgrade(hub.services.settings)
            assert await schema.current(address) == schema.newest()
            assert await _drift(address) == []
            assert await _content(address) == after
        figures |= {"requests": requests, "kills": RESTARTS, "left halfway": halfway, "lost": 0}
    assert _as_seen_by(before, after)["entry"] == before["entry"]


# ------------------------------------------------------------------------------ R26


def _ready(hub: HubProcess) -> str:
    answer = httpx2.get(f"{hub.url}/readyz", trust_env=False).json()
    return str(answer["checks"]["migrations"])


def _ends(hub: HubProcess) -> str:
    """What a hub says that ends by itself with 1 when it is started."""
    done = subprocess.run(
        hub.program, cwd=hub.home, env=hub.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


async def _post(hub: HubProcess, token: str, more: asyncio.Event, stop: asyncio.Event) -> list[int]:
    """Post until told to stop, one after the other; every answer's status."""
    said: list[int] = []
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        headers = {"authorization": f"Bearer {token}"}
        while not stop.is_set():
            body = {**EVENT, "title": f"No {len(said)}"}
            url = f"{hub.url}/api/v1/events"
            said.append((await client.post(url, json=body, headers=headers)).status_code)
            more.set()
    return said


async def _a_few_more(more: asyncio.Event, *writers: asyncio.Task[list[int]]) -> None:
    """Wait until some more was posted; a writer that broke off is not waited for."""
    for _ in range(POSTS):
        more.clear()
        next_one = asyncio.create_task(more.wait())
        done, _ = await asyncio.wait({next_one, *writers}, return_when=asyncio.FIRST_COMPLETED)
        for writer in done & set(writers):
            raise AssertionError(f"a writer ended: {writer.result()}")


@pytest.mark.slow
@pytest.mark.timeout(patience(600, 1800))
async def test_r26_the_old_version_goes_on_beside_the_new_one_and_a_later_one_refuses_it(
    tmp_path: Path, databases: Databases
) -> None:
    """On PostgreSQL both work at once, under load; on SQLite, which has one process, in turn."""
    shared = {} if ENGINE == "sqlite" else {"HUB_DATABASE_URL": databases.fresh()}
    next_one = newer(tmp_path / "next")
    old = HubProcess(tmp_path / "hub", env=shared)
    new = HubProcess(tmp_path / "hub", env=shared, home=next_one)
    new.env = {**shared, "HUB_URL": old.url}
    try:
        await asyncio.to_thread(old.start)
        token = await asyncio.to_thread(old.token)
        with noted("R26", "two versions at one database") as figures:
            answers = await (_together if shared else _in_turn)(old, new, token)
            assert set(answers) == {201}, "nobody noticed"
            events = await asyncio.to_thread(old.everything, "events")
            assert len(events) == len(answers)
            figures |= {"posts": len(answers), "turned away": 0, "lost": 0}
        later = HubProcess(tmp_path / "hub", env=shared, home=newer(tmp_path / "l", narrows=True))
        if not shared:
            old.stop()
        later.command("migrate")
        if shared:
            assert "newer version; install that" in _ready(old)
            old.stop()
        said = await asyncio.to_thread(_ends, old)
        assert f"tables are those of {NARROWER}" in said
        assert f"hub migrate --to {schema.newest()}" in said
        later.command("migrate", "--to", schema.newest())
        await asyncio.to_thread(old.start)
        assert len(await asyncio.to_thread(old.everything, "events")) == len(answers)
    finally:
        for each in (old, new):
            with suppress(ProcessLookupError):
                each.stop()


async def _together(old: HubProcess, new: HubProcess, token: str) -> list[int]:
    more, stop = asyncio.Event(), asyncio.Event()
    writers = [asyncio.create_task(_post(old, token, more, stop))]
    await _a_few_more(more, *writers)
    await asyncio.to_thread(new.start)
    writers.append(asyncio.create_task(_post(new, token, more, stop)))
    await _a_few_more(more, *writers)
    assert await asyncio.to_thread(_ready, old) == await asyncio.to_thread(_ready, new) == "ok"
    stop.set()
    answers = [status for said in await asyncio.gather(*writers) for status in said]
    await asyncio.to_thread(old.stop)
    await asyncio.to_thread(old.start)
    await asyncio.to_thread(new.stop)
    return answers


async def _in_turn(old: HubProcess, new: HubProcess, token: str) -> list[int]:
    answers: list[int] = []
    for hub in (old, new, old):
        if hub.process is None or hub.process.poll() is not None:
            await asyncio.to_thread(hub.start)
        more, stop = asyncio.Event(), asyncio.Event()
        writer = asyncio.create_task(_post(hub, token, more, stop))
        await _a_few_more(more, writer)
        assert await asyncio.to_thread(_ready, hub) == "ok"
        stop.set()
        answers += await writer
        if hub is not old or len(answers) < 2 * POSTS:
            await asyncio.to_thread(hub.stop)
    assert "which this one can use" in old.log()
    return answers


# ------------------------------------------------------------------------------ R27


@pytest.mark.timeout(patience(600, 3600))
async def test_r27_an_upgrade_that_is_taken_back_and_made_again_leaves_the_rows_as_they_were(
    make_hub: MakeHub,
) -> None:
    hub: Running = await make_hub()
    settings = hub.services.settings
    await _fill(hub, ROWS)
    await hub.work()
    megabytes = await _pad(hub)
    await hub.services.db.close()
    up = await _content(settings.database)
    with noted("R27", "an upgrade taken back and made again") as figures:
        await schema.take_back(settings.database, EARLIER)
        assert await schema.current(settings.database) == EARLIER
        down = await _content(settings.database)
        assert _as_seen_by(down, up) == down, "the older version finds all that it knows"
        await schema.upgrade(settings)
        assert _as_seen_by(down, await _content(settings.database)) == down
        assert await _drift(settings.database) == []
        figures |= {"rows": sum(map(len, up.values())), "megabytes": megabytes}
        figures |= {"otherwise than before": 0}
    for number in ("0000", schema.newest(), WIDER):
        with pytest.raises(CommandFailed, match="cannot be taken back"):
            await schema.take_back(settings.database, number)

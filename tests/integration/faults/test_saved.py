"""R28: a hub is saved while it is written to, and each backup has what was acknowledged before."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from hub.core.db import Database
from hub.core.settings import Settings
from hub.entries.models import Entry, Picture
from hub.keeping import restoring, saving
from tests.conftest import Databases, MakeHub, Running
from tests.integration.faults.scale import noted, patience, scaled
from tests.towns import EVENT

BACKUPS = scaled(2, 50)
WRITERS = 3
Acknowledged = dict[str, str]  # title: its picture's path, or nothing


def elsewhere(settings: Settings, folder: Path, address: str) -> Settings:
    """The same hub's settings on another machine."""
    given = settings.model_dump(exclude={"data_dir", "database_url"})
    return Settings(_env_file=None, **{**given, "data_dir": folder, "database_url": address})


def key_of(settings: Settings) -> Callable[[Any], bytes]:
    """What says the hub's master key."""
    return lambda _: (settings.data_dir / "secret.key").read_bytes()


def picture(number: int) -> str:
    """Another picture for every number."""
    made = io.BytesIO()
    colour = (number % 256, number // 256 % 256, 90)
    Image.new("RGB", (40, 30), colour).save(made, "PNG")
    return base64.b64encode(made.getvalue()).decode()


async def _write(hub: Running, writer: int, said: Acknowledged, more: asyncio.Event) -> None:
    number = 0
    while True:
        number += 1
        event: dict[str, Any] = {**EVENT, "title": f"Event {writer}/{number}"}
        if number % 4 == 1:
            event["image"] = {"data": picture(writer * 1000 + number), "alt": "A colour"}
        answer = await hub.web.post("/api/v1/events", json=event, headers=hub.steward)
        if answer.status_code == 201:
            shown = answer.json()["image"]
            said[event["title"]] = shown["url"].rpartition("/")[2] if shown else ""
            more.set()


async def _held(settings: Settings) -> Acknowledged:
    database = Database(settings.database)
    try:
        async with database.read() as session:
            rows = await session.execute(
                select(Entry.title, Picture.name).outerjoin(Picture, Picture.id == Entry.picture_id)
            )
            return {title: name or "" for title, name in rows}
    finally:
        await database.close()


@pytest.mark.timeout(patience(120, 3600))
async def test_r28_each_backup_has_what_was_acknowledged_before_it_began(
    make_hub: MakeHub, databases: Databases, tmp_path: Path
) -> None:
    hub: Running = await make_hub()
    settings = hub.services.settings
    said: Acknowledged = {}
    more = asyncio.Event()
    made: list[tuple[Path, Acknowledged]] = []
    with noted("R28", "saved under load, and restored") as figures:
        async with AsyncExitStack() as stack:
            for writer in range(WRITERS):
                task = asyncio.create_task(_write(hub, writer, said, more))
                stack.callback(task.cancel)
            for number in range(BACKUPS):
                at_least = len(said) + 4
                while len(said) < at_least:
                    await more.wait()
                    more.clear()
                before = dict(said)
                path = await saving.save(settings)
                made.append((path.rename(tmp_path / f"{number}.zip"), before))
        for path, before in made:
            again = elsewhere(settings, tmp_path / path.stem, databases.fresh())
            await restoring.restore(again, path, key_of(settings), only_try=False)
            held = await _held(again)
            assert {title: held.get(title) for title in before} == before
            names = {name for name in held.values() if name}
            assert {each.name for each in (again.data_dir / "media").iterdir()} >= names
        figures.update(backups=BACKUPS, acknowledged=len(said), missing=0)

"""Keeping what stewards chose, and letting every process of the hub know.

`services.settings` is replaced whole by what is in force then, so that nothing asks the database
for a setting. In another process at the same PostgreSQL that happens within two seconds; new keys
of our actors are taken up with it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors import keys
from hub.actors.models import ActorKey
from hub.audit import log as audit
from hub.core.db import Database, insert_for
from hub.core.errors import CommandFailed, Invalid
from hub.core.secrets import load_master_key
from hub.core.services import Services
from hub.core.settings import Settings
from hub.fediverse import naming
from hub.people.models import Person
from hub.setup import choices
from hub.setup.choices import SECRETS, Values
from hub.setup.models import Setting, SettingChange

log = logging.getLogger(__name__)

LOOKS_EVERY_S: Final = 1.5  # how long a change of another process goes unnoticed
MOST_SHOWN: Final = 30

Change = tuple[str, datetime, str | None]


async def kept(session: AsyncSession, data_dir: Path) -> dict[str, Any]:
    """What stewards chose, by name; the hub's master key lies in `data_dir`.

    Raises:
        CommandFailed: it was sealed with another master key.
    """
    rows = (await session.scalars(select(Setting))).all()
    return {row.name: _opened(row.name, row.value, data_dir) for row in rows}


async def take_up(services: Services) -> None:
    """Let what stewards chose be in force in this process."""
    async with services.db.read() as session:
        chosen = await kept(session, services.given.data_dir)
    services.settings = _fitting(services.given, chosen)


async def in_force(given: Settings, database: Database) -> Settings:
    """The settings of a hub that need not be running; as given, where it cannot be asked."""
    try:
        async with database.read() as session:
            return _fitting(given, await kept(session, given.data_dir))
    except (SQLAlchemyError, OSError, CommandFailed):
        return given  # what is wrong there is for others to say


async def change(
    services: Services, values: Values, by: UUID | None = None
) -> tuple[Settings, tuple[str, ...]]:
    """Choose anew, and be told by nobody's restart; what is in force now, and what differs.

    Followers are told of new names. `by` is None for the command line.

    Raises:
        Invalid: some value cannot be; nothing is changed then.
    """
    data_dir = services.given.data_dir
    async with services.db.write() as session:
        chosen = await kept(session, data_dir)
        before = _fitting(services.given, chosen)
        after = choices.settled(services.given, {**chosen, **values})
        differing = choices.changes(before, after)
        for name in differing:
            await _keep(session, name, getattr(after, name), data_dir)
            session.add(SettingChange(name=name, by_id=by))
            await audit.note(session, "setting", name)
        await session.flush()
        await naming.tell(session, services, after)
    services.settings = after
    return after, differing


async def imagined(services: Services, values: Values) -> Settings:
    """What would be in force, had these been chosen.

    Raises:
        Invalid: some value cannot be.
    """
    async with services.db.read() as session:
        chosen = await kept(session, services.given.data_dir)
    return choices.settled(services.given, {**chosen, **values})


async def log_of(session: AsyncSession) -> Sequence[Change]:
    """What was changed last: which setting, when, and by whom."""
    query = (
        select(SettingChange.name, SettingChange.at, Person.name)
        .outerjoin(Person, Person.id == SettingChange.by_id)
        .order_by(SettingChange.id.desc())
        .limit(MOST_SHOWN)
    )
    return [(row[0], row[1], row[2]) for row in await session.execute(query)]


@asynccontextmanager
async def followed(services: Services) -> AsyncIterator[None]:
    """Within the block, what other processes change is taken up here too."""
    if services.db.is_sqlite:
        yield
        return
    watch = asyncio.create_task(_follow(services), name="settings")
    try:
        yield
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch


# What grows with every change that other processes make, and what is done about it.
WATCHED: Final = ((SettingChange.id, take_up), (ActorKey.created_at, keys.take_up))


async def _follow(services: Services) -> None:
    known: list[Any] = [None for _ in WATCHED]
    while True:
        try:
            for place, (column, taken_up) in enumerate(WATCHED):
                async with services.db.read() as session:
                    newest = await session.scalar(select(func.max(column)))
                if newest != known[place]:
                    await taken_up(services)
                known[place] = newest
        except (SQLAlchemyError, OSError):
            log.warning("settings and keys cannot be read; they stay as they are")
        await asyncio.sleep(LOOKS_EVERY_S)


def _fitting(given: Settings, chosen: dict[str, Any]) -> Settings:
    """The settings in force, without what this version does not take any more."""
    try:
        return choices.settled(given, chosen)
    except Invalid as error:
        log.warning("these chosen settings do not fit any more: %s", ", ".join(error.fields))
        return choices.settled(
            given, {name: value for name, value in chosen.items() if name not in error.fields}
        )


async def _keep(session: AsyncSession, name: str, value: Any, data_dir: Path) -> None:
    text = json.dumps(value)
    if name in SECRETS:
        text = base64.b64encode(
            load_master_key(data_dir).seal(text.encode(), _label(name))
        ).decode()
    statement = insert_for(session, Setting).values(name=name, value=text)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": text})
    )


def _opened(name: str, text: str, data_dir: Path) -> Any:
    if name in SECRETS:
        master = load_master_key(data_dir)
        return json.loads(master.open(base64.b64decode(text), _label(name)))
    return json.loads(text)


def _label(name: str) -> str:
    return f"setting {name}"

"""How migrations reach the database: the hub's settings, or what the caller gives."""

from __future__ import annotations

import asyncio
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

import hub.events.models
import hub.exchange.models
import hub.fediverse.models
import hub.feeds.models
import hub.jobs.models
import hub.mail.models
import hub.news.models
import hub.people.models  # noqa: F401 - every table must be known
from hub.core.db import Base, Database
from hub.core.settings import load_settings

SAID_SINCE = "0033"  # the migration since which tables say who may use them


def say_who(ctx: MigrationContext, step: Any, heads: Any, run_args: Any) -> None:
    """Write down the oldest migration whose code can use the tables as they are now."""
    (at,) = heads or (None,)
    if at is None or at < SAID_SINCE:
        return
    oldest = context.script.get_revision(at).module.works_with
    if ctx.connection is not None:
        ctx.connection.execute(text("UPDATE alembic_version SET oldest = :it"), {"it": oldest})


def run(connection: Connection) -> None:
    """Run the migrations on an open connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        transaction_per_migration=True,
        on_version_apply=say_who,
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect() -> None:
    """Open the database that the caller named, or the settings do."""
    address = context.config.attributes.get("database") or load_settings().database
    database = Database(address)
    try:
        async with database.writer.connect() as connection:
            await connection.run_sync(run)
            await connection.commit()
    finally:
        await database.close()


asyncio.run(connect())

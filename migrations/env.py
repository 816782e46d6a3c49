"""How migrations reach the database: the hub's settings, or what the caller gives."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection

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


def run(connection: Connection) -> None:
    """Run the migrations on an open connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        transaction_per_migration=True,
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

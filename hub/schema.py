"""Bringing the tables to what this version needs."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

import hub
from hub.core.settings import Settings


def folder() -> Path:
    """Where the migrations are: beside the package in a checkout, inside it when installed."""
    package = Path(hub.__file__).parent
    inside = package / "migrations"
    return inside if inside.exists() else package.parent / "migrations"


def config(database: str) -> Config:
    """Alembic's settings for a database."""
    made = Config()
    made.set_main_option("script_location", str(folder()))
    made.attributes["database"] = database
    return made


@cache
def newest() -> str | None:
    """The migration that this version of the hub needs."""
    return ScriptDirectory.from_config(config("")).get_current_head()


async def upgrade(settings: Settings) -> None:
    """Make or change tables as needed; quick when there is nothing to do."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(command.upgrade, config(settings.database), "head")

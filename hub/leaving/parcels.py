"""A copy of all that is a person's, in open formats, for them alone (SECURITY D11).

It is made by a worker, kept for a week beside the database, and given only to who asked for it.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core import words
from hub.core.clock import now
from hub.core.errors import NotFound
from hub.core.services import Services
from hub.jobs.queue import enqueue
from hub.jobs.registry import Run, job
from hub.jobs.retention import clock, let_go
from hub.leaving import belongings
from hub.leaving.formats import Archive
from hub.leaving.models import Parcel

KEPT: Final = timedelta(days=7)
FOLDER: Final = "parcels"
CARRIED_WITHIN: Final = timedelta(hours=1)


def path(services: Services, parcel_id: UUID) -> Path:
    """Where its file is, or will be."""
    return services.settings.data_dir / FOLDER / f"{parcel_id}.zip"


async def ask(session: AsyncSession, person_id: UUID, language: str) -> None:
    """Have a copy made, with a page in this language; nothing happens while one is being made."""
    if any(parcel.made_at is None for parcel in await of(session, person_id)):
        return
    parcel = Parcel(person_id=person_id)
    session.add(parcel)
    await session.flush()
    await enqueue(session, pack, parcel_id=str(parcel.id), language=language)


async def of(session: AsyncSession, person_id: UUID) -> list[Parcel]:
    """The copies of a person that can be had, or are being made, the newest first."""
    mine = (Parcel.person_id == person_id, Parcel.asked_at > now() - KEPT)
    return list(await session.scalars(select(Parcel).where(*mine).order_by(Parcel.asked_at.desc())))


async def open_for(services: Services, parcel_id: UUID, person_id: UUID) -> Path:
    """The file, for whoever asked for it.

    Raises:
        NotFound: it is somebody else's, too old, or not made yet.
    """
    async with services.db.read() as session:
        found = {parcel.id: parcel for parcel in await of(session, person_id)}.get(parcel_id)
    if found is None or found.made_at is None:
        raise NotFound("There is no such copy. Please have a new one made.")
    return path(services, parcel_id)


@job("leaving.pack")
async def pack(run: Run, *, parcel_id: str, language: str) -> None:
    """Make one."""
    number, services = UUID(parcel_id), run.services
    async with services.db.read() as session:
        parcel = await session.get(Parcel, number)
        things = await belongings.of(session, services, parcel.person_id) if parcel else None
    size = 0
    if things is not None:
        with words.speaking(language):
            page = belongings.page(services.settings, things, language)
        size = await asyncio.to_thread(_write, path(services, number), things, page, services.media)
    async with run.finish() as session:
        parcel = await session.get(Parcel, number)
        if parcel is not None:
            parcel.made_at, parcel.size = now(), size
    if parcel is None:  # they left meanwhile
        await asyncio.to_thread(path(services, number).unlink, missing_ok=True)


def _write(target: Path, things: belongings.Belongings, page: str, media: Path) -> int:
    """The bytes of the file, which is whole once it has its name."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    with closing(Archive(part)) as archive:
        belongings.write(archive, things, page, media)
    os.replace(part, target)
    return target.stat().st_size


@clock(
    "leaving.parcels",
    "a copy of all that is somebody's, which they asked for",
    kept=KEPT,
    since="they asked",
)
async def forget_parcels(services: Services) -> int:
    """Copies that were made long ago, rows and files."""
    gone = await let_go(services, Parcel, Parcel.asked_at <= now() - KEPT)
    async with services.db.read() as session:
        kept = {str(number) for number in await session.scalars(select(Parcel.id))}
    await asyncio.to_thread(_sweep, services.settings.data_dir / FOLDER, kept)
    return gone


def _sweep(folder: Path, kept: set[str]) -> None:
    """Delete what no row names; what the command line carries away is there for an hour."""
    fresh = (now() - CARRIED_WITHIN).timestamp()
    for file in folder.glob("*"):
        if file.stem not in kept and not (
            file.name.startswith("hub") and file.stat().st_mtime > fresh
        ):
            file.unlink(missing_ok=True)

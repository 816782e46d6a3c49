"""The whole hub in open formats, for whoever takes it elsewhere, or keeps it when it is over.

What everybody and what neighbours may read; what is private its owners take along themselves, and
who they are stays in backups.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hub import __version__
from hub.actors import service as actors
from hub.actors.models import Actor
from hub.audit import log as audit
from hub.core.clock import now
from hub.core.services import Services
from hub.entries.models import FOLDERS, SHOWN, Entry, Picture, Reply
from hub.entries.queries import whole
from hub.entries.visibility import PRIVATE
from hub.events.models import Event
from hub.fediverse.models import Follow, Peer
from hub.fediverse.rulings import BLOCKED, SILENCED
from hub.leaving import formats, parcels
from hub.leaving.formats import Archive
from hub.web.pages import environment, face

AT_ONCE: Final = 500
SEVERITIES: Final = {BLOCKED: "suspend", SILENCED: "silence"}
README: Final = """This is {name}, {url}, as it was on {made_at}.

index.html                  everything to read, in any browser
activitystreams/            each entry as a file, by kind, as other servers see it (ActivityPub)
activitystreams/replies.json  what others answered in public
actors/                     the channels that could be followed
entries.csv                 all entries as a table
events.ics                  all events, for calendar programs
pictures/                   the pictures
followers.csv               who follows which channel
following.csv               whom this hub follows
blocks.csv                  servers that were kept out, as Mastodon reads it

What was for stewards alone is not in it, and nobody's account. A backup (hub backup) has them.
"""


async def make(services: Services) -> Path:
    """A new archive; the command line carries it to where its caller wants it."""
    folder = services.settings.data_dir / parcels.FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / "hub.part"
    archive = Archive(part)
    try:
        async with services.db.read() as session:
            await _fill(session, services, archive)
    finally:
        await asyncio.to_thread(archive.close)
    path = folder / f"hub-{now():%Y-%m-%dT%H%M%SZ}.zip"
    os.replace(part, path)
    async with services.db.write() as session:
        await audit.note(session, "exported")
    return path


async def _fill(session: AsyncSession, services: Services, archive: Archive) -> None:
    settings, made_at = services.settings, now().isoformat(timespec="seconds")
    entries: list[Entry] = []
    async for some in _entries(session):
        await asyncio.to_thread(_put_entries, archive, some)
        entries += some
    replies = [formats.json_of(reply.document) for reply in await _replies(session)]
    archive.json("activitystreams/replies.json", formats.collection(replies, "Replies"))
    archive.put("entries.csv", formats.entry_table(entries))
    events = await session.scalars(
        select(Event).where(*_ours()).options(*whole(Event)).order_by(Event.starts_at)
    )
    archive.put("events.ics", formats.calendar(events.all(), settings.name, settings.url))
    pictures = await _pictures(session)
    for picture in pictures:
        await asyncio.to_thread(archive.picture, picture.name or "", services.media)
    await _put_actors(session, services, archive)
    await _put_servers(session, archive)
    template = environment().get_template("leaving/whole.html")
    shown = {picture.id: picture for picture in pictures}
    places = {entry.id: formats.place_of(entry) for entry in entries}
    archive.put(
        "index.html",
        template.render(
            hub=face(settings),
            language=settings.language,
            entries=entries,
            pictures=shown,
            places=places,
            made_at=made_at,
        ),
    )
    facts = {"name": settings.name, "url": settings.url, "made_at": made_at}
    further = {"version": __version__, "language": settings.language, "area": settings.area}
    archive.json("hub.json", {**facts, **further, "entries": len(entries)})
    archive.put("README.txt", README.format(**facts))


def _ours() -> tuple[ColumnElement[bool], ...]:
    """What neighbours may read."""
    return (
        Entry.origin == "",
        Entry.deleted_at.is_(None),
        Entry.hidden_at.is_(None),
        Entry.visibility != PRIVATE,
        Entry.kind.in_(list(FOLDERS)),
    )


async def _entries(session: AsyncSession) -> AsyncIterator[Sequence[Entry]]:
    last = -1
    while True:
        query = select(Entry).where(*_ours(), Entry.number > last).order_by(Entry.number)
        some = (await session.scalars(query.limit(AT_ONCE))).all()
        if not some:
            return
        yield some
        last = some[-1].number


def _put_entries(archive: Archive, entries: Sequence[Entry]) -> None:
    for entry in entries:
        archive.json(formats.place_of(entry), formats.json_of(entry.document))


async def _replies(session: AsyncSession) -> Sequence[Reply]:
    public = (Reply.public, Reply.state == SHOWN, Reply.document.is_not(None))
    under = select(Entry.id).where(*_ours(), Entry.visibility == "public")
    query = select(Reply).where(*public, Reply.entry_id.in_(under)).order_by(Reply.published_at)
    return (await session.scalars(query)).all()


async def _pictures(session: AsyncSession) -> Sequence[Picture]:
    shown = select(Entry.picture_id).where(*_ours(), Entry.picture_id.is_not(None))
    found = select(Picture).where(Picture.id.in_(shown), Picture.name.is_not(None))
    return (await session.scalars(found)).all()


async def _put_actors(session: AsyncSession, services: Services, archive: Archive) -> None:
    rows = await session.scalars(select(Actor).where(Actor.local, Actor.deleted_at.is_(None)))
    for actor in rows:
        document = actors.document(actor, services).document(context=True)
        archive.json(f"actors/{actor.name}.json", document)


async def _put_servers(session: AsyncSession, archive: Archive) -> None:
    """Lists that can be read into another hub, or into Mastodon."""
    other, ours = aliased(Actor), aliased(Actor)
    for name, them, us in (
        ("followers.csv", Follow.follower_id, Follow.followee_id),
        ("following.csv", Follow.followee_id, Follow.follower_id),
    ):
        rows: Any = await session.execute(
            select(other, ours.name, Follow.created_at)
            .join_from(Follow, other, other.id == them)
            .join(ours, ours.id == us)
            .where(Follow.state == "accepted", ours.local, other.local.is_(False))
            .order_by(Follow.created_at)
        )
        lines = [(actor.handle, actor.uri, ours, at.isoformat()) for actor, ours, at in rows]
        columns = ("Account address", "Id", "Channel", "Since")
        archive.put(name, formats.table(columns, lines))
    kept_out = await session.scalars(
        select(Peer).where(Peer.standing.in_(SEVERITIES)).order_by(Peer.host)
    )
    blocks = [(peer.host, SEVERITIES[peer.standing]) for peer in kept_out]
    archive.put("blocks.csv", formats.table(("#domain", "#severity"), blocks))

"""All that the hub keeps of one person, gathered and written down.

In ActivityStreams terms for programs, as a page for people, with their pictures, their events as a
calendar, and what they posted as a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.db import Base
from hub.core.services import Services
from hub.core.settings import Settings
from hub.entries.models import FOLDERS, Entry, Picture, Reply, Report
from hub.entries.queries import whole
from hub.events.models import Attendance, Event
from hub.exchange.models import Backer, Listing, Match, MatchMessage
from hub.leaving import formats
from hub.leaving.formats import Archive
from hub.people.models import (
    KeptSearch,
    MastodonAccount,
    Passkey,
    Person,
    Session,
    Told,
)
from hub.web.pages import environment, face

PERSON = (
    "name", "role", "email", "notices", "channels", "hushed", "interests", "letter_place",
    "letter_near", "letter_within_m", "created_at", "last_seen_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Belongings:
    """What is a person's: `account` and `talk` are JSON, the rest is rows."""

    account: dict[str, Any]
    talk: dict[str, list[dict[str, Any]]]
    entries: Sequence[Entry]
    pictures: Sequence[Picture]
    events: Sequence[Event]
    url: str


async def of(session: AsyncSession, services: Services, person_id: UUID) -> Belongings:
    """All that is theirs, and nothing that is another's."""
    person = await session.get_one(Person, person_id)
    mine = (Entry.owner_id == person_id, Entry.deleted_at.is_(None), Entry.kind.in_(list(FOLDERS)))
    entries = (await session.scalars(select(Entry).where(*mine).order_by(Entry.created_at))).all()
    shown = {entry.picture_id for entry in entries if entry.picture_id}
    pictures = (await session.scalars(select(Picture).where(Picture.id.in_(shown)))).all()
    coming = select(Attendance.event_id).where(Attendance.person_id == person_id)
    events = await session.scalars(
        select(Event)
        .where(Event.deleted_at.is_(None), or_(Event.owner_id == person_id, Event.id.in_(coming)))
        .options(*whole(Event))
        .order_by(Event.starts_at)
    )
    said, answer = Reply.from_us & Reply.public, "content published_at url"
    return Belongings(
        account={
            **_members(person, PERSON),
            "devices": await _rows(session, Session, person_id, "device created_at last_used_at"),
            "passkeys": await _rows(session, Passkey, person_id, "name created_at last_used_at"),
            "mastodon": await _rows(session, MastodonAccount, person_id, "handle created_at"),
            "searches": await _rows(session, KeptSearch, person_id, "name path query told"),
        },
        talk={
            "said to each other": await _messages(session, person_id),
            "sent to me": await _rows(session, Reply, person_id, answer, ~said),
            "answered for everybody": await _rows(session, Reply, person_id, answer, said),
            "events I come to": await _rows(
                session, Attendance, person_id, "event_id state people brings message asked_at"
            ),
            "wants I joined": await _rows(session, Backer, person_id, "listing_id created_at"),
            "reports I made": await _rows(
                session, Report, person_id, "title rule words created_at outcome"
            ),
            "told by the hub": await _rows(session, Told, person_id, "subject lines created_at"),
        },
        entries=entries,
        pictures=pictures,
        events=events.all(),
        url=services.settings.url,
    )


def _members(row: Base, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


async def _rows(
    session: AsyncSession, table: type[Any], person_id: UUID, names: str, *which: Any
) -> list[dict[str, Any]]:
    rows = await session.scalars(select(table).where(table.person_id == person_id, *which))
    return [_members(row, names.split()) for row in rows]


async def _messages(session: AsyncSession, person_id: UUID) -> list[dict[str, Any]]:
    """What they and the others of their matches said to each other."""
    own = select(Listing.id).where(Listing.owner_id == person_id, Listing.deleted_at.is_(None))
    rows = await session.execute(
        select(MatchMessage, Match.offer_id.in_(own))
        .join(Match, Match.id == MatchMessage.match_id)
        .where(or_(Match.offer_id.in_(own), Match.want_id.in_(own)))
        .order_by(MatchMessage.match_id, MatchMessage.said_at)
    )
    return [
        {
            "match": row.match_id,
            "mine": (row.side == "offer") == bool(is_offer),
            "text": row.text,
            "said_at": row.said_at,
        }
        for row, is_offer in rows
    ]


def page(settings: Settings, things: Belongings, language: str) -> str:
    """The page of a copy, for people; it needs nothing else than the files beside it."""
    template = environment().get_template("leaving/belongings.html")
    return template.render(
        hub=face(settings),
        language=language,
        entries=things.entries,
        account=things.account,
        talk=things.talk,
        pictures={picture.id: picture for picture in things.pictures},
        places={entry.id: formats.place_of(entry) for entry in things.entries},
    )


def write(archive: Archive, things: Belongings, page: str, media: Path) -> None:
    """All of it, into an archive."""
    archive.put("index.html", page)
    archive.json("account.json", things.account)
    archive.json("talk.json", things.talk)
    documents = [formats.json_of(entry.document) for entry in things.entries]
    archive.json("activitystreams/posts.json", formats.collection(documents, "Posts"))
    for entry, document in zip(things.entries, documents, strict=True):
        archive.json(formats.place_of(entry), document)
    archive.put("posts.csv", formats.entry_table(things.entries))
    archive.put("events.ics", formats.calendar(things.events, "Events", things.url))
    for picture in things.pictures:
        if picture.name:
            archive.picture(picture.name, media)

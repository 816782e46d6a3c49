"""Reports: what somebody says breaks the rules, kept with what stood there then.

Residents report from the page of a thing, with an account or without; other servers by a Flag.
Moderators decide about them in their queue (`hub/moderation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from hub.actors import service as actors
from hub.actors.channels import RELAY
from hub.core import text
from hub.core.errors import NotFound
from hub.entries import newcomers
from hub.entries.models import SHOWN, Entry, Reply, Report
from hub.entries.visibility import Viewer, standing, visible_to
from hub.fediverse import rulings
from hub.fediverse.received import Received

LONGEST_REPORT: Final = 5000
LONGEST_TITLE: Final = 200
ENTRY, REPLY, MESSAGE, HUB = "entry", "reply", "message", "hub"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a report is about, as it stands now; `about` as in `Report`."""

    about: str
    about_id: UUID
    title: str
    text: str
    path: str
    against_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class From:
    """Who reports something, and what they say; `email` is where they want to be told."""

    words: str = ""
    rule: str = ""
    person_id: UUID | None = None
    email: str | None = None
    actor_id: UUID | None = None
    uri: str | None = None


def keep(session: AsyncSession, what: Evidence, by: From) -> Report:
    """Write a report down; it waits for a moderator."""
    row = Report(
        about=what.about,
        about_id=what.about_id,
        title=text.teaser(what.title, LONGEST_TITLE),
        evidence=what.text[:LONGEST_REPORT],
        path=what.path,
        against_id=what.against_id,
        rule=by.rule,
        words=by.words[:LONGEST_REPORT],
        person_id=by.person_id,
        email=by.email,
        actor_id=by.actor_id,
        uri=by.uri,
    )
    session.add(row)
    return row


async def seen(session: AsyncSession, about: str, about_id: UUID, viewer: Viewer) -> Evidence:
    """The entry or public reply that this viewer sees, to be reported.

    Raises:
        NotFound: they see none.
    """
    if about == ENTRY:
        query = select(Entry).where(Entry.id == about_id, visible_to(viewer))
        entry = await session.scalar(query)
        if entry is not None:
            return of_entry(entry)
    elif about == REPLY:
        reply = await _reply(session, Reply.id == about_id)
        if reply is not None and await _may_see(session, reply, viewer):
            return of_reply(reply)
    raise NotFound("There is nothing here. Perhaps the address has a typing mistake.")


async def _may_see(session: AsyncSession, reply: Reply, viewer: Viewer) -> bool:
    if not reply.public or reply.state != SHOWN or reply.author.suspended_at is not None:
        return False
    if reply.entry_id is None:
        return True
    query = select(Entry.id).where(Entry.id == reply.entry_id, visible_to(viewer))
    return await session.scalar(query) is not None


async def flagged(received: Received, about: Sequence[str], words: str) -> None:
    """Another server complains about things of ours: one report for each that we know.

    Raises:
        Unauthorised: it complained too often within the hour.
    """
    session = received.session
    uri = received.activity.id or f"{received.author.uri}#flag-{uuid4()}"
    if await session.scalar(select(Report.id).where(Report.uri == uri).limit(1)) is not None:
        return
    said = await rulings.of(session, received.author.authority)
    if said is not None and said.reject_reports:
        return
    await newcomers.check_flags(session, received.author)
    by = From(words=text.plain(words), actor_id=received.author.id, uri=uri)
    found = [one for each in about[: newcomers.NAMED_MOST] if (one := await _named(session, each))]
    for what in found or [await _hub(session, about)]:
        keep(session, what, by)


async def _named(session: AsyncSession, uri: str) -> Evidence | None:
    entry = await session.scalar(select(Entry).where(Entry.uri == uri, standing()))
    if entry is not None:
        return of_entry(entry)
    reply = await _reply(session, Reply.uri == uri)
    return of_reply(reply) if reply is not None else None


async def _reply(session: AsyncSession, which: object) -> Reply | None:
    query = select(Reply).where(which)  # type: ignore[arg-type]
    return await session.scalar(
        query.options(
            selectinload(Reply.author), selectinload(Reply.entry), selectinload(Reply.channel)
        )
    )


async def _hub(session: AsyncSession, about: Sequence[str]) -> Evidence:
    """What nothing here has as its id: the addresses stand as they were named."""
    relay = await actors.local(session, RELAY)
    return Evidence(HUB, relay.id, "", "\n".join(about[: newcomers.NAMED_MOST]), "/about")


def of_entry(entry: Entry) -> Evidence:
    """An entry as it stands."""
    said = text.plain(entry.content) or entry.summary
    return Evidence(ENTRY, entry.id, entry.title, said, entry.path, entry.owner_id)


def of_reply(reply: Reply) -> Evidence:
    """A reply as it stands; its author, entry and channel must be loaded."""
    author = reply.author.display_name or reply.author.name
    path = "/"
    if reply.entry is not None:
        path = f"{reply.entry.path}#reply-{reply.id}"
    elif reply.channel is not None:
        path = f"/@{reply.channel.name}"
    return Evidence(REPLY, reply.id, author, text.plain(reply.content), path, reply.writer_id)

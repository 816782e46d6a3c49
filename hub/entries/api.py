"""Doors to what entries of every kind have: pictures, replies as a collection, tags."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from pydantic import BaseModel

from hub.core.db import AsyncSession
from hub.core.errors import Gone, NotFound
from hub.core.text import shown
from hub.entries import (
    asking,
    collections,
    pictures,
    publishing,
    queries,
    quotes,
    rendering,
    threads,
)
from hub.entries.collections import Which
from hub.entries.models import FOLDERS, Entry, Reply
from hub.entries.paging import DEFAULT_LIMIT, MAX_CURSOR, CursorText, Limit
from hub.entries.visibility import ANYBODY, Viewer
from hub.web import pages
from hub.web.bodies import api_router
from hub.web.doors import OPEN, Asking, Hub
from hub.web.headers import FILE_POLICY
from hub.web.negotiation import wants_activity

router = APIRouter(include_in_schema=False, dependencies=[OPEN])
programs = api_router("", "replies", OPEN)

YEAR_S: Final = 31_536_000
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Page:
    """Which page of a collection is asked for; neither of the two: the collection itself."""

    cursor: str | None
    page: str | None

    def answer(self, found: collections.Shown) -> Response:
        """The collection or its page."""
        document = found.page() if self.cursor or self.page else found.document()
        return pages.activity(orjson.dumps(document))


async def _page(cursor: str | None = None, page: str | None = None) -> Page:
    if cursor is not None and len(cursor) > MAX_CURSOR:
        raise NotFound("There is no such page.")
    return Page(cursor or None, page)


Paged = Annotated[Page, Depends(_page)]
Folder = Annotated[str, Path(pattern=f"^({'|'.join(FOLDERS.values())})$")]


class PublicReply(BaseModel):
    """A reply that stands under an entry; `answers` names the reply that it answers, if any."""

    id: UUID
    uri: str
    url: str
    answers: UUID | None
    author: str
    author_name: str
    content: str
    created_at: datetime


class ReplyPage(BaseModel):
    """A page of replies; `next` is the cursor of the following one."""

    items: list[PublicReply]
    next: str | None


@router.get("/media/{name}")
async def picture(name: str, hub: Hub) -> Response:
    """A picture of ours; its name is its digest, so it never changes."""
    return _file(pictures.path_of(hub, name), f"public, max-age={YEAR_S}, immutable")


@router.get("/media/remote/{picture_id}")
async def remote_picture(picture_id: UUID, hub: Hub, caller: Asking) -> Response:
    """Our copy of a picture of another server."""
    path = await pictures.remote(hub, picture_id, Viewer.of(caller))
    return _file(path, f"private, max-age={DAY_S}")


# Before the collections of entries, whose addresses are of the same shape.
@router.get("/replies/{reply_id}")
async def reply(reply_id: UUID, hub: Hub, request: Request) -> Response:
    """An answer of this hub: its document, or the entry under which it stands."""
    found = await _our_reply(hub, reply_id)
    if found.document is None or found.entry is None:
        raise NotFound("There is nothing at this address.")
    if wants_activity(request, "activity"):
        return pages.activity(found.document)
    return RedirectResponse(f"{found.entry.path}#reply-{found.id}", 303, {"vary": "Accept"})


@router.get("/replies/{reply_id}/replies")
async def answers(reply_id: UUID, hub: Hub, asked: Paged) -> Response:
    """The public answers to an answer of this hub, as ids."""
    found = await _our_reply(hub, reply_id)
    async with hub.db.read() as session:
        return asked.answer(await collections.of_reply(session, found, asked.cursor))


async def _our_reply(hub: Hub, reply_id: UUID) -> Reply:
    """An answer of this hub that everybody may see.

    Raises:
        NotFound: there is none.
        Gone: it was taken back.
    """
    async with hub.db.read() as session:
        found = await threads.public_one(session, reply_id, ANYBODY)
        if found is not None:
            return found
        uri = f"{hub.settings.url}/replies/{reply_id}"
        gone = await publishing.tombstone(session, uri)
    if gone is not None:
        raise Gone("This answer was taken back.", gone)
    raise NotFound("There is nothing at this address.")


async def _collection(hub: Hub, folder: str, entry_id: UUID, which: Which, asked: Page) -> Response:
    async with hub.db.read() as session:
        entry = await _in_folder(session, folder, entry_id, ANYBODY)
        if not entry.local:
            raise NotFound("There is nothing at this address.")
        found = await collections.of_entry(session, entry, which, asked.cursor)
    return asked.answer(found)


@router.get("/{folder}/{entry_id}/replies")
async def replies(folder: Folder, entry_id: UUID, hub: Hub, asked: Paged) -> Response:
    """The public answers to one of our public entries, as ids (AP-48: never private ones)."""
    return await _collection(hub, folder, entry_id, "replies", asked)


@router.get("/{folder}/{entry_id}/context")
async def context(folder: Folder, entry_id: UUID, hub: Hub, asked: Paged) -> Response:
    """An entry and all that was said below it, in order of time (FEP-7888)."""
    return await _collection(hub, folder, entry_id, "context", asked)


@router.get("/{folder}/{entry_id}/likes")
async def likes(folder: Folder, entry_id: UUID, hub: Hub, asked: Paged) -> Response:
    """How many like one of our public entries."""
    return await _collection(hub, folder, entry_id, "likes", asked)


@router.get("/{folder}/{entry_id}/shares")
async def shares(folder: Folder, entry_id: UUID, hub: Hub, asked: Paged) -> Response:
    """The boosts of one of our public entries, as ids."""
    return await _collection(hub, folder, entry_id, "shares", asked)


@programs.get("/{folder}/{entry_id}/replies")
async def public_replies(
    folder: Folder,
    entry_id: UUID,
    request: Request,
    response: Response,
    hub: Hub,
    caller: Asking,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> ReplyPage:
    """The replies that stand under an event, an offer or a want, the oldest first."""
    async with hub.db.read() as session:
        entry = await _in_folder(session, folder, entry_id, Viewer.of(caller))
        branch = threads.Branch(entry.id)
        found = await threads.listed(session, branch, limit=limit, cursor=cursor)
    asking.link_next(request, response, found)
    return ReplyPage(items=[_public_reply(row) for row in found.items], next=found.next)


def _public_reply(row: Reply) -> PublicReply:
    return PublicReply(
        id=row.id,
        uri=row.uri,
        url=row.url,
        answers=row.answers_id,
        author=row.author.handle,
        author_name=row.author.display_name or row.author.name,
        content=shown(row.content, row.cleaned_by),
        created_at=row.published_at,
    )


async def _in_folder(session: AsyncSession, folder: str, entry_id: UUID, viewer: Viewer) -> Entry:
    """The entry, if it is of the kind that the address says."""
    entry = await queries.by_id(session, Entry, entry_id, viewer)
    if FOLDERS[entry.kind] != folder:
        raise NotFound("There is nothing at this address.")
    return entry


@router.get("/quotes/{quote_id}")
async def quote_permission(quote_id: UUID, hub: Hub) -> Response:
    """That a post elsewhere may quote one of our entries (FEP-044f)."""
    async with hub.db.read() as session:
        return pages.activity(await quotes.document(session, quote_id))


@router.get("/tags/{tag}")
async def tag(tag: str) -> Response:
    """What bears a tag: a search, narrowed to it."""
    return RedirectResponse(f"/search?tag={quote(rendering.tag_name(tag)[:60])}", 302)


def _file(path: FilePath, cache: str) -> Response:
    """An image file that may do nothing but be seen (SECURITY F3)."""
    return FileResponse(
        path,
        media_type="image/webp",
        headers={
            "cache-control": cache,
            "content-security-policy": FILE_POLICY,
            "cross-origin-resource-policy": "cross-origin",
        },
    )

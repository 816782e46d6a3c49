"""Doors to what entries of every kind have: pictures, replies as a collection, tags."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from pydantic import BaseModel

from federation.vocab.names import AS2
from hub.core.db import AsyncSession
from hub.core.errors import NotFound
from hub.core.text import shown
from hub.entries import asking, notes, pictures, queries, quotes, rendering, threads
from hub.entries.models import FOLDERS, Entry, Reply
from hub.entries.paging import DEFAULT_LIMIT, MAX_CURSOR, CursorText, Limit
from hub.entries.visibility import ANYBODY, Viewer
from hub.web import pages
from hub.web.bodies import api_router
from hub.web.doors import Asking, Hub
from hub.web.headers import FILE_POLICY
from hub.web.negotiation import wants_activity

router = APIRouter(include_in_schema=False)
programs = api_router("", "replies")

REPLIES_PER_PAGE: Final = 50
YEAR_S: Final = 31_536_000
DAY_S: Final = 86_400

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


@router.get("/{folder}/{entry_id}/replies")
async def replies(
    folder: Folder, entry_id: UUID, hub: Hub, cursor: str | None = None, page: str | None = None
) -> Response:
    """The public replies of one of our public entries, as ids (AP-48: never private ones)."""
    if cursor is not None and len(cursor) > MAX_CURSOR:
        raise NotFound("There is no such page.")
    async with hub.db.read() as session:
        entry = await _in_folder(session, folder, entry_id, ANYBODY)
        found = await threads.listed(session, entry.id, limit=REPLIES_PER_PAGE, cursor=cursor)
        total = await threads.count(session, entry.id)
    uri = f"{hub.settings.url}{entry.path}/replies"
    items = [row.uri for row in found.items]
    document: dict[str, Any]
    if cursor or page:
        document = {"@context": AS2, **notes.page(uri, cursor, items, found.next)}
    else:
        document = notes.collection(uri, items, total, found.next)
    return pages.activity(orjson.dumps(document))


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
        found = await threads.listed(session, entry.id, limit=limit, cursor=cursor)
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


@router.get("/replies/{reply_id}")
async def reply(reply_id: UUID, hub: Hub, request: Request) -> Response:
    """An answer of this hub: its document, or the entry under which it stands."""
    async with hub.db.read() as session:
        found = await threads.public_one(session, reply_id, ANYBODY)
    if found is None or found.document is None or found.entry is None:
        raise NotFound("There is nothing at this address.")
    if wants_activity(request, "activity"):
        return pages.activity(found.document)
    return RedirectResponse(f"{found.entry.path}#reply-{found.id}", 303, {"vary": "Accept"})


@router.get("/quotes/{quote_id}")
async def quote_permission(quote_id: UUID, hub: Hub) -> Response:
    """That a post elsewhere may quote one of our entries (FEP-044f)."""
    async with hub.db.read() as session:
        return pages.activity(await quotes.document(session, quote_id))


@router.get("/tags/{tag}")
async def tag(tag: str) -> Response:
    """What bears a tag: the list of events, narrowed to it."""
    return RedirectResponse(f"/events?tag={quote(rendering.tag_name(tag)[:60])}", 302)


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

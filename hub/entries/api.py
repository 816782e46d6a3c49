"""Doors to what entries of every kind have: pictures, replies as a collection, tags."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from federation.vocab.names import AS2
from hub.core.errors import NotFound
from hub.entries import notes, pictures, queries, rendering, threads
from hub.entries.models import FOLDERS, Entry
from hub.entries.paging import MAX_CURSOR
from hub.entries.visibility import ANYBODY, Viewer
from hub.web import pages
from hub.web.doors import Asking, Hub
from hub.web.headers import FILE_POLICY
from hub.web.negotiation import wants_activity

router = APIRouter(include_in_schema=False)

REPLIES_PER_PAGE: Final = 50
YEAR_S: Final = 31_536_000
DAY_S: Final = 86_400

Folder = Annotated[str, Path(pattern=f"^({'|'.join(FOLDERS.values())})$")]


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
        entry = await queries.by_id(session, Entry, entry_id, ANYBODY)
        if FOLDERS[entry.kind] != folder:
            raise NotFound("There is nothing at this address.")
        shown = await threads.listed(session, entry.id, limit=REPLIES_PER_PAGE, cursor=cursor)
        total = await threads.count(session, entry.id)
    uri = f"{hub.settings.url}{entry.path}/replies"
    items = [row.uri for row in shown.items]
    document: dict[str, Any]
    if cursor or page:
        document = {"@context": AS2, **notes.page(uri, cursor, items, shown.next)}
    else:
        document = notes.collection(uri, items, total, shown.next)
    return pages.activity(orjson.dumps(document))


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

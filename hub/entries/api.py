"""Doors to what entries of every kind have: pictures, replies as a collection, tags."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path
from fastapi.responses import FileResponse, RedirectResponse, Response
from pydantic import BaseModel

from hub.core.errors import NotFound
from hub.entries import (
    collections,
    pictures,
    quotes,
    rendering,
)
from hub.entries.models import FOLDERS
from hub.entries.paging import MAX_CURSOR
from hub.entries.visibility import Viewer
from hub.web import pages
from hub.web.bodies import api_router
from hub.web.doors import Asking, Hub
from hub.web.headers import FILE_POLICY

router = APIRouter(include_in_schema=False)
programs = api_router("", "replies")

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


def _page(cursor: str | None = None, page: str | None = None) -> Page:
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

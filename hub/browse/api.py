"""Searching everything, for programs: `/api/v1/search`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel

from hub.browse import queries
from hub.core.services import Services
from hub.entries import paging
from hub.entries.asking import SearchAsked
from hub.entries.models import Entry
from hub.entries.paging import Listed
from hub.entries.schemas import ImageView, image_view
from hub.entries.visibility import Viewer
from hub.web.bodies import api_router
from hub.web.doors import OPEN, Asking, Hub

router = api_router("/search", "search", OPEN)


class FoundView(BaseModel):
    """Something that was found; all of it is at the list of its type.

    `happens_at` is an event's start, and the publication of everything else.
    """

    type: Literal["event", "offer", "want", "article", "place", "organisation"]
    id: UUID
    uri: str
    url: str
    origin: str
    status: str
    visibility: str
    title: str
    summary: str
    language: str
    location: str
    latitude: float | None
    longitude: float | None
    tags: list[str]
    image: ImageView | None
    author: str
    happens_at: datetime
    created_at: datetime
    updated_at: datetime


class FoundPage(BaseModel):
    """A page of what was found; `next` is the cursor of the following one."""

    items: list[FoundView]
    next: str | None


@router.get("", name="everything searched")
async def searched(
    request: Request,
    response: Response,
    hub: Hub,
    caller: Asking,
    asked: Annotated[SearchAsked, Query()],
) -> FoundPage:
    """Everything with these words: those that have them in the title first, then the newest.

    Each word is found by its beginning; `"words in quotes"` stand side by side; `-word` must not
    occur. A page can hold less than `limit` and be followed by others.
    """
    async with hub.db.read() as session:
        page = await queries.found(session, Viewer.of(caller), asked, hub.settings)
    listed = Listed(page.items, page.next)
    response.headers.update(paging.next_link(request, listed))
    return FoundPage(items=[_view(entry, hub) for entry in page.items], next=page.next)


def _view(entry: Entry, hub: Services) -> FoundView:
    return FoundView.model_validate(
        {
            "type": entry.kind,
            "id": entry.id,
            "uri": entry.uri,
            "url": entry.url,
            "origin": entry.origin or hub.settings.authority,
            "status": entry.status,
            "visibility": entry.visibility,
            "title": entry.title,
            "summary": entry.summary,
            "language": entry.language,
            "location": entry.place,
            "latitude": entry.latitude,
            "longitude": entry.longitude,
            "tags": entry.tags,
            "image": image_view(entry.picture, hub.settings.url),
            "author": entry.author.handle,
            "happens_at": entry.happens_at,
            "created_at": entry.created_at,
            "updated_at": entry.updated_at,
        }
    )

"""The region's page for everybody, the stewards' one with all details, and its files."""

from __future__ import annotations

from typing import Final, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from hub.areas import queries as areas
from hub.core.services import Services
from hub.feeds.pages import CALENDAR, as_file
from hub.overview import exports
from hub.overview.looking import seen
from hub.people.knocking import FILES_FROM, knock, where_from
from hub.people.permissions import MODERATORS, require
from hub.web.doors import OPEN, Asking, Hub
from hub.web.pages import render

router = APIRouter(include_in_schema=False)

Kind = Literal["", "event", "offer", "want", "article", "place", "organisation"]

WRITERS: Final = {
    "json": ("application/json", exports.as_json),
    "geojson": ("application/geo+json", exports.as_geojson),
    "csv": ("text/csv; charset=utf-8", exports.as_csv),
}


@router.get("/region", dependencies=[OPEN])
async def region(request: Request, hub: Hub, caller: Asking) -> Response:
    """The hubs of the region, what is missing, channels to follow, and files to take."""
    return await _page(request, hub, caller.moderates, "overview/region.html")


@router.get("/admin/region", dependencies=[MODERATORS])
async def details(request: Request, hub: Hub, caller: Asking) -> Response:
    """The same for stewards, with what flows by which way and what does not arrive."""
    require(caller, "moderate")
    return await _page(request, hub, caller.moderates, "overview/details.html")


async def _page(request: Request, hub: Services, moderates: bool, template: str) -> Response:
    found = await seen(request, hub)
    async with hub.db.read() as session:
        channels = await areas.listed(session)
    return render(request, template, overview=found, channels=channels, moderates=moderates)


@router.get("/region.ics", dependencies=[OPEN])
async def calendar(request: Request, hub: Hub) -> Response:
    """All events of the region as a calendar."""
    knock(hub, FILES_FROM, where_from(request))
    return as_file(request, await exports.calendar(hub), CALENDAR)


@router.get("/region.json", dependencies=[OPEN])
@router.get("/region.geojson", dependencies=[OPEN])
@router.get("/region.csv", dependencies=[OPEN])
async def export(request: Request, hub: Hub, kind: Kind = "") -> Response:
    """Everything public and current, or one kind of it, as a file that is written as it is read."""
    knock(hub, FILES_FROM, where_from(request))
    form = request.url.path.rpartition(".")[2]
    content_type, write = WRITERS[form]
    headers = {"content-disposition": f'attachment; filename="region.{form}"'}
    return StreamingResponse(write(hub, kind), media_type=content_type, headers=headers)

"""Taking a copy of what is one's own, leaving, and seeing how far that is."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from hub.core.errors import HubError
from hub.leaving import departing, parcels
from hub.people.arriving import myself
from hub.people.permissions import LED_IN, OWN_COPY
from hub.posting import queries
from hub.posting.me import again
from hub.web.doors import BEARERS, Asking, Hub, session_cookie
from hub.web.forms import drop_cookie, parse_form, see_other
from hub.web.pages import language_of, render

router = APIRouter(include_in_schema=False)

COPIES: Final = "/me/export"


@router.get(COPIES, dependencies=[LED_IN])
async def copies(request: Request, hub: Hub, caller: Asking) -> Response:
    """The copies of mine that can be had."""
    person_id = await myself(hub, caller)
    async with hub.db.read() as session:
        found = await parcels.of(session, person_id)
    return render(request, "leaving/export.html", parcels=found, days=parcels.KEPT.days)


@router.post(COPIES, dependencies=[LED_IN])
async def make_copy(request: Request, hub: Hub, caller: Asking) -> Response:
    """Have a copy made of all that is mine."""
    person_id = await myself(hub, caller)
    await parse_form(request)
    async with hub.db.write() as session:
        await parcels.ask(session, person_id, language_of(request))
    hub.wake.ring()
    return see_other(COPIES)


@router.get(f"{COPIES}/{{parcel_id:uuid}}", dependencies=[OWN_COPY])
async def download(parcel_id: UUID, hub: Hub, caller: Asking) -> Response:
    """The file."""
    file = await parcels.open_for(hub, parcel_id, await myself(hub, caller))
    headers = {"cache-control": "private, no-store"}
    return FileResponse(file, filename="my-copy.zip", media_type="application/zip", headers=headers)


@router.get("/me/delete", dependencies=[LED_IN])
async def confirm(request: Request, hub: Hub, caller: Asking) -> Response:
    """Asked before one leaves."""
    person_id = await myself(hub, caller)
    async with hub.db.read() as session:
        posts = await queries.own(session, person_id)
    return render(request, "leaving/delete.html", posts=posts)


@router.post("/me/delete", dependencies=[LED_IN])
async def delete(request: Request, hub: Hub, caller: Asking) -> Response:
    """Leave: posts are taken back everywhere, and nothing says any more who it was."""
    person_id = await myself(hub, caller)
    await parse_form(request)
    try:
        secret = await departing.leave(hub, person_id)
    except HubError as error:
        return await again(request, hub, caller, error.status, detail=str(error))
    hub.wake.ring()
    response = see_other(f"/left/{secret}")
    drop_cookie(response, hub, session_cookie(hub))
    return response


@router.get("/left/{secret}", dependencies=[BEARERS])
async def left(secret: str, request: Request, hub: Hub) -> Response:
    """How far it is that others delete what one had posted."""
    async with hub.db.read() as session:
        progress = await departing.progress(session, secret)
    return render(request, "leaving/left.html", progress=progress)

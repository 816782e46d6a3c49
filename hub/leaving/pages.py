"""Taking a copy of what is one's own, leaving, and seeing how far that is."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from hub.core.clock import now
from hub.core.closing import closing_of
from hub.core.errors import HubError, Invalid
from hub.core.services import Services
from hub.core.text import tidy
from hub.core.words import filled
from hub.leaving import departing, ending, parcels
from hub.people.arriving import myself
from hub.people.permissions import LED_IN, OWN_COPY, STEWARDS, require
from hub.posting import queries
from hub.posting.me import again
from hub.web.doors import BEARERS, Asking, Hub, session_cookie
from hub.web.forms import drop_cookie, parse_form, see_other
from hub.web.pages import language_of, render

router = APIRouter(include_in_schema=False)

COPIES: Final = "/me/export"
CLOSING: Final = "/admin/closing"
NOTICE: Final = timedelta(days=30)  # what is suggested, so that people can prepare


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


@router.get(CLOSING, dependencies=[STEWARDS])
async def ends(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """When the hub closes, or what would become of everything if it did."""
    require(caller, "administer")
    return await _ending(request, hub, said=said)


@router.post(CLOSING, dependencies=[STEWARDS])
async def end(request: Request, hub: Hub, caller: Asking) -> Response:
    """Announce it, once the hub's name was written; or take that back."""
    require(caller, "administer")
    form = await parse_form(request)
    try:
        if form.text("deed") == "stay":
            await ending.unsay(hub)
            return see_other(f"{CLOSING}?said=stays")
        _refuse_unmeant(hub, form.text("name"))
        await ending.say(hub, form.text("day"), deletes=form.text("then") == "delete")
    except Invalid as error:
        return await _ending(request, hub, error.status, errors=error.fields, values=form.values())
    except HubError as error:
        return await _ending(request, hub, error.status, error=str(error))
    hub.wake.ring()
    return see_other(f"{CLOSING}?said=closes")


def _refuse_unmeant(hub: Services, written: str) -> None:
    """Go on if the hub's name was written by hand.

    Raises:
        Invalid: it was not.
    """
    name = hub.settings.name
    if tidy(written).casefold() != tidy(name).casefold():
        told = filled("Write the name of this hub as it stands here: {name}", name=name)
        raise Invalid(told, {"name": told})


async def _ending(
    request: Request,
    hub: Services,
    status: int = 200,
    *,
    errors: dict[str, str] | None = None,
    values: dict[str, str] | None = None,
    error: str = "",
    said: str = "",
) -> Response:
    async with hub.db.read() as session:
        held = await ending.held(session)
    day = (now().astimezone(hub.settings.zone) + NOTICE).date()
    context = {
        "ends": closing_of(hub.settings),
        "held": held,
        "values": {"day": day.isoformat(), "then": "keep", **(values or {})},
        "errors": errors or {},
        "error": error,
        "said": said,
    }
    return render(request, "leaving/closing.html", status, **context)

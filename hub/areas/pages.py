"""Channels of areas, for stewards: making, changing and ending them."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.areas import queries, service
from hub.areas.models import Area
from hub.areas.schemas import LOCAL, USUAL_M, draft_of
from hub.areas.views import rules_of
from hub.core.errors import HubError, Invalid
from hub.core.services import Services
from hub.fediverse import follows
from hub.people.permissions import STEWARDS, require
from hub.web.doors import Asking, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import render

router = APIRouter(prefix="/admin/areas", include_in_schema=False, dependencies=[STEWARDS])

PAGE: Final = "/admin/areas"
KM: Final = 1000


@router.get("")
async def listed(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """All channels, and the form for a new one."""
    require(caller, "administer")
    settings = hub.settings
    usual = {
        "latitude": settings.latitude,
        "longitude": settings.longitude,
        "within": (USUAL_M // KM),
    }
    return await _page(request, hub, said=said, values=usual)


@router.post("")
async def make(request: Request, hub: Hub, caller: Asking) -> Response:
    """A new channel."""
    require(caller, "administer")
    form = await parse_form(request)
    try:
        draft = draft_of({"name": form.text("name"), **_entered(form)})
        async with hub.db.write() as session:
            area = await service.make(session, hub, draft)
            name = area.actor.name
    except HubError as error:
        return await _page(request, hub, error.status, error=error, values=_again(form))
    return see_other(f"/@{name}")


@router.get("/{name}")
async def edit(name: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """One channel, to change it."""
    require(caller, "administer")
    async with hub.db.read() as session:
        area = await queries.by_name(session, name)
    values = rules_of(area)
    values |= {"tags": ", ".join(area.tags), "within": f"{area.within_m / KM:g}"}
    return await _form(request, hub, area, values=values)


@router.post("/{name}")
async def change(name: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """Change it."""
    require(caller, "administer")
    form = await parse_form(request)
    try:
        async with hub.db.write() as session:
            area = await queries.by_name(session, name)
            draft = draft_of({"name": area.actor.name, **_entered(form)})
            await service.change(session, hub, area, draft)
    except Invalid as error:
        async with hub.db.read() as session:
            area = await queries.by_name(session, name)
        return await _form(request, hub, area, error.status, error=error, values=_again(form))
    request.app.state.site.forget()
    return see_other(f"{PAGE}?said=saved")


@router.get("/{name}/end")
async def ask_end(name: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """Is it really to end?"""
    require(caller, "administer")
    async with hub.db.read() as session:
        area = await queries.by_name(session, name)
    return render(request, "areas/confirm.html", area=area)


@router.post("/{name}/end")
async def end(name: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """End it."""
    require(caller, "administer")
    await parse_form(request)
    async with hub.db.write() as session:
        await service.end(session, hub, await queries.by_name(session, name))
    request.app.state.site.forget()
    return see_other(f"{PAGE}?said=ended")


def _entered(form: Form) -> dict[str, Any]:
    """What was entered, by the names of a draft; kilometres are metres there."""
    within = form.text("within").replace(",", ".")
    try:
        metres: Any = round(float(within) * KM) if within else USUAL_M
    except (ValueError, OverflowError):
        metres = within
    return {
        "title": form.text("title"),
        "summary": form.text("summary"),
        "kinds": list(form.all("kinds")),
        "tags": form.text("tags"),
        "origins": list(form.all("origins")),
        "latitude": form.maybe("latitude"),
        "longitude": form.maybe("longitude"),
        "within": metres,
        "open_to_posts": bool(form.text("open_to_posts")),
    }


def _again(form: Form) -> dict[str, Any]:
    return {**form.values(), "kinds": form.all("kinds"), "origins": form.all("origins")}


async def _page(
    request: Request,
    hub: Services,
    status: int = 200,
    *,
    values: dict[str, Any],
    said: str = "",
    error: HubError | None = None,
) -> Response:
    async with hub.db.read() as session:
        rows, counts = await queries.listed(session), await queries.counts(session)
        known = await follows.followed_servers(session)
    return render(
        request,
        "areas/list.html",
        status,
        areas=rows,
        counts=counts,
        origins=[LOCAL, *sorted(known)],
        said=said,
        values=values,
        **_told(error),
    )


async def _form(
    request: Request,
    hub: Services,
    area: Area,
    status: int = 200,
    *,
    values: dict[str, Any],
    error: HubError | None = None,
) -> Response:
    async with hub.db.read() as session:
        known = await follows.followed_servers(session)
    origins = [LOCAL, *sorted({*known, *area.origins} - {LOCAL})]
    return render(
        request,
        "areas/form.html",
        status,
        area=area,
        origins=origins,
        values=values,
        **_told(error),
    )


def _told(error: HubError | None) -> dict[str, Any]:
    fields = error.fields if isinstance(error, Invalid) else {}
    return {"errors": fields, "error": "" if error is None or fields else str(error)}

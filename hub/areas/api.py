"""Channels of areas for programs: `/api/v1/areas`."""

from __future__ import annotations

from fastapi import Request

from hub.areas import queries, service
from hub.areas.schemas import AreaChange, AreaDraft, Areas, AreaView, draft_of
from hub.areas.views import rules_of, view_of
from hub.people.permissions import STEWARDS, require
from hub.web.bodies import api_router
from hub.web.doors import OPEN, Asking, Hub

router = api_router("/areas", "areas")


@router.get("", dependencies=[OPEN])
async def listed(hub: Hub) -> Areas:
    """The channels of areas and themes that this hub has, and what each passes on."""
    async with hub.db.read() as session:
        rows, counts = await queries.listed(session), await queries.counts(session)
    return Areas(items=[view_of(row, *counts.get(row.actor_id, (0, 0))) for row in rows])


@router.get("/{name}", dependencies=[OPEN])
async def one(name: str, hub: Hub) -> AreaView:
    """One of them."""
    async with hub.db.read() as session:
        area, counts = await queries.by_name(session, name), await queries.counts(session)
    return view_of(area, *counts.get(area.actor_id, (0, 0)))


@router.post("", status_code=201, dependencies=[STEWARDS])
async def make(draft: AreaDraft, hub: Hub, caller: Asking) -> AreaView:
    """A new one: what fits is passed on from now on, up to thirty things an hour."""
    require(caller, "administer")
    async with hub.db.write() as session:
        area = await service.make(session, hub, draft)
    return view_of(area, 0, 0)


@router.patch("/{name}", dependencies=[STEWARDS])
async def change(
    name: str, sent: AreaChange, request: Request, hub: Hub, caller: Asking
) -> AreaView:
    """Let it pass on something else; what was passed on and fits no more is taken back."""
    require(caller, "administer")
    async with hub.db.write() as session:
        area = await queries.by_name(session, name)
        merged = {**rules_of(area), **sent.model_dump(exclude_unset=True)}
        draft = draft_of({"name": area.actor.name, **merged})
        await service.change(session, hub, area, draft)
        counts = await queries.counts(session)
    request.app.state.site.forget()
    return view_of(area, *counts.get(area.actor_id, (0, 0)))


@router.delete("/{name}", status_code=204, dependencies=[STEWARDS])
async def end(name: str, request: Request, hub: Hub, caller: Asking) -> None:
    """End it; its name is not given again."""
    require(caller, "administer")
    async with hub.db.write() as session:
        await service.end(session, hub, await queries.by_name(session, name))
    request.app.state.site.forget()
